from arogya_bench.report.inline_svg import inline_svg


def test_numbers_of_the_text_alternative_are_whole_and_those_of_lengths_are_short():
    svg = '<svg width="1.23456" role="img" aria-label="0.438 [0.354, 0.523], p &lt; 0.001"><rect x="1.23456"/></svg>'

    small = inline_svg(svg)

    assert 'aria-label="0.438 [0.354, 0.523], p &lt; 0.001"' in small
    assert '<rect x="1.23"/>' in small

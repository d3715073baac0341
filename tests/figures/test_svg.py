from xml.etree import ElementTree

import altair as alt

from arogya_bench.figures import theme
from arogya_bench.figures.evaluation import to_svg
from arogya_bench.figures.svg import number_identifiers


def heat_map(colour="share:Q"):
    rows = [{"a": "x", "share": 0.1}, {"a": "y", "share": 0.9}]
    chart = alt.Chart(alt.Data(values=rows)).mark_rect().encode(x="a:N", color=colour)
    return theme.apply_theme(chart, "Shares & <more>", "Two of them.")


def test_a_chart_is_one_image_with_its_title_as_text_alternative():
    drawn = to_svg(heat_map())

    assert '<svg role="img" aria-label="Shares &amp; &lt;more&gt;. Two of them." ' in drawn
    assert drawn.count("aria-") == 1


def test_the_finding_is_the_text_alternative_and_stays_one_attribute():
    assert "aria-label='a is \"best\" &lt; b' " in to_svg(heat_map(), alternative='a is "best"\n < b')


def test_identical_charts_are_identical_and_others_share_no_identifier():
    first, again, other = to_svg(heat_map()), to_svg(heat_map()), to_svg(heat_map("a:N"))

    assert first == again
    assert 'id="' in first  # the gradient of the key
    identifier = first.split('id="')[1].split('"')[0]
    assert f"url(#{identifier})" in first
    assert identifier not in other


def test_references_follow_their_identifiers():
    svg = '<svg><g id="clip1"/><g id="clip12"/><use clip-path="url(#clip12)" href="#clip1"/></svg>'

    numbered = number_identifiers(svg)

    first, second = [part.split('"')[0] for part in numbered.split('id="')[1:]]
    assert f'url(#{second})" href="#{first}"' in numbered


def test_colours_of_the_page_are_variables_and_those_of_data_are_not():
    drawn = to_svg(heat_map(), theme_variables=True)

    assert 'fill="var(--chart-ink, #1f2933)"' in drawn
    assert 'fill="var(--chart-paper, white)"' in drawn
    assert "rgb(" in drawn
    assert f'"{theme.INK}"' not in drawn


def test_every_variable_has_a_colour_on_white_and_on_dark():
    light, dark = theme.css_variables().splitlines()

    assert "--chart-ink: #1f2933;" in light
    assert "--chart-ink: #e6ebf0;" in dark
    assert light.count("--chart-") == dark.count("--chart-") == len(theme.VARIABLES)


def test_long_names_lose_their_middle_and_stay_apart():
    names = ["a" * 100 + "x" * 100, "a" * 100 + "y" + "x" * 99, "short"]

    short = theme.shorten_names(names)

    assert short["short"] == "short"
    assert len(set(short.values())) == 3
    assert all(len(text) <= theme.MAX_NAME + 4 for text in short.values())


def test_a_name_that_looks_like_an_attribute_stays_as_it_is():
    rows = [{"a": ' fill="white" role="img" id="x" url(#x'}]
    chart = theme.apply_theme(alt.Chart(alt.Data(values=rows)).mark_bar().encode(y="a:N"), "Names")

    drawn = ElementTree.fromstring(to_svg(chart, theme_variables=True))

    assert rows[0]["a"].strip() in {(element.text or "").strip() for element in drawn.iter()}

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from arogya_bench.report.body import PlacedSection, list_blocks
from arogya_bench.report.columns import Cell, Column, Link, number, text
from arogya_bench.report.content import build_report
from arogya_bench.report.markdown import escape_text, format_table, render_markdown
from arogya_bench.report.page_view import PageView
from arogya_bench.report.section import Section

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "a|b",
    "*bold* _it_ `code` ~~gone~~",
    "[here](http://evil.example)",
    "&amp;",
    "back\\slash \\| bar",
    "$x^2$",
    "# heading",
    "- item",
    "1. item",
    "---",
]


@pytest.fixture(scope="module")
def parser():
    """Markdown with HTML in it and GitHub's tables."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def tokens(parser, source):
    """All tokens, those within lines included."""
    return [inner for token in parser.parse(source) for inner in (token, *(token.children or ()))]


def shown(parser, source):
    """What a reader sees: the texts, without markup."""
    return "".join(token.content for token in tokens(parser, source) if token.type in ("text", "text_special"))


@pytest.mark.parametrize("name", HOSTILE)
def test_markup_in_a_text_is_shown_letter_by_letter(parser, name):
    source = escape_text(name)

    assert shown(parser, source) == name
    assert {token.type for token in tokens(parser, source)} <= {
        "paragraph_open", "inline", "text", "text_special", "paragraph_close"
    }  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_markup_in_a_cell_leaves_the_table_as_it_is(parser, name):
    section = Section(
        name="s", title="", note="", columns=(text("model"), number("n")), records=[{"model": name, "n": 1}]
    )

    found = tokens(parser, format_table(section))

    assert shown(parser, format_table(section)) == f"modeln{name}1.000"
    assert sum(token.type == "td_open" for token in found) == 2
    assert "html_inline" not in {token.type for token in found}


def test_numbers_are_aligned_to_the_right_and_lines_of_a_cell_stay_in_it(parser):
    section = Section(
        name="s", title="", note="", columns=(text("model"), number("n")), records=[{"model": "a\nb", "n": -0.5}]
    )  # fmt: skip

    assert format_table(section).splitlines() == ["| model | n |", "| :-- | --: |", "| a<br>b | -0.500 |"]


def test_a_cell_of_links_names_them():
    runs = Column(header="runs", format_cell=lambda _: "", links_of=lambda _: (Link(text="a"), Link(text="b")))
    section = Section(name="s", title="", note="", columns=(runs,), records=[{}])

    assert section.cells == [[Cell(text="", sort="", links=(Link(text="a"), Link(text="b")))]]
    assert format_table(section).splitlines()[-1] == "| a, b |"


def test_the_text_has_the_answer_and_every_section(parser, comparison):
    source = render_markdown(comparison)
    report = build_report(comparison)
    (dataset,) = report.datasets

    headings = [token.children for token in parser.parse(source) if token.type == "inline" and token.level == 1]
    found = ["".join(part.content for part in children) for children in headings]
    assert dataset.summary.answer in shown(parser, source)
    assert {section.title for section in dataset.sections} <= set(found)
    placed = [block for block in list_blocks(PageView(report=report)) if isinstance(block, PlacedSection)]
    assert sum(token.type == "table_open" for token in parser.parse(source)) == len(placed)


def test_identical_comparisons_give_identical_texts(comparison):
    assert render_markdown(comparison) == render_markdown(replace(comparison))

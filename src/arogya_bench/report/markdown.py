"""Render a comparison as Markdown with the tables of GitHub."""

import re
from collections.abc import Iterator, Sequence

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.report.body import Block, Definitions, Heading, Sentences, cell_text, list_blocks
from arogya_bench.report.columns import Cell
from arogya_bench.report.page import view_report
from arogya_bench.report.page_view import PageView
from arogya_bench.report.section import Section
from arogya_bench.report.structure import DatasetReport

# What Markdown, HTML within it, or GitHub would read as markup.
MARKUP = re.compile(r"([\\`*_\[\]{}|~$])")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
BLOCK_START = re.compile(
    r"^(\s*)(#{1,6}(?=\s)|[+-](?=\s)|\d+[.)](?=\s)|=+$|-+$)", re.MULTILINE
)  # of headings and lists


def render_markdown(comparison: ComparisonTables) -> str:
    """Render the report as one text; identical comparisons give identical texts."""
    view = view_report(comparison, server="")
    report = view.report
    parts = [f"# {escape_text(report.title)}", escape_text(report.subtitle)]
    parts += [part for dataset in report.datasets for part in _first_screen(dataset, view)]
    parts += [part for block in list_blocks(view) for part in _block(block)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape_text(text: str) -> str:
    """A text that Markdown shows letter by letter, also at the start of a paragraph."""
    plain = _escape_letters(text)
    return BLOCK_START.sub(lambda match: f"{match[1]}{_escape_start(match[2])}", plain)


def _escape_letters(text: str) -> str:
    return MARKUP.sub(r"\\\1", "".join(ENTITIES.get(letter, letter) for letter in text))


def format_table(section: Section) -> str:
    """The table of a section; numbers are aligned to the right."""
    rules = ["--:" if column.numeric else ":--" for column in section.columns]
    rows = [[_cell(cell) for cell in row] for row in section.cells]
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in ([_one_line(name) for name in section.headers], rules, *rows)
    )


def _escape_start(mark: str) -> str:
    return f"{mark[:-1]}\\{mark[-1]}"


def _one_line(text: str) -> str:
    return "<br>".join(_escape_letters(line) for line in text.splitlines())


def _cell(cell: Cell) -> str:
    text = _one_line(cell_text(cell))
    return f"*{text}*" if cell.tone == "grey" and text else text


def _first_screen(dataset: DatasetReport, view: PageView) -> Iterator[str]:
    summary = dataset.summary
    yield f"## {escape_text(dataset.dataset)}"
    yield escape_text(summary.question)
    yield f"**{escape_text(summary.answer)}**"
    yield escape_text(summary.reason)
    yield _list([f"{number.label}: {number.value}" for number in summary.numbers])
    for label, items in (
        ("What it rests on", [f"{name}: {value}" for name, value in summary.rests_on]),
        ("What it does not show", summary.not_shown),
        ("Warnings", [f"{view.label(one.weight.capitalize())}: {one.text}" for one in view.warnings(dataset)]),
    ):
        if items:
            yield f"**{escape_text(view.label(label))}**"
            yield _list(items)


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {escape_text(item)}" for item in items)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * (block.level + 1)} {escape_text(block.text)}"
        case Sentences():
            yield escape_text(" ".join(block.sentences))
        case Definitions():
            yield "\n".join(f"- **{escape_text(term)}**: {escape_text(text)}" for term, text, _ in block.entries)
        case _:
            section = block.section
            yield f"{'#' * (block.level + 1)} {escape_text(section.title)}"
            yield escape_text(section.note)
            yield escape_text(section.finding()) if section.finding else ""
            yield format_table(section)
            yield _list(section.footnotes)

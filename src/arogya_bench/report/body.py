"""What follows the first screen of a report, as one sequence of headings, sentences and sections: for printed forms."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from arogya_bench.report.anchors import (
    ALL,
    APPENDIX,
    chapter_anchor,
    dataset_anchor,
    group_anchor,
    section_anchor,
    term_anchor,
)
from arogya_bench.report.columns import Cell
from arogya_bench.report.page_view import PageView
from arogya_bench.report.section import Section
from arogya_bench.report.structure import Chapter

METHODS = "methods"
IN_DETAIL = "in detail"  # after the name of a dataset


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A heading.

    Attributes:
        level: 1 for a dataset, the methods and what follows, 2 for a chapter, 3 and 4 within it.
        anchor: Where links lead.
    """

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, kw_only=True)
class Sentences:
    """A paragraph."""

    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlacedSection:
    """A section at its place.

    Attributes:
        part: The dataset that it belongs to, of which links are to be resolved; empty for none.
        group: Title of its group, such as the name of a model; empty for none.
    """

    level: int
    section: Section
    anchor: str
    part: str = ""
    group: str = ""

    @property
    def whole_title(self) -> str:
        """The title after that of the group, for a chart that stands at another place."""
        return f"{self.group}: {self.section.title}" if self.group else self.section.title


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """Terms with their explanations and anchors."""

    entries: tuple[tuple[str, str, str], ...]


Block: TypeAlias = Heading | Sentences | PlacedSection | Definitions


def list_blocks(view: PageView) -> Iterator[Block]:
    """The report after its first screens, in reading order."""
    report = view.report
    for dataset in report.datasets:
        title = f"{dataset.dataset} {view.label(IN_DETAIL)}"
        yield Heading(level=1, text=title, anchor=f"{dataset_anchor(dataset.dataset)}-details")
        for chapter in dataset.chapters:
            yield from _chapter_blocks(chapter, dataset.dataset, level=2)
    if report.sections:
        yield Heading(level=1, text=report.sections_title, anchor="beyond-one-dataset")
        for section in report.sections:
            yield PlacedSection(level=2, section=section, anchor=section_anchor("", ALL, section.name))
    yield Heading(level=1, text=report.methods_title, anchor=METHODS)
    yield Definitions(entries=tuple((term, explanation, "") for term, explanation in report.methods))
    for chapter in report.appendix:
        yield from _chapter_blocks(chapter, APPENDIX, level=1)
    if report.glossary:
        yield Heading(level=1, text=view.label("Glossary"), anchor="glossary")
        entries = ((name, explanation, term_anchor(term)) for term, name, explanation in report.glossary)
        yield Definitions(entries=tuple(entries))


def cell_text(cell: Cell) -> str:
    """The text of a cell with that of its links."""
    return " ".join(filter(None, [cell.text, ", ".join(link.text for link in cell.links)]))


def _chapter_blocks(chapter: Chapter, part: str, *, level: int) -> Iterator[Block]:
    yield Heading(level=level, text=chapter.title, anchor=chapter_anchor(part, chapter.name))
    for group in chapter.groups:
        if group.title:
            yield Heading(level=level + 1, text=group.title, anchor=group_anchor(part, group.name))
        if group.sentences:
            yield Sentences(sentences=group.sentences)
        for section in group.sections:
            anchor = section_anchor(part, group.name, section.name)
            depth = level + (2 if group.title else 1)
            yield PlacedSection(level=depth, section=section, anchor=anchor, part=part, group=group.title)

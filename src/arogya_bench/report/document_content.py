"""What the layout of the PDF is filled with: first screens, headings, tables and the files of charts and pictures."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.anchors import dataset_anchor, run_anchor
from arogya_bench.report.body import Block, Definitions, Heading, PlacedSection, Sentences, list_blocks
from arogya_bench.report.columns import Cell, Link
from arogya_bench.report.page_view import NO_FINDING, RUNS, PageView
from arogya_bench.report.section import Section
from arogya_bench.report.structure import DatasetReport
from arogya_bench.report.table_layout import TablePart, breakable, lay_out

Content = dict[str, Any]

PAGE_WIDTH = 510.0  # points between the margins of A4
POINTS_PER_PIXEL = 0.66  # of charts: letters of 12 pixels are about as large as those of tables
MIN_POINTS_PER_PIXEL = 0.55  # smaller letters would not be readable
MAX_HEIGHT = 700.0  # points of a chart on a page of its own
MAX_INLINE_HEIGHT = 190.0  # points; a higher chart goes to the end of the page, so that the text before it fills it
ROOM_FOR_HEADING = 30.0  # points
ROOM_FOR_ROWS = 80.0  # points of a table that stand with its heading at least
TOO_LARGE = "The chart is too large for a page: the web page and --format png show it."
LINE = 11.0  # points of a line of a note
LETTERS_PER_LINE = 130
LABELS = ("What it rests on", "What it does not show", "Warnings", "Notes", "Contents")
IMAGE_TYPES = {"jpeg": "jpg", "png": "png", "webp": "webp"}  # endings of the files of pictures
DATA_URI = re.compile(r"data:image/(\w+);base64,(.+)", re.DOTALL)
SIZE = re.compile(r'<svg[^>]* width="([\d.]+)"[^>]* height="([\d.]+)"')


def describe_document(view: PageView, folder: Path) -> Content:
    """Everything that the layout shows; charts and pictures are written to the folder."""
    report, blocks = view.report, list(list_blocks(view))
    places = frozenset(_list_places(view, blocks))
    document = _Document(folder=folder, view=view, places=places, unused=set(places))
    return {
        "title": report.title,
        "subtitle": report.subtitle,
        "language": report.language,
        "keywords": [dataset.dataset for dataset in report.datasets],
        "labels": {label: view.label(label) for label in LABELS},
        "screens": [document.first_screen(dataset) for dataset in report.datasets],
        "blocks": [document.block(block) for block in blocks],
    }


def _list_places(view: PageView, blocks: Sequence[Block]) -> Iterator[str]:
    """All places that links may lead to."""
    yield from (dataset_anchor(dataset.dataset) for dataset in view.report.datasets)
    yield from map(run_anchor, view.listed_runs)
    for block in blocks:
        if isinstance(block, Heading | PlacedSection):
            yield block.anchor
        elif isinstance(block, Definitions):
            yield from (anchor for _, _, anchor in block.entries if anchor)


@dataclass(frozen=True, kw_only=True)
class _Figure:
    """A chart as a file.

    Attributes:
        alt: What it shows, for readers who cannot see it.
        scale: Points per pixel.
        width: In points, as the height.
    """

    file: str
    alt: str
    scale: float
    width: float
    height: float

    @property
    def floats(self) -> bool:
        """Whether it stands at the end of a page, so that no page ends with the room that it would need."""
        return self.height > MAX_INLINE_HEIGHT


@dataclass(kw_only=True)
class _Document:
    """Turns the parts of a report into content, and numbers the files that they need.

    Attributes:
        places: What links may lead to.
        unused: Places that no part of the content has yet; Typst lets no two parts have one.
        files: Names of charts and pictures.
    """

    folder: Path
    view: PageView
    places: frozenset[str]
    unused: set[str]
    files: list[str] = field(default_factory=list)

    def claim(self, place: str) -> str:
        """The name of a place for the first part that asks for it; empty for others."""
        if place not in self.unused:
            return ""
        self.unused.remove(place)
        return place

    def save(self, content: bytes, ending: str) -> str:
        """Write a file; its name."""
        name = f"{len(self.files)}.{ending}"
        self.files.append(name)
        (self.folder / name).write_bytes(content)
        return name

    def first_screen(self, dataset: DatasetReport) -> Content:
        summary = dataset.summary
        return {
            "dataset": dataset.dataset,
            "anchor": self.claim(dataset_anchor(dataset.dataset)),
            "question": summary.question,
            "answer": summary.answer,
            "reason": summary.reason,
            "numbers": [{"label": number.label, "value": number.value} for number in summary.numbers],
            "rests_on": summary.rests_on,
            "not_shown": summary.not_shown,
            "warnings": [
                {"weight": warning.weight, "label": self.view.label(warning.weight.capitalize()), "text": warning.text}
                for warning in self.view.warnings(dataset)
            ],
        }

    def block(self, block: Block) -> Content:
        match block:
            case Heading():
                return {
                    "kind": "heading",
                    "level": block.level,
                    "text": block.text,
                    "anchor": self.claim(block.anchor),
                    "flush": block.level <= 2,
                }
            case Sentences():
                return {"kind": "sentences", "sentences": block.sentences}
            case Definitions():
                entries = [
                    {"term": term, "text": text, "anchor": self.claim(anchor)} for term, text, anchor in block.entries
                ]
                return {"kind": "definitions", "entries": entries}
            case PlacedSection():
                return self.section(block)

    def section(self, placed: PlacedSection) -> Content:
        section = placed.section
        figure = self.figure(section)
        too_large = figure is not None and figure.scale < MIN_POINTS_PER_PIXEL
        shown = None if too_large else figure
        rows = section.cells
        cells = [self.row(row, placed.part) for row in rows]
        if section.name == RUNS:
            for record, row in zip(section.records, cells, strict=True):
                row[0] = {**_rich(row[0]), "anchor": self.claim(run_anchor(str(record["run_id"])))}
        note = LINE * (1 + len(section.note) // LETTERS_PER_LINE)
        below = shown.height if shown is not None and not shown.floats else ROOM_FOR_ROWS
        return {
            "kind": "section",
            "level": placed.level,
            "title": section.title,
            "anchor": self.claim(placed.anchor),
            "note": section.note,
            "figure": None if shown is None else {**asdict(shown), "floats": shown.floats, "title": placed.whole_title},
            "need": ROOM_FOR_HEADING + note + below,
            "parts": [_table(section, part, cells) for part in lay_out(section.headers, rows, PAGE_WIDTH)],
            "footnotes": [*([self.view.label(TOO_LARGE)] if too_large else []), *section.footnotes],
        }

    def figure(self, section: Section) -> "_Figure | None":
        """The chart of a section as a file; None without one."""
        chart = section.chart
        if chart is None:
            return None
        svg = to_svg(chart)
        size = SIZE.search(svg)
        width, height = (float(size[1]), float(size[2])) if size else (PAGE_WIDTH, PAGE_WIDTH)
        scale = min(POINTS_PER_PIXEL, PAGE_WIDTH / width, MAX_HEIGHT / height)
        finding = section.finding() if section.finding else self.view.label(NO_FINDING).format(title=section.title)
        return _Figure(
            file=self.save(svg.encode(), "svg"), alt=finding, scale=scale, width=scale * width, height=scale * height
        )

    def row(self, cells: Sequence[Cell], part: str) -> list[Content | str]:
        named = next((cell.text for cell in cells if cell.text), "")
        return [self.cell(cell, part, named=named) for cell in cells]

    def cell(self, cell: Cell, part: str, *, named: str) -> Content | str:
        """A cell; a text alone if there is nothing else to it, which is laid out faster."""
        text = breakable(cell.text)
        if not (cell.tone or cell.links or cell.image):
            return text
        picture = self.image(cell.image, alternative=cell.text or named) if cell.image else None
        links = [self.link(link, part) for link in cell.links]
        return {**_rich(text), "tone": cell.tone, "links": links, "image": picture}

    def link(self, link: Link, part: str) -> Content:
        """A link to a run if the address of MLflow is known, else to its row or to a place of the report."""
        if link.run_id and self.view.server:
            return {"text": link.text, "url": self.view.run_address(link.run_id), "place": ""}
        place = run_anchor(link.run_id) if link.run_id else self.view.anchors.find(link.anchor, part)
        return {"text": link.text, "url": "", "place": place if place in self.places else ""}

    def image(self, uri: str, *, alternative: str) -> Mapping[str, str] | None:
        """A picture as a file; None for one of a kind that Typst does not read."""
        match = DATA_URI.fullmatch(uri)
        if match is None or match[1] not in IMAGE_TYPES:
            return None
        return {"file": self.save(base64.b64decode(match[2]), IMAGE_TYPES[match[1]]), "alt": alternative}


def _rich(cell: Content | str) -> Content:
    """A cell with room for a tone, links, a picture and a place."""
    return {"text": cell, "tone": "", "links": [], "image": None, "anchor": ""} if isinstance(cell, str) else cell


def _table(section: Section, part: TablePart, cells: list[list[Content | str]]) -> Content:
    return {
        "headers": [breakable(section.columns[place].header) for place in part.columns],
        "aligned": ["right" if section.columns[place].numeric else "left" for place in part.columns],
        "widths": part.widths,
        "size": part.size,
        "rows": [[row[place] for place in part.columns] for row in cells],
    }

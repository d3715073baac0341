"""Sets a contact sheet: names at the left, images beside them, remarks at the foot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from arogya_bench.errors import DatasetError
from arogya_bench.figures.contact_tiles import TILE, colour_of, gap, tile
from arogya_bench.figures.marks import font
from arogya_bench.figures.theme import INK, MUTED
from arogya_bench.types import Case, Dataset, Mask

SIDE = 220  # pixels of the column with the names
SPACE = 8  # pixels between images
MARGIN = 20  # pixels around the sheet
SWATCH = 14  # pixels of a side
TITLE, NAME, SMALL = 24, 17, 14  # sizes of letters
LEADING = 1.35  # height of a line in sizes of its letters
CUT = "..."
_letters = cache(font)  # each call would unpack the font
MOST_ROWS = 60  # many viewers do not open what is taller
NAMED = 5  # images that cannot be read


@dataclass(frozen=True, kw_only=True)
class Row:
    """Images of one class.

    Attributes:
        name: Of the class.
        counts: What there is of it, one line each.
        label: Index of the class; None for what belongs to none.
        cases: In the order in which they are shown, as far as they fit.
    """

    name: str
    counts: tuple[str, ...]
    label: int | None
    cases: tuple[Case, ...]


class _Strip(NamedTuple):
    """One row as a picture, and the ids of what could not be read."""

    picture: Picture.Image
    shown: int
    images: tuple[str, ...]
    masks: tuple[str, ...]


def page(dataset: Dataset, rows: Sequence[Row], per_class: int) -> Picture.Image:
    """Set the rows one below the other, with the name of the dataset above.

    Args:
        dataset: Reads the images.
        rows: At least one; of very many the first ones are shown.
        per_class: Images in a row.
    """
    strips = [_strip(dataset, row, per_class) for row in rows[:MOST_ROWS]]
    width = strips[0].picture.width
    remarks = [_text(remark, SMALL, INK, width) for remark in _remarks(dataset, rows, strips)]
    parts = [
        _text(dataset.name, TITLE, INK, width),
        _text(_facts(dataset), SMALL, MUTED, width),
        *(strip.picture for strip in strips),
        *remarks,
    ]
    tall = sum(part.height + SPACE for part in parts) - SPACE
    sheet = Picture.new("RGB", (width + 2 * MARGIN, tall + 2 * MARGIN), "white")
    top = MARGIN
    for part in parts:
        sheet.paste(part, (MARGIN, top))
        top += part.height + SPACE
    return sheet


def _strip(dataset: Dataset, row: Row, per_class: int) -> _Strip:
    picture = Picture.new("RGB", (SIDE + per_class * (TILE + SPACE) - SPACE, TILE), "white")
    picture.paste(_label(row, swatch=_is_drawn_on(dataset)), (0, 0))
    shown = row.cases[:per_class]
    images, masks = list[str](), list[str]()
    for place, case in enumerate(shown):
        try:
            drawn, whole = _tile(dataset, case, row)
            masks += [] if whole else [case.case_id]
        except DatasetError:
            drawn = gap("unreadable")
            images.append(case.case_id)
        picture.paste(drawn, (SIDE + place * (TILE + SPACE), 0))
    if not shown:
        picture.paste(gap("no image"), (SIDE, 0))
    return _Strip(picture, len(shown), tuple(images), tuple(masks))


def _tile(dataset: Dataset, case: Case, row: Row) -> tuple[Picture.Image, bool]:
    """The image of a case, and whether its mask could be read or is none."""
    image = dataset.read(case)
    own = row.label if dataset.task in ("detection", "segmentation") else None
    regions, whole = dict[int, Mask](), True
    if dataset.read_mask is not None:
        try:
            regions = _regions(dataset, dataset.read_mask(case), row)
        except DatasetError:
            whole = False
    return tile(image, case.boxes or (), regions, own=own), whole


def _regions(dataset: Dataset, mask: Mask, row: Row) -> dict[int, Mask]:
    """Class to where it is; where whole images have a class, all of a mask is of that one."""
    if dataset.task != "segmentation":
        return {row.label or 0: (mask > 0).astype(np.uint8)}
    return {label: (mask == label).astype(np.uint8) for label in np.unique(mask).tolist() if label}


def _is_drawn_on(dataset: Dataset) -> bool:
    return dataset.read_mask is not None or any(case.boxes for case in dataset.cases)


def _label(row: Row, *, swatch: bool) -> Picture.Image:
    """Name and counts of a row, in the height of its images."""
    width = SIDE - 2 * SPACE
    label = Picture.new("RGB", (width, TILE), "white")
    indent = SWATCH + SPACE if swatch else 0
    name = _text(row.name, NAME, INK, width - indent, most=5)
    label.paste(name, (indent, 0))
    if swatch and row.label is not None:
        pen = ImageDraw.Draw(label)
        pen.rectangle((0, 3, SWATCH, SWATCH + 3), fill=colour_of(row.label))
    top = name.height + SPACE
    for count in row.counts:
        line = _text(count, SMALL, MUTED, width - indent, most=1)
        label.paste(line, (indent, top))
        top += line.height
    return label


def _facts(dataset: Dataset) -> str:
    facts = [
        dataset.task,
        f"{len(dataset.cases):,} images",
        f"{len(dataset.classes)} classes" + (", grades in ascending order" * dataset.ordinal),
        dataset.licence,
    ]
    return " · ".join(facts)


def _remarks(dataset: Dataset, rows: Sequence[Row], strips: Sequence[_Strip]) -> Iterator[str]:
    total = sum(strip.shown for strip in strips)
    for noun, lost in (
        ("images", [name for strip in strips for name in strip.images]),
        ("masks", [name for strip in strips for name in strip.masks]),
    ):
        if lost:
            more = f" and {len(lost) - NAMED:,} more" if len(lost) > NAMED else ""
            names = ", ".join(lost[:NAMED])
            yield f"{len(lost):,} of these {total:,} {noun} cannot be read: {names}{more}."
    if any(case.boxes for case in dataset.cases) and dataset.task == "detection":
        yield "Boxes have the colour of their class; those of the class of the row are thick."
    if len(rows) > len(strips):
        yield f"{len(rows) - len(strips):,} further classes are not shown."


def _text(text: str, size: int, colour: str, width: int, *, most: int = 4) -> Picture.Image:
    """Write a text in as many lines as it needs; what is beyond the last one becomes dots."""
    lines = _broken(text, size, width, most)
    leading = round(size * LEADING)
    block = Picture.new("RGB", (width, leading * len(lines)), "white")
    pen = ImageDraw.Draw(block)
    for number, line in enumerate(lines):
        pen.text((0, number * leading), line, colour, _letters(size))
    return block


def _broken(text: str, size: int, width: int, most: int) -> list[str]:
    """Break between words, and within those that are too long alone."""
    letters, lines = _letters(size), [""]
    for word in text.split():
        for piece in _pieces(word, size, width):
            joined = f"{lines[-1]} {piece}".strip()
            if letters.getlength(joined) <= width:
                lines[-1] = joined
            else:
                lines.append(piece)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and letters.getlength(last + CUT) > width:
        last = last[:-1]
    return [*lines[: most - 1], last.rstrip() + CUT]


def _pieces(word: str, size: int, width: int) -> list[str]:
    letters, pieces = _letters(size), [""]
    if letters.getlength(word) <= width:
        return [word]
    for letter in word:
        if pieces[-1] and letters.getlength(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces

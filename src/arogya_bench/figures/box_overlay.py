"""Boxes drawn on images: what lies there, and what a detector found, on one sheet."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from arogya_bench.figures.marks import (
    CROWD_WIDTH,
    FOUND_WIDTH,
    TRUE_WIDTH,
    Frame,
    Mark,
    dashed,
    draw_marks,
    font,
)
from arogya_bench.figures.theme import COLOURS, INK, MUTED
from arogya_bench.types import Box, Detections, Image

MOST_IMAGES = 6
COLUMNS = 3
TILE = 520  # pixels of the longer side of every image on the sheet
GAP = 18  # pixels between images, and around the sheet
LINE = 22  # pixels of one line of text
SAMPLE = 34  # pixels of the sample before a text in the legend
PIXELATED = 2.0  # from this scale on, pixels are shown as squares, not smoothed


def boxes_png(
    images: Sequence[Image],
    truth: Sequence[Sequence[Box]],
    found: Sequence[Detections],
    classes: Sequence[str],
    *,
    threshold: float,
) -> bytes:
    """Draw true and found boxes on up to six images, side by side.

    True boxes are thick and solid, found ones thin and dashed, with class and score; the colour
    is that of the class. Images are scaled to one size, so that lines and text stay legible.

    Args:
        images: Of any sizes.
        truth: Per image its boxes, in its pixels.
        found: Per image what was found, in its pixels.
        classes: Their names.
        threshold: Least score of a detection that is shown.

    Returns:
        A PNG.

    Raises:
        ValueError: If there are no images or more than six, or truth or found are not as many.
    """
    if not 1 <= len(images) <= MOST_IMAGES or not len(images) == len(truth) == len(found):
        raise ValueError(
            f"{len(images)} images, {len(truth)} with truth and {len(found)} with detections: "
            f"they must be as many, from 1 to {MOST_IMAGES}"
        )
    tiles = [
        _tile(image, list(_marks(boxes, seen, classes, threshold, _scale(image))))
        for image, boxes, seen in zip(images, truth, found, strict=True)
    ]
    labels = {box.label for boxes in truth for box in boxes}
    labels |= {int(k) for seen in found for k in seen.labels[seen.scores >= threshold]}
    crowds = any(box.crowd for boxes in truth for box in boxes)
    entries = list(_legend(classes, sorted(labels), threshold, crowds=crowds))
    stored = BytesIO()
    _sheet(tiles, entries).save(stored, "PNG")
    return stored.getvalue()


def _scale(image: Image) -> float:
    return float(TILE / max(image.shape[:2]))


def _marks(
    boxes: Sequence[Box],
    found: Detections,
    classes: Sequence[str],
    threshold: float,
    scale: float,
) -> Iterator[Mark]:
    """Marks in the order of drawing: crowds, true boxes, then found ones, the best on top."""
    ambiguous = len(classes) > len(COLOURS)
    for box in sorted(boxes, key=lambda box: not box.crowd):
        yield Mark(
            frame=_frame((box.left, box.top, box.width, box.height), scale),
            colour=_colour(box.label),
            text=classes[box.label] if ambiguous else "",
            score=None,
            crowd=box.crowd,
        )
    for number in np.argsort(found.scores, kind="stable"):
        label, score = int(found.labels[number]), float(found.scores[number])
        if score >= threshold:
            yield Mark(
                frame=_frame(found.boxes[number], scale),
                colour=_colour(label),
                text=f"{classes[label]} {score:.2f}",
                score=score,
            )


def _frame(box: Sequence[float] | np.ndarray, scale: float) -> Frame:
    left, top, width, height = (float(side) * scale for side in box)
    return Frame(round(left), round(top), round(left + width), round(top + height))


def _colour(label: int) -> str:
    return COLOURS[label % len(COLOURS)]


def _tile(image: Image, marks: Sequence[Mark]) -> Picture.Image:
    """One image with its boxes, and below it how many there are."""
    scale = _scale(image)
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    how = Picture.Resampling.NEAREST if scale >= PIXELATED else Picture.Resampling.LANCZOS
    shown = Picture.fromarray(np.ascontiguousarray(image)).resize((width, height), how)
    pen = ImageDraw.Draw(shown)
    draw_marks(pen, marks, shown.size)
    tile = Picture.new("RGB", (TILE, height + LINE), "white")
    tile.paste(shown, ((TILE - width) // 2, 0))
    true = sum(mark.score is None and not mark.crowd for mark in marks)
    found = sum(mark.score is not None for mark in marks)
    caption = f"{true} true, {found} found"
    ImageDraw.Draw(tile).text((TILE // 2, height + 3), caption, MUTED, font(15), anchor="ma")
    return tile


class _Entry(NamedTuple):
    """One line of the legend; without a width it is the colour of a class."""

    text: str
    colour: str
    width: int | None


def _legend(
    classes: Sequence[str], labels: Sequence[int], threshold: float, *, crowds: bool
) -> Iterator[_Entry]:
    yield _Entry("true box", INK, TRUE_WIDTH)
    if crowds:
        yield _Entry("crowd, not counted", INK, CROWD_WIDTH)
    yield _Entry(f"found box, score {threshold:.2f} or more", INK, FOUND_WIDTH)
    yield from (_Entry(classes[label], _colour(label), None) for label in labels)


def _sheet(tiles: Sequence[Picture.Image], entries: Sequence[_Entry]) -> Picture.Image:
    rows = [tiles[start : start + COLUMNS] for start in range(0, len(tiles), COLUMNS)]
    width = GAP + min(COLUMNS, len(tiles)) * (TILE + GAP)
    lines = _lines(entries, width - 2 * GAP)
    heights = [max(tile.height for tile in row) for row in rows]
    top = GAP + len(lines) * LINE + GAP // 2
    sheet = Picture.new("RGB", (width, top + sum(heights) + GAP * len(rows)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        _legend_line(pen, line, GAP + number * LINE)
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            sheet.paste(tile, (GAP + column * (TILE + GAP), top + height - tile.height))
        top += height + GAP
    return sheet


def _lines(entries: Sequence[_Entry], width: int) -> list[list[_Entry]]:
    """Break the legend into lines that fit."""
    lines: list[list[_Entry]] = [[]]
    used = 0
    for entry in entries:
        needed = _entry_width(entry)
        if lines[-1] and used + needed > width:
            lines.append([])
            used = 0
        lines[-1].append(entry)
        used += needed
    return lines


def _entry_width(entry: _Entry) -> int:
    return SAMPLE + 8 + int(font(15).getlength(entry.text)) + 24


def _legend_line(pen: ImageDraw.ImageDraw, line: Sequence[_Entry], top: int) -> None:
    left = GAP
    for entry in line:
        middle = top + LINE // 2 - 2
        end = left + SAMPLE
        if entry.width == FOUND_WIDTH:
            dashed(pen, (left, middle), (end, middle), entry.colour)
        elif entry.width:
            pen.line([(left, middle), (end, middle)], entry.colour, entry.width)
        else:
            pen.rectangle((left, middle - 6, end, middle + 6), fill=entry.colour)
        pen.text((end + 8, middle), entry.text, INK, font(15), anchor="lm")
        left += _entry_width(entry)

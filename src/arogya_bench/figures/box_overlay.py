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

MAX_IMAGES = 6
COLUMNS = 3
TILE_SIDE = 520  # pixels of the longer side of every image on the sheet
GAP = 18  # pixels between images, and around the sheet
LINE_HEIGHT = 22  # pixels of one line of text
SAMPLE_WIDTH = 34  # pixels of the sample before a text in the legend
PIXELATED_SCALE = 2.0  # from this scale on, pixels are shown as squares, not smoothed


def draw_boxes(
    images: Sequence[Image],
    truth: Sequence[Sequence[Box]],
    detections: Sequence[Detections],
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
        detections: Per image what was found, in its pixels.
        classes: Their names.
        threshold: Least score of a detection that is shown.

    Returns:
        A PNG.

    Raises:
        ValueError: If there are no images or more than six, or truth or found are not as many.
    """
    if not 1 <= len(images) <= MAX_IMAGES or not len(images) == len(truth) == len(detections):
        raise ValueError(
            f"{len(images)} images, {len(truth)} with truth and {len(detections)} with detections: "
            f"they must be as many, from 1 to {MAX_IMAGES}"
        )
    tiles = [
        _draw_tile(image, list(_build_marks(boxes, seen, classes, threshold, _scale(image))))
        for image, boxes, seen in zip(images, truth, detections, strict=True)
    ]
    labels = {box.label for boxes in truth for box in boxes}
    labels |= {int(k) for seen in detections for k in seen.labels[seen.scores >= threshold]}
    crowds = any(box.crowd for boxes in truth for box in boxes)
    entries = list(_legend_entries(classes, sorted(labels), threshold, crowds=crowds))
    stored = BytesIO()
    _draw_sheet(tiles, entries).save(stored, "PNG")
    return stored.getvalue()


def _scale(image: Image) -> float:
    return float(TILE_SIDE / max(image.shape[:2]))


def _build_marks(
    boxes: Sequence[Box],
    detections: Detections,
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
    for number in np.argsort(detections.scores, kind="stable"):
        label, score = int(detections.labels[number]), float(detections.scores[number])
        if score >= threshold:
            yield Mark(
                frame=_frame(detections.boxes[number], scale),
                colour=_colour(label),
                text=f"{classes[label]} {score:.2f}",
                score=score,
            )


def _frame(box: Sequence[float] | np.ndarray, scale: float) -> Frame:
    left, top, width, height = (float(side) * scale for side in box)
    return Frame(round(left), round(top), round(left + width), round(top + height))


def _colour(label: int) -> str:
    return COLOURS[label % len(COLOURS)]


def _draw_tile(image: Image, marks: Sequence[Mark]) -> Picture.Image:
    """One image with its boxes, and below it how many there are."""
    scale = _scale(image)
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    how = Picture.Resampling.NEAREST if scale >= PIXELATED_SCALE else Picture.Resampling.LANCZOS
    shown = Picture.fromarray(np.ascontiguousarray(image)).resize((width, height), how)
    pen = ImageDraw.Draw(shown)
    draw_marks(pen, marks, shown.size)
    tile = Picture.new("RGB", (TILE_SIDE, height + LINE_HEIGHT), "white")
    tile.paste(shown, ((TILE_SIDE - width) // 2, 0))
    true = sum(mark.score is None and not mark.crowd for mark in marks)
    found = sum(mark.score is not None for mark in marks)
    caption = f"{true} true, {found} found"
    ImageDraw.Draw(tile).text((TILE_SIDE // 2, height + 3), caption, MUTED, font(15), anchor="ma")
    return tile


class _LegendEntry(NamedTuple):
    """One line of the legend; without a width it is the colour of a class."""

    text: str
    colour: str
    width: int | None


def _legend_entries(
    classes: Sequence[str], labels: Sequence[int], threshold: float, *, crowds: bool
) -> Iterator[_LegendEntry]:
    yield _LegendEntry("true box", INK, TRUE_WIDTH)
    if crowds:
        yield _LegendEntry("crowd, not counted", INK, CROWD_WIDTH)
    yield _LegendEntry(f"found box, score {threshold:.2f} or more", INK, FOUND_WIDTH)
    yield from (_LegendEntry(classes[label], _colour(label), None) for label in labels)


def _draw_sheet(tiles: Sequence[Picture.Image], entries: Sequence[_LegendEntry]) -> Picture.Image:
    rows = [tiles[start : start + COLUMNS] for start in range(0, len(tiles), COLUMNS)]
    width = GAP + min(COLUMNS, len(tiles)) * (TILE_SIDE + GAP)
    lines = _wrap_legend(entries, width - 2 * GAP)
    heights = [max(tile.height for tile in row) for row in rows]
    top = GAP + len(lines) * LINE_HEIGHT + GAP // 2
    sheet = Picture.new("RGB", (width, top + sum(heights) + GAP * len(rows)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        _draw_legend_line(pen, line, GAP + number * LINE_HEIGHT)
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            sheet.paste(tile, (GAP + column * (TILE_SIDE + GAP), top + height - tile.height))
        top += height + GAP
    return sheet


def _wrap_legend(entries: Sequence[_LegendEntry], width: int) -> list[list[_LegendEntry]]:
    """Break the legend into lines that fit."""
    lines: list[list[_LegendEntry]] = [[]]
    used = 0
    for entry in entries:
        needed = _entry_width(entry)
        if lines[-1] and used + needed > width:
            lines.append([])
            used = 0
        lines[-1].append(entry)
        used += needed
    return lines


def _entry_width(entry: _LegendEntry) -> int:
    return SAMPLE_WIDTH + 8 + int(font(15).getlength(entry.text)) + 24


def _draw_legend_line(pen: ImageDraw.ImageDraw, line: Sequence[_LegendEntry], top: int) -> None:
    left = GAP
    for entry in line:
        middle = top + LINE_HEIGHT // 2 - 2
        end = left + SAMPLE_WIDTH
        if entry.width == FOUND_WIDTH:
            dashed(pen, (left, middle), (end, middle), entry.colour)
        elif entry.width:
            pen.line([(left, middle), (end, middle)], entry.colour, entry.width)
        else:
            pen.rectangle((left, middle - 6, end, middle + 6), fill=entry.colour)
        pen.text((end + 8, middle), entry.text, INK, font(15), anchor="lm")
        left += _entry_width(entry)

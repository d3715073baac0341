"""One image of a contact sheet: fitted into a square, its boxes and regions outlined."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from arogya_bench.figures.marks import font
from arogya_bench.figures.theme import COLOURS, EMPTY, FAINT, MUTED
from arogya_bench.types import Box, Image, Mask

TILE = 196  # pixels of a side; seven times that of the smallest MedMNIST
PIXELATED = 2.0  # from this scale on, pixels are shown as squares, not smoothed
OWN_WIDTH, OTHER_WIDTH = 2, 1  # of the lines of the class of the row, and of other classes


def colour_of(label: int) -> str:
    """The colour of a class; it repeats after ten."""
    return COLOURS[label % len(COLOURS)]


def tile(
    image: Image,
    boxes: Sequence[Box],
    regions: Mapping[int, Mask],
    *,
    own: int | None,
) -> Picture.Image:
    """Fit an image into a square without stretching it, and draw what lies in it.

    Args:
        image: Of any size.
        boxes: In its pixels.
        regions: Class to where it is, of its size, above 0 inside.
        own: The class whose lines are thick; None if that is every class.
    """
    scale = TILE / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    shown = _resized(Picture.fromarray(np.ascontiguousarray(image)), width, height)
    for label in sorted(regions, key=lambda label: label == own):
        shown = _outlined(shown, regions[label], label, own)
    pen = ImageDraw.Draw(shown)
    frames = [_frame(box, scale, own) for box in sorted(boxes, key=lambda box: box.label == own)]
    for frame in frames:  # before all lines, so that no line is hidden
        if frame.width == OWN_WIDTH:
            _draw(pen, frame._replace(colour="white"), beyond=1)
    for frame in frames:
        _draw(pen, frame, beyond=0)
    square = Picture.new("RGB", (TILE, TILE), EMPTY)
    square.paste(shown, ((TILE - width) // 2, (TILE - height) // 2))
    return square


def gap(text: str) -> Picture.Image:
    """What stands in the place of an image that cannot be shown: a crossed square that says so."""
    square = Picture.new("RGB", (TILE, TILE), EMPTY)
    pen, end = ImageDraw.Draw(square), TILE - 1
    for line in ((0, 0, end, end), (0, end, end, 0)):
        pen.line(line, FAINT)
    pen.rectangle((0, 0, end, end), outline=FAINT, width=2)
    letters = font(15)
    half = letters.getlength(text) / 2 + 6
    pen.rectangle((TILE / 2 - half, TILE / 2 - 13, TILE / 2 + half, TILE / 2 + 13), fill=EMPTY)
    pen.text((TILE // 2, TILE // 2), text, MUTED, letters, anchor="mm")
    return square


def _resized(picture: Picture.Image, width: int, height: int) -> Picture.Image:
    factor = width / picture.width
    if max(factor, height / picture.height) < PIXELATED:
        return picture.resize((width, height), Picture.Resampling.LANCZOS)
    # Whole multiples first, so that all pixels look alike.
    whole = math.ceil(factor)
    squares = picture.resize(
        (picture.width * whole, picture.height * whole), Picture.Resampling.NEAREST
    )
    return squares.resize((width, height), Picture.Resampling.BOX)


class _Frame(NamedTuple):
    """A box in pixels of the tile; right and lower edges are within."""

    left: int
    top: int
    right: int
    bottom: int
    width: int
    colour: str


def _frame(box: Box, scale: float, own: int | None) -> _Frame:
    left, top = round(box.left * scale), round(box.top * scale)
    return _Frame(
        left,
        top,
        max(left, round((box.left + box.width) * scale) - 1),
        max(top, round((box.top + box.height) * scale) - 1),
        OWN_WIDTH if own in (None, box.label) and not box.crowd else OTHER_WIDTH,
        colour_of(box.label),
    )


def _draw(pen: ImageDraw.ImageDraw, frame: _Frame, *, beyond: int) -> None:
    left, top, right, bottom = frame[:4]
    place = (left - beyond, top - beyond, right + beyond, bottom + beyond)
    pen.rectangle(place, outline=frame.colour, width=frame.width + 2 * beyond)


def _outlined(shown: Picture.Image, region: Mask, label: int, own: int | None) -> Picture.Image:
    small = cv2.resize(region, shown.size, interpolation=cv2.INTER_NEAREST)
    rims, _ = cv2.findContours(small, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    pixels = np.array(shown)
    width = OWN_WIDTH if own in (None, label) else OTHER_WIDTH
    if width == OWN_WIDTH:
        cv2.drawContours(pixels, rims, -1, (255, 255, 255), width + 2)
    cv2.drawContours(pixels, rims, -1, _rgb(colour_of(label)), width)
    return Picture.fromarray(pixels)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue

"""Rectangles drawn on a picture, each with its name where it hides least."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from PIL import ImageDraw, ImageFont

TRUE_WIDTH, FOUND_WIDTH, CROWD_WIDTH = 5, 2, 1  # so that a dashed line shows on a solid one
DASH = 7  # pixels of a dash, and of the white between two


class Frame(NamedTuple):
    """Edges in pixels of the sheet; right and lower ones are within."""

    left: int
    top: int
    right: int
    bottom: int

    def overlap(self, other: "Frame") -> int:
        """Pixels that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left) + 1
        height = min(self.bottom, other.bottom) - max(self.top, other.top) + 1
        return max(0, width) * max(0, height)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One rectangle: a true box without a score, or a found one."""

    frame: Frame
    colour: str
    text: str
    score: float | None
    crowd: bool = False


def draw_marks(pen: ImageDraw.ImageDraw, marks: Sequence[Mark], size: tuple[int, int]) -> None:
    """Draw marks in their order, then their names, which nothing covers.

    Args:
        pen: Of the picture.
        marks: The last ones lie on top, and choose first where their name stands.
        size: Width and height of the picture in pixels.
    """
    for mark in marks:
        _outline(pen, mark, size)
    _tags(pen, [mark for mark in marks if mark.text], size)


def _outline(pen: ImageDraw.ImageDraw, mark: Mark, size: tuple[int, int]) -> None:
    inside = _clipped(mark.frame, size)
    if mark.score is None:
        width = CROWD_WIDTH if mark.crowd else TRUE_WIDTH
        pen.rectangle(_grown(inside, width // 2 + 1), outline="white", width=width + 2)
        pen.rectangle(_grown(inside, width // 2), outline=mark.colour, width=width)
        return
    left, top, right, bottom = inside
    for y in (top, bottom):
        dashed(pen, (left, y), (right, y), mark.colour)
    for x in (left, right):
        dashed(pen, (x, top), (x, bottom), mark.colour)


def dashed(
    pen: ImageDraw.ImageDraw, start: tuple[int, int], end: tuple[int, int], colour: str
) -> None:
    """Draw a level or upright line, white between its dashes."""
    length = max(end[0] - start[0], end[1] - start[1])
    level = start[1] == end[1]
    for begin in range(0, length + 1, DASH):
        stop = min(begin + DASH - 1, length)
        first, last = ((start[0] + i * level, start[1] + i * (not level)) for i in (begin, stop))
        thick = (first[0] - (not level), first[1] - level, *last)
        pen.rectangle(thick, "white" if begin // DASH % 2 else colour)


def _clipped(frame: Frame, size: tuple[int, int]) -> Frame:
    """Move edges beyond the image to its rim, where they can be seen."""
    rim = 2
    right, bottom = size[0] - 1 - rim, size[1] - 1 - rim
    left, top = min(max(frame.left, rim), right), min(max(frame.top, rim), bottom)
    return Frame(left, top, max(left, min(frame.right, right)), max(top, min(frame.bottom, bottom)))


def _grown(frame: Frame, by: int) -> Frame:
    return Frame(frame.left - by, frame.top - by, frame.right + by, frame.bottom + by)


def _tags(pen: ImageDraw.ImageDraw, marks: Sequence[Mark], size: tuple[int, int]) -> None:
    """Write on each mark where the fewest other tags lie, the best score first."""
    letters, taken = font(13), list[Frame]()
    for mark in reversed(marks):
        width, height = int(letters.getlength(mark.text)) + 6, 16
        place = min(
            _places(_clipped(mark.frame, size), width, height, size),
            key=lambda place: sum(place.overlap(other) for other in taken),
        )
        taken.append(place)
    for mark, place in zip(marks, reversed(taken), strict=True):
        pen.rectangle(place, fill=mark.colour)
        middle = (place.left + 3, (place.top + place.bottom) // 2)
        pen.text(middle, mark.text, _ink_on(mark.colour), letters, anchor="lm")


def _places(frame: Frame, width: int, height: int, size: tuple[int, int]) -> Iterator[Frame]:
    """Where a tag may stand: above, below and inside, left and right, all within the image."""
    for top in (frame.top - height, frame.bottom + 1, frame.top + 3, frame.bottom - height - 2):
        for left in (frame.left, frame.right - width):
            x = max(0, min(left, size[0] - width - 1))
            y = max(0, min(top, size[1] - height - 1))
            yield Frame(x, y, x + width, y + height)


def _ink_on(colour: str) -> str:
    """Black or white, whichever stands out; by the luminance of Rec. 601."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that comes with Pillow, so that a sheet looks alike on every machine."""
    return ImageFont.load_default(size)

"""Pages of a fixed size in pixels, drawn with Matplotlib and saved as the same PNG every time.

Matplotlib takes half a second to import, hence inside the functions.
"""

from functools import cache
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from arogya_bench.figures.theme import COLOURS, INK
from arogya_bench.types import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.font_manager import FontProperties

DPI = 72  # one point, Matplotlib's unit of letters and lines, is then one pixel
LINE_SPACING = 1.35  # height of a line of text as a multiple of its font size
PIXELATED_SCALE = 2.0  # from this scale on, pixels are shown as squares, not smoothed


class Page:
    """A white page on which positions are pixels from its upper left corner.

    Attributes:
        figure: The Matplotlib figure, independent of pyplot and its global state.
        canvas: Renders the figure.
    """

    def __init__(self, width: int, height: int) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        # Agg rounds down, which must not lose the last pixel.
        size = ((width + 0.01) / DPI, (height + 0.01) / DPI)
        self.figure = Figure(figsize=size, dpi=DPI, facecolor="white")
        self.canvas: Any = FigureCanvasAgg(self.figure)

    def write(self, left: float, top: float, text: str, *, size: int, colour: str = INK) -> None:
        """Write text, of one line or several, below and to the right of a position."""
        self.figure.text(
            left / self.width,
            1 - top / self.height,
            text,
            color=colour,
            fontproperties=font(size),
            linespacing=LINE_SPACING,
            verticalalignment="top",
            parse_math=False,
        )

    def add_axes(self, left: float, top: float, width: float, height: float) -> "Axes":
        """Add a drawing area without ticks and frame."""
        bottom = self.height - top - height
        sides = np.array([left, bottom, width, height])
        left, bottom, width, height = sides / [self.width, self.height, self.width, self.height]
        axes = self.figure.add_axes((left, bottom, width, height))
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        return axes

    def to_png(self) -> bytes:
        """Render the page; equal pages give equal bytes."""
        png = BytesIO()
        # Unlike savefig, this reads no settings of the user, such as savefig.bbox.
        self.canvas.print_png(png, metadata={"Software": None})
        return png.getvalue()


def show_image(axes: "Axes", image: Image, *, longest_side: int) -> None:
    """Show an image so that the coordinates of the axes are its pixels.

    Args:
        axes: Keeps the proportions of the image, which is centred in it.
        image: Of any size. Large images are smoothed; the pixels of small ones become squares.
        longest_side: Longest side on the page, in pixels.
    """
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    if scale < PIXELATED_SCALE:  # the page then keeps no more pixels than it shows
        shown_size = (max(1, round(width * scale)), max(1, round(height * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = np.asarray(cv2.resize(image, shown_size, interpolation=method), dtype=np.uint8)
    # An image that is thinner than a pixel of the page would not be visible.
    extent = (0, max(width, 1 / scale), max(height, 1 / scale), 0)
    axes.imshow(image, extent=extent, interpolation="nearest", aspect="equal")
    axes.autoscale(False)  # what is drawn on the image does not change its scale
    axes.apply_aspect()  # otherwise done while rendering, too late to place text by pixels


def fit_text(text: str, *, size: int, width: float, max_lines: int) -> str:
    """Break text into lines that fit; an ellipsis stands for the rest.

    Characters that the font lacks become the replacement character.

    Args:
        text: Of any length and script.
        size: Font size in pixels.
        width: Of a line, in pixels.
        max_lines: At most so many lines.
    """
    glyphs = _font_glyphs()
    text = "".join(c if ord(c) in glyphs else "\N{REPLACEMENT CHARACTER}" for c in text.strip())
    for characters in range(min(len(text), int(4 * width / size)), 0, -1):
        lines = wrap(text, characters, max_lines=max_lines, placeholder="…")
        if all(text_width(line, size) <= width for line in lines):
            return "\n".join(lines)
    return text[:1]


def text_height(text: str, size: int) -> int:
    """Height of text, of one line or several, in pixels."""
    return round((text.count("\n") + 1) * size * LINE_SPACING)


def text_width(line: str, size: int) -> float:
    """Width of one line of text, in pixels."""
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(line, font(size), ismath=False)
    return float(width)


@cache
def font(size: int) -> "FontProperties":
    """The font that comes with Matplotlib, so that a page looks alike on every machine."""
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=_font_file(), size=size)


def colour_of_class(label: int) -> str:
    """The colour of a class; colours repeat after ten classes."""
    return COLOURS[label % len(COLOURS)]


@cache
def _font_glyphs() -> frozenset[int]:
    from matplotlib.font_manager import get_font

    return frozenset(get_font(_font_file()).get_charmap()) | {ord("\n"), ord("\t")}


def _font_file() -> str:
    import matplotlib

    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")

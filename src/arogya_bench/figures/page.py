"""Grids of images with text and lines, in Matplotlib; all sizes are pixels.

Matplotlib takes half a second to import, hence inside the functions.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from arogya_bench.figures.fonts import REPLACEMENT, FontChoice, choose_fonts, normalise
from arogya_bench.figures.theme import COLOURS, INK
from arogya_bench.types import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ft2font import FT2Font

_DPI = 72  # one point, Matplotlib's unit of letters and lines, is then one pixel
_STYLE = {
    "figure.dpi": _DPI,
    "savefig.bbox": "tight",  # the page grows with the text around the grid
    "text.color": INK,
    "text.parse_math": False,
    "lines.solid_joinstyle": "miter",
    "lines.solid_capstyle": "projecting",
    **{f"axes.spines.{side}": False for side in ("left", "right", "top", "bottom")},
}


@contextmanager
def page_style(texts: Iterable[str] = ()) -> Iterator[FontChoice]:
    """Use Matplotlib's defaults and the font it ships, so that a page looks alike on every machine.

    Letters of the texts that this font lacks are drawn with other fonts, where the machine has some.
    """
    from matplotlib import style

    fonts = choose_fonts(texts)
    with style.context(["default", {**_STYLE, "font.family": list(fonts.families)}]):
        yield fonts


def create_grid(rows: int, widths: Sequence[int], height: int, gaps: tuple[int, int]) -> "tuple[Figure, Any]":
    """Create a figure, independent of pyplot, and its axes, an array of shape (rows, columns).

    Args:
        rows: Number of rows.
        widths: Width of every column.
        height: Height of every row.
        gaps: Between columns and between rows.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = (sum(widths) + gaps[0] * (len(widths) - 1), rows * height + gaps[1] * (rows - 1))
    figure = Figure(figsize=(size[0] / _DPI, size[1] / _DPI))
    FigureCanvasAgg(figure)
    layout = {"left": 0, "right": 1, "bottom": 0, "top": 1, "width_ratios": widths}
    layout |= {"wspace": gaps[0] / np.mean(widths), "hspace": gaps[1] / height}
    no_ticks: dict[str, Any] = {"xticks": [], "yticks": []}
    return figure, figure.subplots(rows, len(widths), squeeze=False, gridspec_kw=layout, subplot_kw=no_ticks)


def to_png(figure: "Figure", *, margin: int) -> bytes:
    """Render a figure; equal figures give equal bytes."""
    png = BytesIO()
    figure.savefig(png, pad_inches=margin / _DPI, metadata={"Software": None})
    return png.getvalue()


def show_image(axes: "Axes", image: Image) -> None:
    """Show an image in the centre of the axes, whose coordinates become the pixels of the image.

    Large images are smoothed; the pixels of small ones become squares.
    """
    height, width = image.shape[:2]
    tile = axes.get_window_extent()
    scale = min(tile.width / width, tile.height / height)
    if scale < 1:  # the figure then holds no more pixels than it shows
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    # An image that is thinner than a pixel of the page would not be visible.
    axes.imshow(image, extent=(0, max(width, 1 / scale), max(height, 1 / scale), 0))
    axes.set_adjustable("datalim")
    axes.apply_aspect()  # otherwise done while rendering, too late to place text by pixels
    axes.autoscale(False)  # what is drawn on the image does not change its scale


def outline_box(axes: "Axes", box: Sequence[float], label: int, **style: Any) -> list[float]:
    """Outline a box of left, top, width and height, cut off at the rim of the image, in the colour of its class.

    Returns:
        The left, top, right and bottom edges that are drawn.
    """
    _, image_right, image_bottom, _ = axes.images[0].get_extent()
    left, right = np.clip([box[0], box[0] + box[2]], 0, image_right).tolist()
    top, bottom = np.clip([box[1], box[1] + box[3]], 0, image_bottom).tolist()
    corners = ([left, right, right, left, left], [top, top, bottom, bottom, top])
    axes.plot(*corners, color=colour_of_class(label), clip_on=False, **style)
    return [left, top, right, bottom]


def white_halo(line_width: float) -> list[Any]:
    """Path effects that set a line off from the image."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=line_width + 2, foreground="white")]


def fit_text(text: str, *, size: int, width: float, max_lines: int) -> str:
    """Break text into lines that fit; an ellipsis stands for the rest.

    Letters that no font of the page has become the replacement character.
    """
    fonts = list(_page_fonts())
    text = " ".join(normalise(text).split())
    text = "".join(c if any(font.get_char_index(ord(c)) for font in fonts) else REPLACEMENT for c in text)
    for characters in range(min(len(text), int(4 * width / size)), 0, -1):
        lines = wrap(text, characters, max_lines=max_lines, placeholder="…")
        if all(text_width(line, size) <= width for line in lines):
            return "\n".join(lines)
    return text[:1]


def _page_fonts() -> "Iterator[FT2Font]":
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties, findfont, get_font

    for family in rcParams["font.family"]:
        yield get_font(findfont(FontProperties(family=[family])))


def text_width(line: str, size: int) -> float:
    """Width of one line of text."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(line, FontProperties(size=size), ismath=False)
    return float(width)


def colour_of_class(label: int) -> str:
    """The colour of a class; colours repeat after ten classes."""
    return COLOURS[label % len(COLOURS)]

"""Contact sheets: some images of every class, one row per class, as a PNG."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from arogya_bench.errors import DatasetError
from arogya_bench.figures.contact_rows import SheetRow, select_rows
from arogya_bench.figures.page import Page, colour_of_class, fit_text, font, show_image, text_height
from arogya_bench.figures.theme import EMPTY, FAINT, INK, MUTED
from arogya_bench.types import Box, Case, Dataset, Mask

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TILE_SIDE = 196  # pixels; seven times that of the smallest MedMNIST image
LABEL_WIDTH = 220  # pixels of the column with the class names
GAP = 8  # pixels between images
MARGIN = 20  # pixels around the sheet
SWATCH_SIDE = 14  # pixels of the square with the colour of a class
TITLE_SIZE, NAME_SIZE, TEXT_SIZE = 22, 16, 13  # pixels
ROW_WIDTH, OTHER_WIDTH = 2.0, 1.5  # pixels of lines of the class of the row, and of others
HALO_WIDTH = 2.0  # pixels of white around lines of the class of the row
MAX_ROWS = 60  # many viewers do not open taller images


def draw_contact_sheet(dataset: Dataset, *, per_class: int = 6, rng: np.random.Generator) -> bytes:
    """Draw images of every class, one row per class; of more than 60 classes the first 60.

    Images are selected at random, from as many groups as possible. They keep their proportions;
    small ones are enlarged without smoothing. Boxes and the outlines of masks are drawn. A
    crossed tile names an image that cannot be read.

    Args:
        dataset: Of any task.
        per_class: At most so many images of each class, 1 or more.
        rng: Selects the images.

    Returns:
        A PNG.

    Raises:
        ValueError: If ``per_class`` is below 1.
    """
    if per_class < 1:
        raise ValueError(f"per_class={per_class}, but a sheet shows at least 1 image per class")
    rows = select_rows(dataset, per_class, rng)
    width = LABEL_WIDTH + per_class * (TILE_SIDE + GAP) - GAP
    paragraphs = [
        (fit_text(text, size=size, width=width, max_lines=4), size, colour)
        for text, size, colour in _paragraphs(dataset, len(rows))
    ]
    header_height = sum(text_height(text, size) + GAP for text, size, _ in paragraphs)
    rows_height = min(len(rows), MAX_ROWS) * (TILE_SIDE + GAP) - GAP
    page = Page(width + 2 * MARGIN, header_height + rows_height + 2 * MARGIN)
    top = MARGIN
    for text, size, colour in paragraphs:
        page.write(MARGIN, top, text, size=size, colour=colour)
        top += text_height(text, size) + GAP
    for row in rows[:MAX_ROWS]:
        _draw_row(page, dataset, row, top)
        top += TILE_SIDE + GAP
    return page.to_png()


def _paragraphs(dataset: Dataset, classes: int) -> Iterator[tuple[str, int, str]]:
    """Texts above the rows, with font size and colour."""
    yield dataset.name, TITLE_SIZE, INK
    grades = ", grades in ascending order" if dataset.ordinal else ""
    facts = (dataset.task, f"{len(dataset.cases):,} images", f"{len(dataset.classes)} classes{grades}", dataset.licence)
    yield " · ".join(facts), TEXT_SIZE, MUTED
    if dataset.task == "detection" and any(case.boxes for case in dataset.cases):
        text = "Boxes have the colour of their class; those of the class of the row are thick."
        yield text, TEXT_SIZE, MUTED
    if classes > MAX_ROWS:
        yield f"The last {classes - MAX_ROWS:,} classes are not shown.", TEXT_SIZE, MUTED


def _draw_row(page: Page, dataset: Dataset, row: SheetRow, top: int) -> None:
    """Draw the name and the counts of a class, and its images beside them."""
    left, width = MARGIN, LABEL_WIDTH - 2 * GAP
    if dataset.read_mask is not None or any(case.boxes for case in dataset.cases):
        if row.label is not None:
            swatch = page.add_axes(left, top + 3, SWATCH_SIDE, SWATCH_SIDE)
            swatch.set_facecolor(colour_of_class(row.label))
        left, width = left + SWATCH_SIDE + GAP, width - SWATCH_SIDE - GAP
    name = fit_text(row.name, size=NAME_SIZE, width=width, max_lines=5)
    page.write(left, top, name, size=NAME_SIZE)
    counts_top = top + text_height(name, NAME_SIZE) + GAP // 2
    page.write(left, counts_top, "\n".join(row.counts), size=TEXT_SIZE, colour=MUTED)
    for column, case in enumerate(row.cases or [None]):
        left = MARGIN + LABEL_WIDTH + column * (TILE_SIDE + GAP)
        axes = page.add_axes(left, top, TILE_SIDE, TILE_SIDE)
        if case is None:
            _draw_placeholder(axes, "no image")
        else:
            _draw_tile(axes, dataset, case, row)


def _draw_tile(axes: "Axes", dataset: Dataset, case: Case, row: SheetRow) -> None:
    """Draw an image, its boxes and its mask, with the class of the row on top."""
    try:
        image = dataset.read(case)
    except DatasetError:
        _draw_placeholder(axes, f"unreadable: {case.case_id}")
        return
    show_image(axes, image, longest_side=TILE_SIDE)
    own = row.label if dataset.task in ("detection", "segmentation") else None
    if dataset.read_mask is not None:
        try:
            mask = dataset.read_mask(case)
        except DatasetError:
            _write_note(axes, f"mask unreadable: {case.case_id}")
        else:
            for label, region in _split_regions(mask, row, task=dataset.task):
                _outline_region(axes, region, label, emphasised=own in (None, label))
    for box in sorted(case.boxes or (), key=lambda box: box.label == own):
        _outline_box(axes, box, emphasised=own in (None, box.label) and not box.crowd)


def _split_regions(mask: Mask, row: SheetRow, *, task: str) -> Iterator[tuple[int, Mask]]:
    """Class and region, the class of the row last; of a classified image the mask has its class."""
    if task != "segmentation":
        yield row.label or 0, (mask > 0).astype(np.uint8)
        return
    for label in sorted(np.unique(mask).tolist(), key=lambda label: label == row.label):
        if label:
            yield label, (mask == label).astype(np.uint8)


def _outline_region(axes: "Axes", region: Mask, label: int, *, emphasised: bool) -> None:
    """Draw the outline of what is above 0."""
    step = max(1.0, max(region.shape) / TILE_SIDE)  # finer details could not be seen
    columns, rows = (max(1, round(side / step)) for side in region.shape[::-1])
    region = np.asarray(cv2.resize(region, (columns, rows), interpolation=cv2.INTER_NEAREST))
    if region.any():
        outline = axes.contour(
            (np.arange(-1, columns + 1) + 0.5) * step,
            (np.arange(-1, rows + 1) + 0.5) * step,
            np.pad(region, 1),  # so that a region at the rim is closed
            levels=[0.5],
            colors=[colour_of_class(label)],
        )
        outline.set(**_line_style(emphasised=emphasised))


def _outline_box(axes: "Axes", box: Box, *, emphasised: bool) -> None:
    from matplotlib.patches import Rectangle

    outline = Rectangle(
        (box.left, box.top),
        box.width,
        box.height,
        fill=False,
        edgecolor=colour_of_class(box.label),
        joinstyle="miter",
        clip_on=False,
    )
    outline.set(**_line_style(emphasised=emphasised))
    axes.add_patch(outline)


def _line_style(*, emphasised: bool) -> dict[str, Any]:
    from matplotlib.patheffects import withStroke

    if not emphasised:
        return {"linewidth": OTHER_WIDTH}
    halo = withStroke(linewidth=ROW_WIDTH + HALO_WIDTH, foreground="white")
    return {"linewidth": ROW_WIDTH, "path_effects": [halo]}


def _draw_placeholder(axes: "Axes", reason: str) -> None:
    """Draw a crossed square in place of an image."""
    axes.set_facecolor(EMPTY)
    axes.plot([0, 1, 1, 0], [0, 1, 0, 1], color=FAINT, transform=axes.transAxes)
    _write_note(axes, reason)


def _write_note(axes: "Axes", text: str) -> None:
    axes.text(
        0.5,
        0.5,
        fit_text(text, size=TEXT_SIZE, width=TILE_SIDE - 3 * GAP, max_lines=4),
        color=MUTED,
        fontproperties=font(TEXT_SIZE),
        bbox={"facecolor": EMPTY, "edgecolor": "none"},
        horizontalalignment="center",
        verticalalignment="center",
        transform=axes.transAxes,
        parse_math=False,
    )

"""Contact sheets: some images of every class, one row per class, as a PNG."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from arogya_bench.errors import DatasetError
from arogya_bench.figures.contact_rows import SheetRow, format_count, select_rows
from arogya_bench.figures.fonts import FontChoice, describe_missing
from arogya_bench.figures.page import (
    colour_of_class,
    create_grid,
    fit_text,
    outline_box,
    page_style,
    show_image,
    to_png,
    white_halo,
)
from arogya_bench.figures.theme import EMPTY, FAINT, MUTED
from arogya_bench.types import Case, Dataset, Mask

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TILE_SIDE = 196  # pixels; seven times that of the smallest MedMNIST image
LABEL_WIDTH = 220  # pixels of the column with the class names, and the gap behind it
GAP = 8  # pixels between images
MARGIN = 20  # pixels around the sheet
SWATCH_WIDTH = 22  # pixels of the square with the colour of a class
TITLE_SIZE, NAME_SIZE, TEXT_SIZE = 22, 16, 13  # pixels
ROW_WIDTH, OTHER_WIDTH = 2.0, 1.5  # pixels of lines of the class of the row, and of others
MAX_ROWS = 60  # many viewers do not open taller images


def draw_contact_sheet(dataset: Dataset, *, per_class: int = 6, rng: np.random.Generator) -> bytes:
    """Draw images of every class, one row per class; of more than 60 classes the first 60.

    Images are selected at random, from as many groups as possible. They keep their proportions;
    small ones are enlarged without smoothing. Boxes and the outlines of masks are drawn. A
    crossed tile names an image that cannot be read. Letters that no font of the machine has are
    named in the heading.

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
    shown = rows[:MAX_ROWS]
    with page_style(_texts(dataset, shown)) as fonts:
        figure, grid = create_grid(len(shown), [LABEL_WIDTH - GAP, *[TILE_SIDE] * per_class], TILE_SIDE, (GAP, GAP))
        _write_heading(grid[0, 0], dataset, len(rows), fonts.missing, width=figure.bbox.width)
        for row, (label_axes, *tiles) in zip(shown, grid, strict=True):
            _write_label(label_axes, dataset, row, fonts)
            for axes, case in zip(tiles, row.cases, strict=False):
                _draw_tile(axes, dataset, case, row)
            if not row.cases:
                _draw_placeholder(tiles[0], "no image")
        return to_png(figure, margin=MARGIN)


def _texts(dataset: Dataset, rows: Sequence[SheetRow]) -> Iterator[str]:
    yield from (dataset.name, dataset.licence)
    for row in rows:
        yield from (row.name, *(case.case_id for case in row.cases))


def _write_heading(
    axes: "Axes", dataset: Dataset, classes: int, missing_letters: Sequence[str], *, width: float
) -> None:
    """Write the name of the dataset and some facts above the first row."""
    grades = ", grades in ascending order" if dataset.ordinal else ""
    images = format_count(len(dataset.cases), "image")
    class_count = format_count(len(dataset.classes), "class", "classes")
    facts = (dataset.task, images, f"{class_count}{grades}", dataset.licence)
    paragraphs = [" · ".join(facts)]
    if dataset.task == "detection" and any(case.boxes for case in dataset.cases):
        paragraphs.append("Boxes have the colour of their class; those of the class of the row are thick.")
    if classes > MAX_ROWS:
        paragraphs.append(f"Not shown: the last {format_count(classes - MAX_ROWS, 'class', 'classes')}.")
    if missing_letters:
        paragraphs.append(describe_missing(missing_letters))
    text = "\n".join(fit_text(paragraph, size=TEXT_SIZE, width=width, max_lines=4) for paragraph in paragraphs)
    above: dict[str, Any] = {"xytext": (0, 2 * GAP), "textcoords": "offset points", "verticalalignment": "bottom"}
    facts_text = axes.annotate(text, (0, 1), xycoords="axes fraction", color=MUTED, size=TEXT_SIZE, **above)
    title = fit_text(dataset.name, size=TITLE_SIZE, width=width, max_lines=4)
    axes.annotate(title, (0, 1), xycoords=facts_text, size=TITLE_SIZE, **above)


def _write_label(axes: "Axes", dataset: Dataset, row: SheetRow, fonts: FontChoice) -> None:
    """Write the name and the counts of a class, with its colour if lines have it."""
    indent = SWATCH_WIDTH if dataset.read_mask is not None or any(case.boxes for case in dataset.cases) else 0
    if indent and row.label is not None:
        colour = colour_of_class(row.label)
        axes.text(0, 1, "■", color=colour, size=NAME_SIZE, verticalalignment="top", transform=axes.transAxes)
    below: dict[str, Any] = {"textcoords": "offset points", "verticalalignment": "top"}
    shown = row.name if row.label is None else fonts.name_of_class(row.name, row.label)
    name = fit_text(shown, size=NAME_SIZE, width=LABEL_WIDTH - indent - 2 * GAP, max_lines=5)
    name_text = axes.annotate(name, (0, 1), xycoords="axes fraction", xytext=(indent, 0), size=NAME_SIZE, **below)
    counts = "\n".join(row.counts)
    axes.annotate(counts, (0, 0), xycoords=name_text, xytext=(0, -GAP), size=TEXT_SIZE, color=MUTED, **below)


def _draw_tile(axes: "Axes", dataset: Dataset, case: Case, row: SheetRow) -> None:
    """Draw an image, its boxes and its mask, with the class of the row on top."""
    try:
        image = dataset.read(case)
    except DatasetError:
        _draw_placeholder(axes, f"unreadable: {case.case_id}")
        return
    show_image(axes, image)
    row_class = row.label if dataset.task in ("detection", "segmentation") else None
    if dataset.read_mask is not None:
        try:
            mask = dataset.read_mask(case)
        except DatasetError:
            _write_note(axes, f"mask unreadable: {case.case_id}")
        else:
            for label, region in _split_regions(mask, row, task=dataset.task):
                _outline_region(axes, region, label, emphasised=row_class in (None, label))
    for box in sorted(case.boxes or (), key=lambda box: box.label == row_class):
        style = _line_style(emphasised=row_class in (None, box.label) and not box.crowd)
        outline_box(axes, (box.left, box.top, box.width, box.height), box.label, **style)


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
    height, width = region.shape
    step = max(1.0, max(height, width) / TILE_SIDE)  # finer details could not be seen
    size = (max(1, round(width / step)), max(1, round(height / step)))
    region = np.asarray(cv2.resize(region, size, interpolation=cv2.INTER_NEAREST))
    if region.any():
        rim = np.pad(region, 1)  # so that a region at the rim of the image is closed
        extent = (-step, width + step, -step, height + step)
        outline = axes.contour(rim, levels=[0.5], colors=[colour_of_class(label)], origin="lower", extent=extent)
        outline.set(**_line_style(emphasised=emphasised))


def _line_style(*, emphasised: bool) -> dict[str, Any]:
    return {"linewidth": ROW_WIDTH, "path_effects": white_halo(ROW_WIDTH)} if emphasised else {"linewidth": OTHER_WIDTH}


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
        size=TEXT_SIZE,
        bbox={"facecolor": EMPTY, "edgecolor": "none"},
        horizontalalignment="center",
        verticalalignment="center",
        transform=axes.transAxes,
    )

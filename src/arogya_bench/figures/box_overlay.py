"""A sheet of images with true and detected boxes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from arogya_bench.figures.fonts import describe_missing
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
from arogya_bench.figures.theme import COLOURS, INK, MUTED
from arogya_bench.scoring.box_table import count_boxes
from arogya_bench.types import Box, BoxPredictions, Detections, Image, Subset

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

MAX_IMAGES = 6
COLUMNS = 3
TILE_SIDE = 520  # pixels of the longer side of every image on the sheet
GAP = 18  # pixels between images, and around the sheet
CAPTION_HEIGHT = 24  # pixels below an image
TEXT_SIZE, TAG_SIZE = 15, 13  # pixels
TAG_PADDING = 2  # pixels around the text of a tag
TRUE_WIDTH, DETECTED_WIDTH, CROWD_WIDTH = 5, 2, 1  # pixels; a dashed line shows on a solid one
DASHES = (0.0, (3.5, 3.5))  # offset, then dash and gap in line widths


def draw_box_examples(predictions: BoxPredictions, cases: Subset) -> bytes:
    """Draw boxes on test images without augmentation, as a PNG.

    Images are spread evenly over the number of mistakes, from the most to the fewest, so that the
    sheet is representative.
    """
    order = np.argsort(-count_boxes(predictions).errors, kind="stable")
    picks = order[np.unique(np.linspace(0, len(order) - 1, MAX_IMAGES).round().astype(int))]
    return draw_boxes(
        [cases.dataset.read(cases.cases[pick]) for pick in picks],
        [predictions.truth[pick] for pick in picks],
        [predictions.detections[pick] for pick in picks],
        predictions.classes,
        threshold=predictions.threshold,
    )


def draw_boxes(
    images: Sequence[Image],
    truth: Sequence[Sequence[Box]],
    detections: Sequence[Detections],
    classes: Sequence[str],
    *,
    threshold: float,
) -> bytes:
    """Draw true and detected boxes on up to six images, side by side.

    True boxes are thick and solid, detected ones thin and dashed, with class and score; the
    colour is that of the class. Images are scaled to one size, so that lines and text stay
    legible.

    Args:
        images: Of any sizes.
        truth: The boxes of each image, in its pixels.
        detections: The detections in each image, in its pixels.
        classes: Class names.
        threshold: Detections with a lower score are not drawn.

    Returns:
        A PNG.

    Raises:
        ValueError: If there are no images or more than six, or the lengths of ``images``,
            ``truth`` and ``detections`` differ.
    """
    if not 1 <= len(images) <= MAX_IMAGES or not len(images) == len(truth) == len(detections):
        raise ValueError(
            f"{len(images)} images, {len(truth)} with truth and {len(detections)} with detections: "
            f"the numbers must be equal, from 1 to {MAX_IMAGES}"
        )
    shown = [_select_detections(detected, threshold) for detected in detections]
    columns = min(COLUMNS, len(images))
    height = round(max(TILE_SIDE * min(1, image.shape[0] / image.shape[1]) for image in images))
    with page_style(classes) as fonts:
        classes = [fonts.name_of_class(name, label) for label, name in enumerate(classes)]
        gaps = (GAP, CAPTION_HEIGHT + GAP)
        figure, grid = create_grid(-(-len(images) // COLUMNS), [TILE_SIDE] * columns, max(1, height), gaps)
        figure.legend(
            handles=[*_legend_entries(truth, shown, classes, threshold), *_missing_entries(fonts.missing)],
            loc="lower left",
            bbox_to_anchor=(0, 1 + GAP / figure.bbox.height),
            borderaxespad=0,
            borderpad=0,
            frameon=False,
            ncols=2 * columns,
            fontsize=TEXT_SIZE,
        )
        for axes, image, boxes, detected in zip(grid.flat, images, truth, shown, strict=False):
            show_image(axes, image)
            _draw_tile(axes, boxes, detected, classes)
        return to_png(figure, margin=GAP)


def _missing_entries(missing_letters: Sequence[str]) -> "Iterator[Artist]":
    from matplotlib.patches import Patch

    if missing_letters:
        yield Patch(facecolor="none", label=f" {describe_missing(missing_letters)}")


def _select_detections(detections: Detections, threshold: float) -> Detections:
    """Detections that reach the threshold, the best last."""
    order = np.argsort(detections.scores, kind="stable")
    order = order[detections.scores[order] >= threshold]
    return Detections(boxes=detections.boxes[order], scores=detections.scores[order], labels=detections.labels[order])


def _draw_tile(axes: "Axes", boxes: Sequence[Box], detections: Detections, classes: Sequence[str]) -> None:
    """Draw crowds, true boxes, detected boxes from worst to best, then all tags."""
    objects = sum(not box.crowd for box in boxes)
    axes.set_xlabel(f"{objects} true, {len(detections.labels)} detected", color=MUTED, size=TEXT_SIZE, labelpad=6)
    tags = list[tuple[list[float], int, str]]()
    for box in sorted(boxes, key=lambda box: not box.crowd):
        width = CROWD_WIDTH if box.crowd else TRUE_WIDTH
        bounds = (box.left, box.top, box.width, box.height)
        edges = outline_box(axes, bounds, box.label, linewidth=width, path_effects=white_halo(width))
        if len(classes) > len(COLOURS):  # several classes have the same colour
            tags.append((edges, box.label, classes[box.label]))
    for bounds, label, score in zip(detections.boxes, detections.labels.tolist(), detections.scores, strict=True):
        edges = outline_box(axes, bounds, label, linewidth=DETECTED_WIDTH, linestyle=DASHES, gapcolor="white")
        tags.append((edges, label, f"{classes[label]} {score:.2f}"))
    taken = list["Bbox"]()
    for edges, label, text in reversed(tags):
        taken.append(_write_tag(axes, edges, colour_of_class(label), text, taken))


def _write_tag(axes: "Axes", edges: Sequence[float], colour: str, text: str, taken: "Sequence[Bbox]") -> "Bbox":
    """Write a tag where it covers the fewest others, and return the place that it takes."""
    from matplotlib.colors import to_rgb

    # By the luminance of Rec. 601, whichever stands out.
    ink = "black" if np.dot((0.299, 0.587, 0.114), to_rgb(colour)) > 0.55 else "white"
    text = fit_text(text, size=TAG_SIZE, width=TILE_SIDE / 2, max_lines=1)
    background = {"facecolor": colour, "edgecolor": "none", "pad": TAG_PADDING}
    tag = axes.text(0, 0, text, color=ink, size=TAG_SIZE, verticalalignment="bottom", bbox=background)
    size = tag.get_window_extent().padded(TAG_PADDING)
    tag_bounds = min(_tag_places(axes, edges, size), key=lambda bounds: bounds.count_overlaps(taken))
    x, y = axes.transData.inverted().transform(tag_bounds.padded(-TAG_PADDING).p0)
    tag.set_position((float(x), float(y)))
    return tag_bounds


def _tag_places(axes: "Axes", edges: Sequence[float], size: "Bbox") -> "Iterator[Bbox]":
    """Where a tag may stand: above, below and inside, left and right, all within the tile."""
    from matplotlib.transforms import Bbox

    # Pixels from the lower left corner of the sheet.
    (left, top), (right, bottom) = axes.transData.transform((edges[:2], edges[2:]))
    tile = axes.get_window_extent()
    for y in (top, bottom - size.height, top - size.height - 3, bottom + 3):
        for x in (left, right - size.width):
            inside_x = max(tile.x0, min(x, tile.x1 - size.width))
            inside_y = max(tile.y0, min(y, tile.y1 - size.height))
            yield Bbox.from_bounds(inside_x, inside_y, size.width, size.height)


def _legend_entries(
    truth: Sequence[Sequence[Box]], detections: Sequence[Detections], classes: Sequence[str], threshold: float
) -> "Iterator[Artist]":
    """Line samples, then the classes that are shown.

    Matplotlib leaves labels that begin with an underscore out, hence the space.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    yield Line2D([], [], color=INK, linewidth=TRUE_WIDTH, label=" true box")
    if any(box.crowd for boxes in truth for box in boxes):
        yield Line2D([], [], color=INK, linewidth=CROWD_WIDTH, label=" crowd, not counted")
    explanation = f" detected box, score {threshold:.2f} or more"
    yield Line2D([], [], color=INK, linewidth=DETECTED_WIDTH, linestyle=DASHES, label=explanation)
    labels = {box.label for boxes in truth for box in boxes}
    labels |= {label for detected in detections for label in detected.labels.tolist()}
    for label in sorted(labels):
        name = fit_text(classes[label], size=TEXT_SIZE, width=TILE_SIDE / 2, max_lines=1)
        yield Patch(facecolor=colour_of_class(label), label=f" {name}")

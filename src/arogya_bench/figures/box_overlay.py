"""True and detected boxes drawn on images, side by side on one sheet."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from arogya_bench.figures.page import LINE_SPACING, Page, colour_of_class, fit_text, font, show_image, text_width
from arogya_bench.figures.theme import COLOURS, INK, MUTED
from arogya_bench.types import Box, Detections, Floats, Image

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
HALO_WIDTH = 2  # pixels of white around a true box
DASHES = (0.0, (3.5, 3.5))  # offset, then dash and gap in line widths
SAMPLE_WIDTH = 34  # pixels of a line sample in the legend
MAX_NAME_WIDTH = 260  # pixels of a class name in the legend


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
    legend = list(_legend_entries(truth, shown, classes, threshold))
    columns, rows = min(COLUMNS, len(images)), -(-len(images) // COLUMNS)
    width = GAP + columns * (TILE_SIDE + GAP)
    height = round(max(TILE_SIDE * min(1, image.shape[0] / image.shape[1]) for image in images))
    legend_columns, legend_height = _legend_layout(legend, width - 2 * GAP)
    top = 2 * GAP + legend_height
    page = Page(width, top + rows * (height + CAPTION_HEIGHT + GAP))
    _draw_legend(page, legend, legend_columns)
    for index, (image, boxes, detected) in enumerate(zip(images, truth, shown, strict=True)):
        axes = page.add_axes(
            GAP + index % COLUMNS * (TILE_SIDE + GAP),
            top + index // COLUMNS * (height + CAPTION_HEIGHT + GAP),
            TILE_SIDE,
            height,
        )
        _draw_tile(axes, image, boxes, detected, classes)
    return page.to_png()


def _select_detections(detections: Detections, threshold: float) -> Detections:
    """Detections that reach the threshold, the best last."""
    order = np.argsort(detections.scores, kind="stable")
    order = order[detections.scores[order] >= threshold]
    return Detections(boxes=detections.boxes[order], scores=detections.scores[order], labels=detections.labels[order])


def _draw_tile(
    axes: "Axes", image: Image, boxes: Sequence[Box], detections: Detections, classes: Sequence[str]
) -> None:
    """Draw an image, crowds, true boxes, detected boxes from worst to best, then all tags."""
    show_image(axes, image, longest_side=TILE_SIDE)
    objects = sum(not box.crowd for box in boxes)
    axes.set_xlabel(
        f"{objects} true, {len(detections.labels)} detected", color=MUTED, fontproperties=font(TEXT_SIZE), labelpad=6
    )
    tags = list[tuple[Floats, int, str]]()
    for box in sorted(boxes, key=lambda box: not box.crowd):
        edges = _clip(np.array([box.left, box.top, box.width, box.height]), image)
        line_width = CROWD_WIDTH if box.crowd else TRUE_WIDTH
        _outline(axes, edges, "white", line_width + HALO_WIDTH)
        _outline(axes, edges, colour_of_class(box.label), line_width)
        if len(classes) > len(COLOURS):  # several classes have the same colour
            tags.append((edges, box.label, classes[box.label]))
    for detected, label, score in zip(
        detections.boxes, detections.labels.tolist(), detections.scores.tolist(), strict=True
    ):
        edges = _clip(detected, image)
        _outline(axes, edges, "white", DETECTED_WIDTH)
        _outline(axes, edges, colour_of_class(label), DETECTED_WIDTH, dashed=True)
        tags.append((edges, label, f"{classes[label]} {score:.2f}"))
    taken = list["Bbox"]()
    for edges, label, text in reversed(tags):
        taken.append(_write_tag(axes, edges, colour_of_class(label), text, taken))


def _clip(box: Floats, image: Image) -> Floats:
    """Left, top, right and bottom of a box, cut off at the rim of the image."""
    height, width = image.shape[:2]
    edges = np.concatenate([box[:2], box[:2] + box[2:]])
    return np.asarray(np.clip(edges, 0, [width, height, width, height]), dtype=np.float64)


def _outline(axes: "Axes", edges: Floats, colour: str, width: float, *, dashed: bool = False) -> None:
    left, top, right, bottom = edges
    axes.plot(
        [left, right, right, left, left],
        [top, top, bottom, bottom, top],
        color=colour,
        linewidth=width,
        linestyle=DASHES if dashed else "solid",
        solid_joinstyle="miter",
        solid_capstyle="projecting",
        clip_on=False,
    )


def _write_tag(axes: "Axes", edges: Floats, colour: str, text: str, taken: "Sequence[Bbox]") -> "Bbox":
    """Write a tag where it covers the fewest others, and return the place that it takes."""
    from matplotlib.colors import to_rgb

    # By the luminance of Rec. 601, whichever stands out.
    ink = "black" if np.dot((0.299, 0.587, 0.114), to_rgb(colour)) > 0.55 else "white"
    tag = axes.text(
        0,
        0,
        fit_text(text, size=TAG_SIZE, width=TILE_SIDE / 2, max_lines=1),
        color=ink,
        fontproperties=font(TAG_SIZE),
        verticalalignment="bottom",
        bbox={"facecolor": colour, "edgecolor": "none", "pad": TAG_PADDING},
        parse_math=False,
    )
    size = tag.get_window_extent().padded(TAG_PADDING)
    place = min(_tag_places(axes, edges, size), key=lambda bounds: bounds.count_overlaps(taken))
    corner = place.padded(-TAG_PADDING).p0
    x, y = axes.transData.inverted().transform(corner)
    tag.set_position((float(x), float(y)))
    return place


def _tag_places(axes: "Axes", edges: Floats, size: "Bbox") -> "Iterator[Bbox]":
    """Where a tag may stand: above, below and inside, left and right, all within the image."""
    from matplotlib.transforms import Bbox

    # Pixels from the lower left corner of the sheet.
    (left, top), (right, bottom) = axes.transData.transform(edges.reshape(2, 2))
    image = axes.get_window_extent()
    for y in (top, bottom - size.height, top - size.height - 3, bottom + 3):
        for x in (left, right - size.width):
            inside_x = max(image.x0, min(x, image.x1 - size.width))
            inside_y = max(image.y0, min(y, image.y1 - size.height))
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
        name = fit_text(classes[label], size=TEXT_SIZE, width=MAX_NAME_WIDTH, max_lines=1)
        yield Patch(facecolor=colour_of_class(label), label=f" {name}")


def _legend_layout(entries: "Sequence[Artist]", width: int) -> tuple[int, int]:
    """Number of columns that fit, and height in pixels."""
    widest = max(text_width(str(entry.get_label()), TEXT_SIZE) for entry in entries)
    columns = max(1, int(width / (widest + SAMPLE_WIDTH + 2 * GAP)))
    return columns, round(-(-len(entries) // columns) * TEXT_SIZE * LINE_SPACING)


def _draw_legend(page: Page, entries: "Sequence[Artist]", columns: int) -> None:
    legend = page.figure.legend(
        handles=entries,
        loc="upper left",
        bbox_to_anchor=(GAP / page.width, 1 - GAP / page.height),
        borderaxespad=0,
        borderpad=0,
        frameon=False,
        ncols=columns,
        prop=font(TEXT_SIZE),
        labelcolor=INK,
        labelspacing=LINE_SPACING - 1,
        handlelength=SAMPLE_WIDTH / TEXT_SIZE,
        columnspacing=GAP / TEXT_SIZE,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)

"""Check the boxes of a source and clip them to their image."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isfinite

from arogya_bench.datasets.csv_tables import is_unstated
from arogya_bench.errors import DatasetError, did_you_mean
from arogya_bench.images.files import ImageFileInfo
from arogya_bench.runtime.class_names import class_list, restore_class_names
from arogya_bench.types import Box

ROUNDING_TOLERANCE = 0.05  # pixels; error of an edge written with six decimals


@dataclass(frozen=True, kw_only=True)
class RawBox:
    """One unchecked box of a source; edges in pixels from the top left corner of the image.

    Attributes:
        name: Class name.
        left: Left edge, a continuous coordinate like the other three.
        crowd: Whether detections in the box are ignored.
    """

    name: str
    left: float
    top: float
    right: float
    bottom: float
    crowd: bool = False


@dataclass(frozen=True, kw_only=True)
class ClippedBoxes:
    """The boxes of one image after clipping.

    Attributes:
        boxes: Boxes with an area, in the order of the source.
        without_area: Excluded boxes.
        overhangs: For each clipped box, how many pixels it reached outside the image.
        duplicates: Number of boxes that repeat another one; they are kept.
    """

    boxes: tuple[Box, ...]
    without_area: tuple[RawBox, ...]
    overhangs: tuple[float, ...]
    duplicates: int


def clip_boxes(raw_boxes: Sequence[RawBox], facts: ImageFileInfo, classes: Sequence[str], *, case: str) -> ClippedBoxes:
    """Clip the boxes of one image to its edges; the label of a box is the index of its name in ``classes``.

    Raises:
        DatasetError: If a box is completely outside the image, or its edges are not finite or out of order.
    """
    for box in raw_boxes:
        _check_box(box, facts, case)
    with_area = [box for box in raw_boxes if _has_area(box)]
    overhangs = [_overhang(box, facts) for box in with_area]
    return ClippedBoxes(
        boxes=tuple(_clip_box(box, facts, classes.index(box.name)) for box in with_area),
        without_area=tuple(box for box in raw_boxes if not _has_area(box)),
        overhangs=tuple(pixels for pixels in overhangs if pixels > ROUNDING_TOLERANCE),
        duplicates=len(with_area) - len(set(with_area)),
    )


def resolve_classes(
    source_classes: Sequence[str], requested_classes: Sequence[str], used_classes: Collection[str]
) -> tuple[str, ...]:
    """Return the requested classes, or those of the source if none are requested.

    Raises:
        DatasetError: If a name is repeated, or a box has another class.
    """
    known = sorted({*source_classes, *used_classes})
    restored = tuple(restore_class_names(requested_classes, known, "dataset.classes"))
    names = restored or tuple(source_classes)
    words = sorted(name for name in used_classes if is_unstated(name) and name not in restored)
    if words:
        raise DatasetError(
            f"Boxes have the class {words[0]!r}, a word for a missing label.",
            fix="correct these annotations; if it is a class, list all classes: "
            f"{class_list('dataset.classes', names)}",
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        merged = class_list("dataset.classes", list(dict.fromkeys(names)))
        raise DatasetError(
            f"Two classes have the name {twice[0]!r}.",
            fix=f"give every class a unique name, or read them as one class: {merged}",
        )
    unknown = sorted(set(used_classes) - set(names))
    if unknown:
        hint = did_you_mean(unknown[0], names)
        raise DatasetError(
            f"Boxes have the class {', '.join(map(repr, unknown))}, and the classes are {', '.join(names)}.{hint}",
            fix="correct the annotations, or list all classes in dataset.classes",
        )
    return names


def _check_box(box: RawBox, facts: ImageFileInfo, case: str) -> None:
    edges = (box.left, box.top, box.right, box.bottom)
    shown = f"A box of {case} ({box.name}: {', '.join(f'{edge:g}' for edge in edges)})"
    if not all(isfinite(edge) for edge in edges):
        raise DatasetError(f"{shown} has an edge that is not finite.", fix="correct or remove the box")
    if box.right < box.left or box.bottom < box.top:
        raise DatasetError(
            f"{shown} ends before it starts.",
            fix="correct it: left, top, right, bottom, with a width and height of 0 or more",
        )
    if box.left >= facts.width or box.top >= facts.height or box.right <= 0 or box.bottom <= 0:
        raise DatasetError(
            f"{shown} lies outside its image of {facts.width} x {facts.height} pixels.",
            fix="correct or remove the box; was the image resized after it was drawn?",
        )


def _has_area(box: RawBox) -> bool:
    return box.right > box.left and box.bottom > box.top


def _overhang(box: RawBox, facts: ImageFileInfo) -> float:
    return max(-box.left, -box.top, box.right - facts.width, box.bottom - facts.height, 0.0)


def _clip_box(box: RawBox, facts: ImageFileInfo, label: int) -> Box:
    left, top = max(box.left, 0.0), max(box.top, 0.0)
    return Box(
        left=left,
        top=top,
        width=min(box.right, float(facts.width)) - left,
        height=min(box.bottom, float(facts.height)) - top,
        label=label,
        crowd=box.crowd,
    )

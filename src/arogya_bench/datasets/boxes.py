"""Boxes as a source draws them, fitted to their image: clipped, left out, or refused."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isfinite

from arogya_bench.errors import DatasetError, did_you_mean
from arogya_bench.images.files import ImageFileInfo
from arogya_bench.types import Box

ROUNDING_TOLERANCE = 0.05  # pixels; what the six decimals of a text file may add to an edge


@dataclass(frozen=True, kw_only=True)
class RawBox:
    """One box as its source gives it, right or wrong.

    Attributes:
        name: Of its class.
        left: Pixels from the left edge of the image; edges are continuous. So the other three.
        crowd: Whether a detection inside is not counted at all.
    """

    name: str
    left: float
    top: float
    right: float
    bottom: float
    crowd: bool = False


@dataclass(frozen=True, kw_only=True)
class ClippedBoxes:
    """The boxes of one image, and what was done to them.

    Attributes:
        boxes: In the order of the source.
        without_area: Those that were left out.
        overhangs: By how many pixels a box reached outside, for each one that was clipped.
        duplicates: How many say the same as another one; they are kept.
    """

    boxes: tuple[Box, ...]
    without_area: tuple[RawBox, ...]
    overhangs: tuple[float, ...]
    duplicates: int


def clip_boxes(
    raw_boxes: Sequence[RawBox], facts: ImageFileInfo, classes: Sequence[str], *, case: str
) -> ClippedBoxes:
    """Fit the boxes of one image to it.

    Args:
        raw_boxes: In any order.
        facts: The size of the image.
        classes: Every class that a box may have.
        case: The image, for errors.

    Raises:
        DatasetError: If a box lies wholly outside, or its edges are no numbers or out of order.
    """
    for box in raw_boxes:
        _check_box(box, facts, case)
    whole = [box for box in raw_boxes if _has_area(box)]
    beyond = [_overhang(box, facts) for box in whole]
    return ClippedBoxes(
        boxes=tuple(_clip_box(box, facts, classes.index(box.name)) for box in whole),
        without_area=tuple(box for box in raw_boxes if not _has_area(box)),
        overhangs=tuple(pixels for pixels in beyond if pixels > ROUNDING_TOLERANCE),
        duplicates=len(whole) - len(set(whole)),
    )


def resolve_classes(
    source_classes: Sequence[str], requested_classes: Sequence[str], used_classes: Collection[str]
) -> tuple[str, ...]:
    """Choose the classes and their order.

    Args:
        source_classes: As the source lists them.
        requested_classes: As the user wants them; empty for those of the source.
        used_classes: By at least one box.

    Raises:
        DatasetError: If a name is repeated, or a box has a class that is not among them.
    """
    names = tuple(requested_classes) or tuple(source_classes)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DatasetError(
            f"Two classes have the name {twice[0]!r}.", fix="give every class its own name"
        )
    unknown = sorted(set(used_classes) - set(names))
    if unknown:
        hint = did_you_mean(unknown[0], names)
        raise DatasetError(
            f"Boxes have the class {', '.join(map(repr, unknown))}, and the classes are "
            f"{', '.join(names)}.{hint}",
            fix="correct the annotations, or name every class of the boxes in dataset.classes",
        )
    return names


def _check_box(box: RawBox, facts: ImageFileInfo, case: str) -> None:
    edges = (box.left, box.top, box.right, box.bottom)
    shown = f"A box of {case} ({box.name}: {', '.join(f'{edge:g}' for edge in edges)})"
    if not all(isfinite(edge) for edge in edges):
        raise DatasetError(
            f"{shown} has an edge that is no finite number.", fix="correct or remove the box"
        )
    if box.right < box.left or box.bottom < box.top:
        raise DatasetError(
            f"{shown} ends before it begins.",
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

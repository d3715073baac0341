"""Mirrored copies of objects, which appear where an image is extended by reflection."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import ceil, cos, sin

from arogya_bench.augmentations.box_transforms import ImageSize
from arogya_bench.augmentations.ellipses import Outline, box_outline
from arogya_bench.types import Box

EDGE_TOLERANCE = 1.0  # pixels; an object that ends closer to the edge is considered cut by it


def merge_with_reflection(box: Box, size: ImageSize, angle: float) -> Outline:
    """The outline of an object together with its reflection, if the two touch.

    They touch where the edge of the image cuts the object and the rotated image shows that edge.
    Otherwise this is the outline of the object alone. ``angle`` is in radians.
    """
    outline = box_outline(box)
    right, bottom = box.left + box.width, box.top + box.height
    sides = (
        (box.left <= EDGE_TOLERANCE, 0.0, outline.y),
        (right >= size.width - EDGE_TOLERANCE, float(size.width), outline.y),
        (box.top <= EDGE_TOLERANCE, outline.x, 0.0),
        (bottom >= size.height - EDGE_TOLERANCE, outline.x, float(size.height)),
    )
    cuts = [cut and _is_visible(replace(outline, x=x, y=y).rotate(angle, size), size) for cut, x, y in sides]
    if not any(cuts):
        return outline
    left, far_right, top, far_bottom = cuts
    low_x = _reflect_coordinate(right, size.width, -1) if left else box.left
    high_x = _reflect_coordinate(box.left, size.width, 1) if far_right else right
    low_y = _reflect_coordinate(bottom, size.height, -1) if top else box.top
    high_y = _reflect_coordinate(box.top, size.height, 1) if far_bottom else bottom
    whole = Box(left=low_x, top=low_y, width=high_x - low_x, height=high_y - low_y, label=0, crowd=box.crowd)
    return box_outline(whole)


def reflected_outlines(box: Box, size: ImageSize, angle: float) -> Iterator[Outline]:
    """Every reflection of an object that may be visible after the rotation, not yet rotated.

    Reflections are those of OpenCV's ``BORDER_REFLECT_101``, which does not repeat the pixels at
    the edge. ``angle`` is in radians.
    """
    outline = merge_with_reflection(box, size, angle)
    seen = {(round(outline.x, 6), round(outline.y, 6))}
    across, along = abs(cos(angle)), abs(sin(angle))
    columns = _visible_tiles(size.width, size.width * across + size.height * along)
    rows = _visible_tiles(size.height, size.width * along + size.height * across)
    for column, row in product(columns, rows):
        copy = replace(
            outline,
            x=_reflect_coordinate(outline.x, size.width, column),
            y=_reflect_coordinate(outline.y, size.height, row),
        )
        centre = (round(copy.x, 6), round(copy.y, 6))
        if centre not in seen:
            seen.add(centre)
            yield copy


def _visible_tiles(length: int, shown: float) -> range:
    """Indices of the visible reflections, 0 for the image itself, if the rotated image shows so many pixels."""
    beyond = max(0.0, (shown - length) / 2 - 1e-6)
    count = ceil(beyond / max(1, length - 1))
    return range(-count, count + 1)


def _reflect_coordinate(coordinate: float, length: int, tile: int) -> float:
    if tile % 2:
        return (tile + 1) * (length - 1) + 1 - coordinate
    return coordinate + tile * (length - 1)


def _is_visible(point: Outline, size: ImageSize) -> bool:
    return (
        EDGE_TOLERANCE < point.x < size.width - EDGE_TOLERANCE
        and EDGE_TOLERANCE < point.y < size.height - EDGE_TOLERANCE
    )

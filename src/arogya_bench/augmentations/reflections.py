"""Where the objects of an image appear again when what lies beyond its edges is its reflection."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import ceil, cos, sin

from arogya_bench.augmentations.moving import ImageSize
from arogya_bench.augmentations.outlines import Outline, box_outline
from arogya_bench.types import Box

EDGE_TOLERANCE = 1.0  # pixels; an object that ends so near to the edge is taken to go on behind it


def merge_with_reflection(box: Box, size: ImageSize, angle: float) -> Outline:
    """The outline of an object together with its reflection, if the two have grown into one.

    They do where the edge of the image cuts the object and the turned image shows that edge.
    Otherwise this is the outline of the object alone.

    Args:
        box: In the image as it was.
        size: Of the image, before and after.
        angle: By which it will be turned about its centre, in radians.
    """
    shape = box_outline(box)
    right, bottom = box.left + box.width, box.top + box.height
    sides = (
        (box.left <= EDGE_TOLERANCE, 0.0, shape.y),
        (right >= size.width - EDGE_TOLERANCE, float(size.width), shape.y),
        (box.top <= EDGE_TOLERANCE, shape.x, 0.0),
        (bottom >= size.height - EDGE_TOLERANCE, shape.x, float(size.height)),
    )
    cuts = [
        cut and _is_visible(replace(shape, x=x, y=y).rotate(angle, size), size)
        for cut, x, y in sides
    ]
    if not any(cuts):
        return shape
    left, far_right, top, far_bottom = cuts
    low_x = _reflect_coordinate(right, size.width, -1) if left else box.left
    high_x = _reflect_coordinate(box.left, size.width, 1) if far_right else right
    low_y = _reflect_coordinate(bottom, size.height, -1) if top else box.top
    high_y = _reflect_coordinate(box.top, size.height, 1) if far_bottom else bottom
    whole = Box(
        left=low_x, top=low_y, width=high_x - low_x, height=high_y - low_y, label=0, crowd=box.crowd
    )
    return box_outline(whole)


def reflected_outlines(box: Box, size: ImageSize, angle: float) -> Iterator[Outline]:
    """Every reflection of an object that the turned image may show, before the turn.

    Reflections are those of OpenCV's ``BORDER_REFLECT_101``, in which the pixels at the edge are
    not repeated.

    Args:
        box: In the image as it was.
        size: Of the image, before and after.
        angle: By which it will be turned about its centre, in radians.
    """
    own = merge_with_reflection(box, size, angle)
    seen = {(round(own.x, 6), round(own.y, 6))}
    across, along = abs(cos(angle)), abs(sin(angle))
    columns = _visible_tiles(size.width, size.width * across + size.height * along)
    rows = _visible_tiles(size.height, size.width * along + size.height * across)
    for column, row in product(columns, rows):
        copy = replace(
            own,
            x=_reflect_coordinate(own.x, size.width, column),
            y=_reflect_coordinate(own.y, size.height, row),
        )
        place = (round(copy.x, 6), round(copy.y, 6))
        if place not in seen:
            seen.add(place)
            yield copy


def _visible_tiles(length: int, shown: float) -> range:
    """Numbers of the reflections in sight, 0 for the image itself.

    Args:
        length: Of the image, in pixels.
        shown: Length of what the turned image shows, in the same direction.
    """
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

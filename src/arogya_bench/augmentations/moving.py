"""How boxes go along with an augmentation that moves structures."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from arogya_bench.types import Augment, Box

_ATTRIBUTE = "move_boxes"


class ImageSize(NamedTuple):
    """Of an image, in pixels."""

    width: int
    height: int


BoxTransform: TypeAlias = Callable[
    [tuple[Box, ...], ImageSize, float, np.random.Generator], tuple[Box, ...]
]
_Function = TypeVar("_Function", bound=Augment)


def with_box_transform(transform: BoxTransform) -> Callable[[_Function], _Function]:
    """Say where the boxes go when an augmentation is applied; nothing is registered.

    Args:
        transform: ``(boxes, size, severity, rng) -> boxes``, which draws from ``rng`` what the
            augmentation draws, in the same order; it gets a generator in the same state. Boxes
            lie in the image, and those that cannot be judged afterwards become a crowd.
    """

    def decorate(function: _Function) -> _Function:
        setattr(function, _ATTRIBUTE, transform)
        return function

    return decorate


def box_transform_of(function: Augment) -> BoxTransform | None:
    """The box function of an augmentation; None for one that leaves structures in place."""
    move: BoxTransform | None = getattr(function, _ATTRIBUTE, None)
    return move

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


BoxMove: TypeAlias = Callable[
    [tuple[Box, ...], ImageSize, float, np.random.Generator], tuple[Box, ...]
]
_Function = TypeVar("_Function", bound=Augment)


def moves_boxes(move: BoxMove) -> Callable[[_Function], _Function]:
    """Say where the boxes go when an augmentation is applied; nothing is registered.

    Args:
        move: ``(boxes, size, severity, rng) -> boxes``, which draws from ``rng`` what the
            augmentation draws, in the same order; it gets a generator in the same state. Boxes
            lie in the image, and those that cannot be judged afterwards become a crowd.
    """

    def attached(function: _Function) -> _Function:
        setattr(function, _ATTRIBUTE, move)
        return function

    return attached


def box_move(function: Augment) -> BoxMove | None:
    """The box function of an augmentation; None for one that leaves structures in place."""
    move: BoxMove | None = getattr(function, _ATTRIBUTE, None)
    return move

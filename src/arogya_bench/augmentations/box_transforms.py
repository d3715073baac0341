"""Box transforms: how an augmentation that moves structures moves boxes."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from arogya_bench.types import Augment, Box

_ATTRIBUTE = "box_transform"


class ImageSize(NamedTuple):
    """Size of an image, in pixels."""

    width: int
    height: int


BoxTransform: TypeAlias = Callable[[tuple[Box, ...], ImageSize, float, np.random.Generator], tuple[Box, ...]]
_Function = TypeVar("_Function", bound=Augment)


def with_box_transform(transform: BoxTransform) -> Callable[[_Function], _Function]:
    """Declare how an augmentation moves boxes; nothing is registered.

    Args:
        transform: ``(boxes, size, severity, rng) -> boxes``. It must draw from ``rng`` what the
            augmentation draws, in the same order; it receives a generator in the same state. The
            boxes that it returns lie in the image; those that cannot be evaluated are crowds.
    """

    def decorate(function: _Function) -> _Function:
        setattr(function, _ATTRIBUTE, transform)
        return function

    return decorate


def box_transform_of(function: Augment) -> BoxTransform | None:
    """The box transform of an augmentation; None if it leaves structures in place."""
    transform: BoxTransform | None = getattr(function, _ATTRIBUTE, None)
    return transform

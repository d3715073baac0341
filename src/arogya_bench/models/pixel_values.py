"""From pixels of 8 bits to the numbers that a network was trained on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from arogya_bench.errors import ConfigError

CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class PixelValues:
    """``(pixel / 255 * scale + offset - mean) / std`` for models that take floats.

    Attributes:
        scale: Of white, before the offset.
        offset: Of black.
        mean: Subtracted: one number, or one for each channel; empty for none.
        std: Divided by, likewise.
    """

    scale: float = 1.0
    offset: float = 0.0
    mean: Sequence[float] = ()
    std: Sequence[float] = ()

    def __post_init__(self) -> None:
        """Check the ranges of the numbers."""
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            if not math.isfinite(value):
                raise ConfigError(f"{name} is {value}.", fix=f"set model.{name} to a finite number.")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (0, 1, CHANNELS) or not all(map(math.isfinite, values)):
                raise ConfigError(
                    f"{name} is {list(values)}.",
                    fix=f"set model.{name} to one number for each channel, such as model.{name}=[0.5,0.5,0.5].",
                )
        if not all(value > 0 for value in self.std):
            raise ConfigError(f"std is {list(self.std)}.", fix="set model.std above 0.")

    @property
    def shifted(self) -> tuple[str, ...]:
        """The settings beside ``scale`` that change values."""
        return tuple(name for name in ("offset", "mean", "std") if getattr(self, name))

    @property
    def needs_colours(self) -> bool:
        """Whether channels are treated differently."""
        return any(len(set(values)) > 1 for values in (self.mean, self.std))

    def apply(self, stack: NDArray[np.uint8], dtype: DTypeLike) -> NDArray[np.floating]:
        """Convert images, channels last."""
        values: NDArray[np.floating] = stack.astype(dtype) / np.asarray(255 / self.scale, dtype)
        channels = stack.shape[-1]
        if self.offset:
            values = values + np.asarray(self.offset, dtype)
        if self.mean:
            values = values - np.asarray(self.mean[:channels], dtype)
        if self.std:
            values = values / np.asarray(self.std[:channels], dtype)
        return values

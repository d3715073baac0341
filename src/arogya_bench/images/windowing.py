"""Map stored values of any range to 8 bits with a window."""

from collections.abc import Sequence
from math import isfinite
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.types import Image

Window: TypeAlias = tuple[float, float]  # stored values that become black and white
Values: TypeAlias = NDArray[Any]  # (height, width), or (height, width, 3) for colours


def parse_window(bounds: Sequence[float] | None) -> Window | None:
    """Validate the window of a config."""
    if bounds is None:
        return None
    if len(bounds) != 2 or not all(map(isfinite, bounds)) or bounds[0] >= bounds[1]:
        raise ConfigError(
            f"dataset.window={list(bounds)} is not two finite numbers in ascending order.",
            fix="give the stored values that become black and white, such as dataset.window=[0,4095]",
        )
    return float(bounds[0]), float(bounds[1])


def window_to_rgb(values: Values, window: Window | None, *, what: str) -> Image:
    """Apply the configured window and convert to RGB.

    Args:
        values: Shape (height, width), or (height, width, 3) for colours.
        window: Configured window, or None.
        what: Subject of error messages, such as ``The image a.png``.
    """
    check_finite(values, what)
    bounds = parse_window(window)
    if bounds is None:
        low, high = f"{values.min():.6g}", f"{values.max():.6g}"
        raise DatasetError(
            f"{what} holds values of type {values.dtype} from {low} to {high}, and it is not said "
            "which of them are black and white.",
            fix=f"set dataset.window=[low,high], one for the whole dataset; this file alone spans [{low},{high}]",
        )
    return to_rgb(apply_window(values, bounds))


def apply_window(values: Values, window: Window) -> NDArray[np.uint8]:
    """Scale the window linearly to 0 to 255 and clip the values outside of it."""
    low, high = window
    scaled = (values.astype(np.float64) - low) * (255.0 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def to_rgb(values: NDArray[np.uint8]) -> Image:
    """Repeat a single channel three times."""
    return values if values.ndim == 3 else np.repeat(values[..., np.newaxis], 3, axis=2)


def check_finite(values: Values, what: str) -> None:
    """Check that all values are finite."""
    bad = values.size - int(np.isfinite(values).sum())
    if bad:
        raise DatasetError(
            f"{what} holds {bad} of {values.size} values that are not finite (NaN or infinite).",
            fix="find out what they mean, and replace them with numbers",
        )

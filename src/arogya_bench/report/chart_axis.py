"""An axis of a chart that places labels by pixels, and its ticks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, floor, log, log10
from typing import Any

MAX_TICKS = 14  # of a logarithmic axis


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Maps values to pixels, linearly or by their logarithm."""

    low: float
    high: float
    pixels: float
    logarithmic: bool = False
    flipped: bool = False  # whether pixels count down

    def to_pixels(self, value: float) -> float:
        """Position of a value."""
        share = (self._scaled(value) - self._scaled(self.low)) / (self._scaled(self.high) - self._scaled(self.low))
        return self.pixels * (1 - share if self.flipped else share)

    def to_value(self, pixels: float) -> float:
        """Value at a position."""
        share = 1 - pixels / self.pixels if self.flipped else pixels / self.pixels
        scaled = self._scaled(self.low) + share * (self._scaled(self.high) - self._scaled(self.low))
        return exp(scaled) if self.logarithmic else scaled

    @property
    def domain(self) -> list[float]:
        """Both ends."""
        return [self.low, self.high]

    def _scaled(self, value: float) -> float:
        return log(value) if self.logarithmic else value


def log_ticks(axis: Axis) -> list[float]:
    """1, 2 and 5 times the powers of ten within an axis, or the powers alone where these are too many."""
    candidates = [factor * 10.0**power for power in range(-6, 9) for factor in (1, 2, 5)]
    ticks = [round(value, 9) for value in candidates if axis.low <= value <= axis.high]
    powers = [tick for tick in ticks if log10(tick).is_integer()]
    return ticks if len(ticks) <= MAX_TICKS or len(powers) < 2 else powers


def linear_ticks(points: Sequence[Mapping[str, Any]], axis: Axis) -> list[float]:
    """Round values within an axis, none of them beyond 0 and 1 if no value is."""
    step = 10.0 ** floor(log10((axis.high - axis.low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (axis.high - axis.low) / (factor * step) <= 8)
    ticks = [round(step * count, 9) for count in range(ceil(axis.low / step), floor(axis.high / step) + 1)]
    is_share = all(0 <= point[key] <= 1 for point in points for key in ("y_low", "y_high"))
    return [tick for tick in ticks if not is_share or 0 <= tick <= 1]

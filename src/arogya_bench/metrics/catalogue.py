"""What a reader must know about a metric, kept beside its function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from arogya_bench.metrics.tally import Tally
from arogya_bench.types import Floats


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of a classifier; call it with a tally.

    Attributes:
        name: The key in MLflow.
        best: Which end is better.
        low: Smallest possible value.
        high: Largest possible value.
        probabilistic: Whether it needs class probabilities.
        summary: One line on what it is.
        compute: Maps a tally to values of its leading axes, NaN where undefined.
    """

    name: str
    best: Literal["high", "low"]
    low: float
    high: float
    probabilistic: bool
    summary: str
    compute: Callable[[Tally], Floats]

    def __call__(self, tally: Tally) -> Floats:
        """Values of the tally's leading axes, NaN where undefined."""
        return self.compute(tally)


def metric(
    *, best: Literal["high", "low"], low: float, high: float, probabilistic: bool = False
) -> Callable[[Callable[[Tally], Floats]], Metric]:
    """Attach direction and range to a function; nothing is registered."""

    def attach(function: Callable[[Tally], Floats]) -> Metric:
        return Metric(
            name=function.__name__,
            best=best,
            low=low,
            high=high,
            probabilistic=probabilistic,
            summary=(function.__doc__ or "").partition("\n")[0],
            compute=function,
        )

    return attach

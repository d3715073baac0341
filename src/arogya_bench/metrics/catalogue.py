"""Metrics as functions with their direction, range and description."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, ParamSpec, TypeAlias, TypeVar

from arogya_bench.metrics.tally import SufficientStatistics
from arogya_bench.types import Floats, Labels, Probabilities

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class MetricFunction(Generic[Parameters, Value]):
    """A metric of a classifier; call it as the function that it holds.

    Attributes:
        name: Name of the metric in MLflow.
        low: Smallest possible value, as ``high`` is the largest.
        probabilistic: Whether it needs class probabilities.
        compute: A built-in metric maps sufficient statistics to values of their leading axes, NaN
            where undefined; a metric of another package maps targets and probabilities to a number.
    """

    name: str
    best: Literal["high", "low"]
    low: float
    high: float
    probabilistic: bool
    summary: str
    compute: Callable[Parameters, Value]

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Value:
        """Compute the metric."""
        return self.compute(*args, **kwargs)


Metric: TypeAlias = MetricFunction[[SufficientStatistics], Floats]
CaseMetric: TypeAlias = MetricFunction[[Labels, Probabilities], float]


def metric(
    *, best: Literal["high", "low"], low: float, high: float, probabilistic: bool = False
) -> Callable[[Callable[Parameters, Value]], MetricFunction[Parameters, Value]]:
    """Attach direction and range to a function, without registering it."""

    def attach(function: Callable[Parameters, Value]) -> MetricFunction[Parameters, Value]:
        return MetricFunction(
            name=function.__name__,
            best=best,
            low=low,
            high=high,
            probabilistic=probabilistic,
            summary=(function.__doc__ or "").partition("\n")[0],
            compute=function,
        )

    return attach

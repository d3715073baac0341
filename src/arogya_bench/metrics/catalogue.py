"""What a reader must know about a metric, kept beside its function."""

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
        name: The key in MLflow.
        best: Which end is better.
        low: Smallest possible value.
        high: Largest possible value.
        probabilistic: Whether it needs class probabilities.
        summary: One line on what it is.
        compute: The function: of ours, one that maps a tally to values of its leading axes, NaN
            where undefined; of others, one that maps targets and probabilities to a number.
    """

    name: str
    best: Literal["high", "low"]
    low: float
    high: float
    probabilistic: bool
    summary: str
    compute: Callable[Parameters, Value]

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Value:
        """What the function says of the evidence."""
        return self.compute(*args, **kwargs)


Metric: TypeAlias = MetricFunction[[SufficientStatistics], Floats]
CaseMetric: TypeAlias = MetricFunction[[Labels, Probabilities], float]


def metric(
    *, best: Literal["high", "low"], low: float, high: float, probabilistic: bool = False
) -> Callable[[Callable[Parameters, Value]], MetricFunction[Parameters, Value]]:
    """Attach direction and range to a function; nothing is registered."""

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

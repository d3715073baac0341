"""Metrics as functions with their direction, range and description."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, ParamSpec, TypeAlias, TypeVar

from arogya_bench.metrics.tally import SufficientStatistics
from arogya_bench.types import Floats, Labels, Probabilities

# What a metric averages over; "positives" and "negatives" are the cases of the second and first of two classes.
AveragedOver: TypeAlias = Literal["cases", "classes", "positives", "negatives"]
Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class MetricFunction(Generic[Parameters, Value]):
    """A metric of a classifier; call it as the function that it holds.

    Attributes:
        name: Name of the metric in MLflow.
        low: Smallest possible value, as ``high`` is the largest.
        probabilistic: Whether it needs class probabilities.
        averaged_over: Where one case of a rare class weighs more than one of a frequent class: ``classes``.
        class_conditional: Whether its expectation does not depend on the class frequencies of the cases.
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
    averaged_over: AveragedOver = "cases"
    class_conditional: bool = False

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Value:
        """Compute the metric."""
        return self.compute(*args, **kwargs)


Metric: TypeAlias = MetricFunction[[SufficientStatistics], Floats]
CaseMetric: TypeAlias = MetricFunction[[Labels, Probabilities], float]


def metric(
    *,
    best: Literal["high", "low"],
    low: float,
    high: float,
    probabilistic: bool = False,
    averaged_over: AveragedOver = "cases",
    class_conditional: bool = False,
) -> Callable[[Callable[Parameters, Value]], MetricFunction[Parameters, Value]]:
    """Attach direction, range and what the metric averages over to a function, without registering it."""

    def attach(function: Callable[Parameters, Value]) -> MetricFunction[Parameters, Value]:
        return MetricFunction(
            name=function.__name__,
            best=best,
            low=low,
            high=high,
            probabilistic=probabilistic,
            summary=(function.__doc__ or "").partition("\n")[0],
            compute=function,
            averaged_over=averaged_over,
            class_conditional=class_conditional,
        )

    return attach

"""Numbers of publications beside those of a comparison: shown with their source, never tested or ranked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.errors import ConfigError, did_you_mean

LITERATURE_COLUMNS = (
    "dataset", "model", "metric", *bounds("value"), "cases", "year", "source", "caveat", "note",
)  # fmt: skip
NO_SUCH_DATASET = "this comparison has no result on a dataset of this name"


@dataclass(frozen=True, kw_only=True)
class LiteratureValue:
    """One number of a publication.

    Attributes:
        dataset: As the comparison names it; another name is listed by itself.
        metric: Name of one of our metrics.
        source: Where the number stands, such as a reference with its table.
        caveat: Why it cannot simply be compared, such as another split.
        low: Lower end of the interval that the source gives, as ``high`` is the upper one.
        cases: Number of test cases.
    """

    model: str
    dataset: str
    metric: str
    value: float
    source: str
    caveat: str
    low: float | None = None
    high: float | None = None
    cases: int | None = None
    year: int | None = None


def literature_rows(
    values: Iterable[LiteratureValue], datasets: Mapping[str, Sequence[str]], metrics: Mapping[str, Any]
) -> list[TableRow]:
    """One row per value and dataset that it belongs to.

    Args:
        values: In the order of the file.
        datasets: Name of a dataset to the names of its parts of a comparison, one for each split.
        metrics: Every metric that a value may be of.

    Raises:
        ConfigError: For an unknown metric, or a value beyond the range of its metric.
    """
    rows: list[TableRow] = []
    for value in values:
        check_value(value, metrics)
        shown = datasets.get(value.dataset, ())
        rows += [_row(value, dataset, "") for dataset in shown]
        rows += [] if shown else [_row(value, value.dataset, NO_SUCH_DATASET)]
    return rows


def check_value(value: LiteratureValue, metrics: Mapping[str, Any]) -> None:
    """Raise ConfigError unless the metric exists and can have the value and its bounds."""
    what = f"The literature value of {value.model} on {value.dataset}"
    if value.metric not in metrics:
        raise ConfigError(
            f"{what} has the metric {value.metric!r}, which does not exist.{did_you_mean(value.metric, metrics)}",
            fix=f"choose one of: {', '.join(sorted(metrics))}",
        )
    low, high = metrics[value.metric].low, metrics[value.metric].high
    numbers = [number for number in (value.low, value.value, value.high) if number is not None]
    if not all(low <= number <= high for number in numbers):
        raise ConfigError(
            f"{what} is {value.value:g}, but {value.metric} lies between {low:g} and {high:g}.",
            fix="give fractions and not percentages, such as 0.942.",
        )
    if numbers != sorted(numbers):
        raise ConfigError(f"{what} lies outside its interval.", fix="correct low, value or high.")


def _row(value: LiteratureValue, dataset: str, note: str) -> TableRow:
    return {
        "dataset": dataset,
        "model": value.model,
        "metric": value.metric,
        **dict(zip(bounds("value"), (value.value, value.low, value.high), strict=True)),
        "cases": value.cases,
        "year": value.year,
        "source": value.source,
        "caveat": value.caveat,
        "note": note,
    }

"""Every metric on every resample, from one pass over the weights of the groups."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.metrics.catalogue import Metric
from arogya_bench.metrics.classification import METRICS, TWO_CLASS_METRICS, metrics_for
from arogya_bench.metrics.group_weights import DrawnGroups, StackedSums
from arogya_bench.metrics.outcomes import Outcomes, check_outcomes
from arogya_bench.metrics.tally import SufficientStatistics, sum_by_group
from arogya_bench.types import Floats

MAX_CONFUSION_CELLS = 2**22  # of all resamples at once: hundreds of classes take few at a time


class Resamples(Protocol):
    """What ``statistics.draws`` returns, as far as it matters here."""

    @property
    def digest(self) -> str:
        """Equal for resamples of the same groups."""

    @property
    def resamples(self) -> int:
        """Their number."""

    @property
    def group_of(self) -> NDArray[np.int64]:
        """Shape (n,), the group of each case."""

    def chunks(self) -> Iterator[Floats]:
        """Yield how often each group was drawn, arrays of shape (b, groups)."""


@dataclass(frozen=True, kw_only=True)
class Replicates:
    """Every metric, resampled; NaN where a metric is undefined.

    Attributes:
        estimates: On the cases themselves, by name.
        values: Shape (B,) by name; differences between equal digests are paired.
        jackknife: Shape (groups,) by name, the metric without each group, for BCa.
        digest: Of the draws.
    """

    estimates: dict[str, float]
    values: dict[str, Floats]
    jackknife: dict[str, Floats]
    digest: str


def replicates(
    targets: ArrayLike,
    probabilities: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    *,
    draws: Resamples,
    classes: Sequence[str] | int | None = None,
    bins: int = 15,
    names: Iterable[str] | None = None,
) -> Replicates:
    """Resample every metric at once; the numbers are those of ``score`` on the drawn rows.

    Args:
        targets: Class indices, shape (n,).
        probabilities: Shape (n, K); rows sum to 1.
        predicted: Class indices, shape (n,); decided from the probabilities if None.
        draws: Which groups enter each resample.
        classes: Their names, or their number.
        bins: Of the confidence, for calibration errors.
        names: The metrics wanted; None means all. What ranks cases by score is most of the work.

    Raises:
        ValueError: If a column is misshapen, a name unknown, or the draws are of another number
            of cases.
    """
    cases = check_outcomes(targets, probabilities, predicted, classes=classes)
    return _resample_models({"": cases}, draws, bins, names)[""]


def paired_replicates(
    targets: ArrayLike,
    models: Mapping[str, ArrayLike],
    *,
    draws: Resamples,
    classes: Sequence[str] | int | None = None,
    bins: int = 15,
    names: Iterable[str] | None = None,
) -> dict[str, Replicates]:
    """Resample several models on the same cases; each resample is drawn once for all of them.

    Takes the arguments of ``replicates``, with one table of probabilities per model.

    Returns:
        By model, what ``replicates`` gives for it alone; differences are paired.

    Raises:
        ValueError: As ``replicates``.
    """
    cases = {
        name: check_outcomes(targets, table, classes=classes) for name, table in models.items()
    }
    return _resample_models(cases, draws, bins, names)


def _resample_models(
    models: Mapping[str, Outcomes], draws: Resamples, bins: int, names: Iterable[str] | None
) -> dict[str, Replicates]:
    for cases in models.values():
        if draws.group_of.shape != (cases.n,):
            raise ValueError(f"draws of {draws.group_of.size} cases for {cases.n} targets")
    counted = {
        name: sum_by_group(cases, group_of=draws.group_of, bins=bins)
        for name, cases in models.items()
    }
    asked = None if names is None else list(names)  # read once for all models
    wanted = {name: _select_metrics(asked, each.n_classes) for name, each in counted.items()}
    values: dict[str, list[dict[str, Floats]]] = {name: [] for name in models}
    widest = max((each.n_classes for each in counted.values()), default=1)
    rows = max(1, MAX_CONFUSION_CELLS // widest**2)
    stacks = (
        StackedSums(parts=tuple(each.class_counts for each in counted.values())),
        StackedSums(
            parts=tuple(
                each.probability_sums for each in counted.values() if each.has_probabilities
            )
        ),
    )
    for counts in draws.chunks():
        for start in range(0, len(counts), rows):
            weights = DrawnGroups(counts=counts[start : start + rows], stacks=stacks)
            for name, each in counted.items():
                values[name].append(
                    _compute_metrics(
                        SufficientStatistics(group_sums=each, weights=weights), wanted[name]
                    )
                )
    return {
        name: Replicates(
            estimates={
                key: float(value)
                for key, value in _compute_metrics(each.total(), wanted[name]).items()
            },
            values=_concatenate_replicates(values[name], wanted[name]),
            jackknife=_concatenate_replicates(
                [_compute_metrics(tally, wanted[name]) for tally in each.leave_one_group_out()],
                wanted[name],
            ),
            digest=draws.digest,
        )
        for name, each in counted.items()
    }


def _select_metrics(names: Sequence[str] | None, classes: int) -> dict[str, Metric | None]:
    known = metrics_for(classes)
    asked = list(known if names is None else names)
    unknown = [name for name in asked if name not in METRICS | TWO_CLASS_METRICS]
    if unknown:
        raise ValueError(f"there is no metric {', '.join(unknown)}")
    return {name: known.get(name) for name in asked}


def _concatenate_replicates(
    parts: Sequence[dict[str, Floats]], names: Iterable[str]
) -> dict[str, Floats]:
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _compute_metrics(
    tally: SufficientStatistics, metrics: Mapping[str, Metric | None]
) -> dict[str, Floats]:
    """Metrics of the tally; one that speaks of two classes does not exist for more."""
    return {
        name: np.full(tally.n.shape, np.nan) if metric is None else metric(tally)
        for name, metric in metrics.items()
    }

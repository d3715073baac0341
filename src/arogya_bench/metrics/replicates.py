"""Metrics of classifiers on resamples of groups."""

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

DEFAULT_BINS = 15  # of calibration errors
METRICS_BY_LEVEL = frozenset({"average_precision_macro", "average_precision", "ece_adaptive"})  # read every score
MIN_ROWS = 64  # resamples per product: with hundreds of thousands of groups, a chunk of draws has few
MAX_CONFUSION_CELLS = 2**22  # of all resamples at once: hundreds of classes take few at a time


class Resamples(Protocol):
    """Resamples of groups, as ``statistics.draws`` describes them."""

    @property
    def digest(self) -> str:
        """Equal for equal resamples."""

    @property
    def resamples(self) -> int:
        """Number of resamples."""

    @property
    def group_of(self) -> NDArray[np.int64]:
        """Shape (n,), the group of each case."""

    def chunks(self) -> Iterator[Floats]:
        """Yield how often each group was drawn, arrays of shape (b, groups)."""


@dataclass(frozen=True, kw_only=True)
class Replicates:
    """Metrics on resamples; NaN where a metric is undefined.

    Attributes:
        estimates: On the original cases, by name.
        values: Shape (B,) by name; differences between equal digests are paired.
        jackknife: Shape (groups,) by name, the metric without each group, for BCa.
    """

    estimates: dict[str, float]
    values: dict[str, Floats]
    jackknife: dict[str, Floats]
    digest: str


def replicates(  # noqa: PLR0913 - what a case holds, and how it is scored
    targets: ArrayLike,
    probabilities: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    *,
    draws: Resamples,
    classes: Sequence[str] | int | None = None,
    bins: int = DEFAULT_BINS,
    names: Iterable[str] | None = None,
    true_classes_only: bool = False,
) -> Replicates:
    """Resample all metrics; results are those of ``score`` on the drawn rows.

    Args:
        targets: Class indices, shape (n,).
        probabilities: Shape (n, K); rows sum to 1.
        predicted: Class indices, shape (n,); derived from the probabilities if None.
        draws: Which groups enter each resample.
        classes: Names of the classes, or their number.
        bins: Number of bins for calibration errors.
        names: Names of the metrics; all if None. Those that rank cases by score take longest.
        true_classes_only: Whether a macro average runs over the classes with a case only, and not, as in
            scikit-learn, over those that are predicted without a case too: for comparisons, in which
            all models need the same classes.
    """
    cases = check_outcomes(targets, probabilities, predicted, classes=classes)
    return _resample_models({"": cases}, draws, bins, names, true_classes_only)[""]


def paired_replicates(
    targets: ArrayLike,
    models: Mapping[str, ArrayLike],
    *,
    draws: Resamples,
    classes: Sequence[str] | int | None = None,
    names: Iterable[str] | None = None,
    true_classes_only: bool = False,
) -> dict[str, Replicates]:
    """Resample several models on the same cases, so that differences are paired.

    Takes the arguments of ``replicates``, with one table of probabilities per model. Every resample is drawn once, and
    the counts of all models come from one product, so that this is faster than model by model.

    Returns:
        By model, the result of ``replicates``.
    """
    cases = {name: check_outcomes(targets, table, classes=classes) for name, table in models.items()}
    return _resample_models(cases, draws, DEFAULT_BINS, names, true_classes_only)


def _resample_models(
    models: Mapping[str, Outcomes], draws: Resamples, bins: int, names: Iterable[str] | None, true_classes_only: bool
) -> dict[str, Replicates]:
    for cases in models.values():
        if draws.group_of.shape != (cases.n,):
            raise ValueError(f"draws of {draws.group_of.size} cases for {cases.n} targets")
    sums = {
        name: sum_by_group(cases, group_of=draws.group_of, bins=bins, true_classes_only=true_classes_only)
        for name, cases in models.items()
    }
    names = None if names is None else list(names)  # an iterator can be read only once
    wanted = {name: _select_metrics(names, model.n_classes) for name, model in sums.items()}
    values: dict[str, list[dict[str, Floats]]] = {name: [] for name in models}
    widest = max((model.n_classes for model in sums.values()), default=1)
    rows = max(1, MAX_CONFUSION_CELLS // widest**2)
    stacks = (
        StackedSums(parts=tuple(model.class_counts for model in sums.values())),
        StackedSums(parts=tuple(model.probability_sums for model in sums.values() if model.has_probabilities)),
    )
    for counts in _merge_chunks(draws.chunks()):
        for start in range(0, len(counts), rows):
            weights = DrawnGroups(counts=counts[start : start + rows], stacks=stacks)
            for name, model in sums.items():
                values[name].append(
                    _compute_metrics(SufficientStatistics(group_sums=model, weights=weights), wanted[name])
                )
    return {
        name: Replicates(
            estimates={key: float(value) for key, value in _compute_metrics(model.total(), wanted[name]).items()},
            values=concatenate_replicates(values[name], wanted[name]),
            jackknife=concatenate_replicates(
                [
                    _compute_metrics(tally, wanted[name])
                    for tally in model.leave_one_group_out(by_level=not METRICS_BY_LEVEL.isdisjoint(wanted[name]))
                ],
                wanted[name],
            ),
            digest=draws.digest,
        )
        for name, model in sums.items()
    }


def _merge_chunks(chunks: Iterator[Floats]) -> Iterator[Floats]:
    """Join chunks of few resamples: reading the sums of all groups takes longer than the product."""
    for counts in chunks:
        merged = [counts]
        while sum(map(len, merged)) < MIN_ROWS and (more := next(chunks, None)) is not None:
            merged.append(more)
        yield merged[0] if len(merged) == 1 else np.concatenate(merged)


def _select_metrics(names: Sequence[str] | None, classes: int) -> dict[str, Metric | None]:
    known = metrics_for(classes)
    selected = list(known if names is None else names)
    unknown = [name for name in selected if name not in METRICS | TWO_CLASS_METRICS]
    if unknown:
        raise ValueError(f"unknown metrics: {', '.join(unknown)}")
    return {name: known.get(name) for name in selected}


def concatenate_replicates(parts: Sequence[dict[str, Floats]], names: Iterable[str]) -> dict[str, Floats]:
    """Join the metrics of several chunks of resamples, by name."""
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _compute_metrics(tally: SufficientStatistics, metrics: Mapping[str, Metric | None]) -> dict[str, Floats]:
    """Compute metrics; those of binary classification are NaN for more classes."""
    return {
        name: np.full(tally.n.shape, np.nan) if metric is None else metric(tally) for name, metric in metrics.items()
    }

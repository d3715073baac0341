"""Every metric on every resample, from one pass over the weights of the groups."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.metrics.classification import METRICS
from arogya_bench.metrics.outcomes import outcomes
from arogya_bench.metrics.tally import Tally, evidence
from arogya_bench.types import Floats


class Resamples(Protocol):
    """What ``statistics.draws`` returns, as far as it matters here."""

    @property
    def digest(self) -> str:
        """Equal for resamples of the same groups."""

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
        bins: Of the confidence, for ``ece``.
        names: The metrics wanted; None means all. Sorting for AUROC is most of the work.

    Raises:
        ValueError: If a column is misshapen, or the draws are of another number of cases.
    """
    cases = outcomes(targets, probabilities, predicted, classes=classes)
    if draws.group_of.shape != (cases.n,):
        raise ValueError(f"draws of {draws.group_of.size} cases for {cases.n} targets")
    counted = evidence(cases, group_of=draws.group_of, bins=bins)
    wanted = list(METRICS if names is None else names)
    if not any(METRICS[name].probabilistic for name in wanted):
        counted = replace(counted, curves=())
    parts = [_values(counted.weighted(weights), wanted) for weights in draws.chunks()]
    whole = _values(counted.whole(), wanted)
    return Replicates(
        estimates={name: float(value) for name, value in whole.items()},
        values={name: np.concatenate([part[name] for part in parts]) for name in wanted},
        jackknife=_values(counted.without_each_group(), wanted),
        digest=draws.digest,
    )


def _values(tally: Tally, names: Sequence[str]) -> dict[str, Floats]:
    return {name: METRICS[name](tally) for name in names}

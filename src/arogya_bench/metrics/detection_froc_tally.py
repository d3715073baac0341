"""Sensitivity at given false positives per image, for any weight of the groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from arogya_bench.metrics.detection_froc_matching import LesionMatches
from arogya_bench.metrics.detection_tally import BLOCK_CELLS, leave_one_out_weights
from arogya_bench.metrics.per_class import safe_divide
from arogya_bench.types import Floats, Labels

if TYPE_CHECKING:
    from arogya_bench.metrics.detection_tally import Sparse

RATE_TOLERANCE = 1e-9  # so that .29 per image allows 29 false positives in 100 images


@dataclass(frozen=True, kw_only=True)
class FrocGroupSums:
    """Contribution of each group to the curve: one row per score with a hit, best score first.

    Only hits raise the sensitivity, so that a row includes the false positives since the last row.

    Attributes:
        hits: Shape (rows, groups), lesions found at this score.
        misses: Shape (rows, groups), false positives.
    """

    hits: "Sparse"
    misses: "Sparse"
    lesions: Floats
    images: Floats

    def sensitivities(self, weights: Floats, rates: Sequence[float]) -> Floats:
        """Sensitivity at each rate, shape (b, rates), for weights of shape (b, groups); NaN without lesions."""
        step = max(1, BLOCK_CELLS // max(1, self.hits.shape[0]))
        parts = [self._hits_at_rates(weights[i : i + step], rates) for i in range(0, len(weights), step)]
        lesions = (weights @ self.lesions)[:, None]
        return safe_divide(np.concatenate(parts), np.repeat(lesions, len(rates), axis=1))

    def _hits_at_rates(self, weights: Floats, rates: Sequence[float]) -> Floats:
        upright = np.ascontiguousarray(weights.T)
        hits, misses = (np.asarray(m @ upright).cumsum(axis=0) for m in (self.hits, self.misses))
        hits_by_misses = np.concatenate([np.zeros((1, len(weights))), hits])
        allowed = np.outer(rates, weights @ self.images) + RATE_TOLERANCE
        reached = np.array([(misses <= limit).sum(axis=0) for limit in allowed])
        chosen: Floats = hits_by_misses[reached, np.arange(len(weights))].T
        return chosen

    def leave_one_group_out(self) -> Iterator[Floats]:
        """Yield weights that leave out each group in turn, in batches."""
        return leave_one_out_weights(self.images.size)


def sum_froc_by_group(matches: LesionMatches, group_of: Labels) -> FrocGroupSums:
    """Sum up each group once.

    Args:
        matches: Matches of one class, or of several classes pooled.
        group_of: Shape (images,), positions 0 to groups - 1.
    """
    groups = int(group_of.max()) + 1 if group_of.size else 1
    last = np.diff(matches.scores, append=-np.inf) != 0
    level = last.cumsum() - last
    with_hit = np.bincount(level, matches.hit) > 0
    row = (with_hit.cumsum() - with_hit)[level]
    shape = (int(with_hit.sum()), groups)
    column = group_of[matches.image]
    hits, misses = (
        csr_array((np.ones(int(m.sum())), (row[m], column[m])), shape=shape)
        for m in (matches.hit, matches.miss & (row < shape[0]))
    )
    return FrocGroupSums(
        hits=hits,
        misses=misses,
        lesions=np.bincount(group_of, matches.lesions, minlength=groups).astype(np.float64),
        images=np.bincount(group_of, minlength=groups).astype(np.float64),
    )

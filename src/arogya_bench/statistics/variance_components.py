"""Variance components of a score: training seed, augmentation draw and test sample."""

from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from arogya_bench.metrics.result import Result
from arogya_bench.statistics.arguments import check_repeated_scores
from arogya_bench.statistics.bootstrap_p_values import SPREAD_TOLERANCE
from arogya_bench.statistics.intervals import MAX_UNDEFINED_SHARE
from arogya_bench.statistics.notes import join_notes, undefined_note
from arogya_bench.statistics.resampling import Draws
from arogya_bench.types import Floats

FEW_LEVELS = 5


@dataclass(frozen=True, kw_only=True)
class VarianceTerm:
    """One variance component.

    Attributes:
        variance: 0 or more; None if it is not estimable, with the reason in ``note``.
        sd: Its square root, in units of the metric.
        share: Of the sum of all estimable terms, 0 to 1; None if that sum is 0.
        truncated: Whether a negative estimate was replaced by 0.
    """

    variance: float | None
    sd: float | None
    share: float | None
    truncated: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class VarianceSplit(Result):
    """The variance components of one metric.

    Attributes:
        training_seed: Between trainings that differ in their seed only.
        augmentation_draw: Between draws of the same augmentation.
        test_sample: Of the mean over seeds and draws, between samples of groups.
        sample_interaction: Interaction of the test sample with seeds and draws.
    """

    estimate: float
    training_seed: VarianceTerm
    augmentation_draw: VarianceTerm
    test_sample: VarianceTerm
    residual: VarianceTerm
    sample_interaction: VarianceTerm
    seeds: int
    augmentation_draws: int
    method: str = "method of moments, crossed"


class _Moments(NamedTuple):
    """Untruncated moments; None where a factor has one level."""

    seed: float | None
    draw: float | None
    residual: float | None


def variance_split(estimates: ArrayLike, replicates: ArrayLike, *, draws: Draws) -> VarianceSplit:
    """Estimate the variance due to training seed, augmentation draw and test sample.

    Seeds and draws are crossed: their terms follow from the mean squares of a two-way table as
    (MS of seeds - residual MS) / A, (MS of draws - residual MS) / S, and residual MS. The same
    moments of the resamples about their mean estimate the part of each term that is due to this
    test sample, which is moved to ``sample_interaction``. The term of the test sample is the
    variance over resamples of the mean over seeds and draws. Negative estimates become 0 and are
    flagged.

    Source: Bouthillier 2021 (the terms); Searle, Casella and McCulloch 1992 (the moments).

    Args:
        estimates: Shape (S, A), one metric for S seeds and A augmentation draws.
        replicates: Shape (S, A, B), on the same resamples of groups; NaN if undefined.
        draws: The resamples that the replicates were computed on.

    Raises:
        UndefinedMetric: If the metric is undefined for a combination of seed and draw.
    """
    table, resampled = check_repeated_scores(estimates, replicates, draws.resamples, "seeds", "draws")
    refused, left_out = _refusal_reason(resampled, draws)
    defined = resampled[:, :, np.isfinite(resampled).all(axis=(0, 1))]
    observed = _crossed_moments(table[..., None])
    sample: dict[str, float | None] = {"test_sample": None, "sample_interaction": None}
    of_sample = _Moments(0.0, 0.0, 0.0)
    if not refused:
        deviations = defined - defined.mean(axis=2, keepdims=True)
        of_sample = _crossed_moments(deviations, defined.shape[2] - 1)
        sample["test_sample"] = float(defined.mean(axis=(0, 1)).var(ddof=1))
        known = [moment for moment in of_sample if moment is not None]
        sample["sample_interaction"] = sum(known) if known else None
    raw = {
        "training_seed": _subtract(observed.seed, of_sample.seed),
        "augmentation_draw": _subtract(observed.draw, of_sample.draw),
        "residual": _subtract(observed.residual, of_sample.residual),
        **sample,
    }
    noise = SPREAD_TOLERANCE * max(1.0, float(np.abs(table).max()))
    seeds, augmentations = table.shape
    terms = _build_terms(raw, _term_notes(seeds, augmentations, refused), noise**2)
    return VarianceSplit(
        estimate=float(table.mean()),
        **terms,
        seeds=seeds,
        augmentation_draws=augmentations,
        n=draws.n,
        groups=draws.groups,
        seed=draws.seed,
        note=join_notes(left_out, "" if refused else draws.note, refused and f"test sample: {refused}"),
    )


def _refusal_reason(resampled: Floats, draws: Draws) -> tuple[str, str]:
    """Why terms of the test sample are not estimable, or else a note on resamples left out."""
    if not draws.varies:
        return "no stratum holds two groups: every resample is the same", ""
    undefined = 1 - float(np.isfinite(resampled).all(axis=(0, 1)).mean())
    if undefined > MAX_UNDEFINED_SHARE:
        return f"undefined in {undefined:.1%} of the resamples", ""
    if draws.resamples * (1 - undefined) < 2:
        return "a single resample has no spread", ""
    return "", undefined_note(undefined)


def _crossed_moments(tables: Floats, count: int = 1) -> _Moments:
    """Moments of crossed tables, shape (S, A, b), summed over b and divided by ``count``."""
    seeds, augmentations, _ = tables.shape
    centred = tables - tables.mean(axis=(0, 1))
    by_seed, by_draw = centred.mean(axis=1), centred.mean(axis=0)
    if seeds == 1 and augmentations == 1:
        return _Moments(None, None, None)
    if seeds == 1 or augmentations == 1:
        alone = float((centred**2).sum()) / (max(seeds, augmentations) - 1) / count
        return _Moments(alone, None, None) if augmentations == 1 else _Moments(None, alone, None)
    residuals = centred - by_seed[:, None] - by_draw[None]
    residual = float((residuals**2).sum()) / ((seeds - 1) * (augmentations - 1)) / count
    return _Moments(
        float((by_seed**2).sum()) / (seeds - 1) / count - residual / augmentations,
        float((by_draw**2).sum()) / (augmentations - 1) / count - residual / seeds,
        residual,
    )


def _subtract(observed: float | None, of_sample: float | None) -> float | None:
    return None if observed is None or of_sample is None else observed - of_sample


def _term_notes(seeds: int, augmentations: int, refused: str) -> dict[str, str]:
    one_seed, one_draw = "a single seed has no spread", "a single draw has no spread"
    single = one_seed if seeds == 1 else one_draw if augmentations == 1 else ""
    mixed = f"includes the interaction of seed and draw, since {single}" if single else ""
    sample = "includes the interaction with the test sample" if refused else ""
    alone = one_seed if seeds == augmentations == 1 else ""
    return {
        "training_seed": one_seed if seeds == 1 else join_notes(mixed, sample, _few_levels_note(seeds, "seeds")),
        "augmentation_draw": one_draw
        if augmentations == 1
        else join_notes(mixed, sample, _few_levels_note(augmentations, "draws")),
        "residual": f"not estimable, since {single}" if single else sample,
        "test_sample": refused,
        "sample_interaction": refused or alone,
    }


def _few_levels_note(levels: int, factor: str) -> str:
    return f"only {levels} {factor}: a rough estimate" if levels < FEW_LEVELS else ""


def _build_terms(raw: dict[str, float | None], notes: dict[str, str], noise: float) -> dict[str, Any]:
    # Rounding errors of equal numbers are no spread.
    values = {name: None if v is None else 0.0 if abs(v) <= noise else v for name, v in raw.items()}
    total = sum(max(0.0, value) for value in values.values() if value is not None)
    return {name: _build_term(value, total, notes[name]) for name, value in values.items()}


def _build_term(value: float | None, total: float, note: str) -> VarianceTerm:
    if value is None:
        return VarianceTerm(variance=None, sd=None, share=None, note=note)
    negative = f"negative estimate {value:.2g} replaced by 0" if value < 0 else ""
    variance = max(0.0, value)
    return VarianceTerm(
        variance=variance,
        sd=sqrt(variance),
        share=variance / total if total else None,
        truncated=value < 0,
        note=join_notes(note, negative),
    )

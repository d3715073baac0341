"""The table of operating points: rates at thresholds that were locked on the validation split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.analysis.mean_intervals import mean_intervals
from arogya_bench.analysis.positive_class import PositiveClass, positive_classes, states_probabilities
from arogya_bench.analysis.rate_intervals import GroupedRate, interval_notes, rate_intervals, unanimous_interval
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.binary_counts import binary_rates, confusion_masks
from arogya_bench.metrics.thresholds import LockedThreshold, choose_threshold
from arogya_bench.scoring.classification import NO_PROBABILITIES
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.seed_variance import seed_scores
from arogya_bench.statistics.threshold_intervals import operating_intervals
from arogya_bench.types import Floats, Predictions

DEFAULT = "default"
NO_VALIDATION = "no predictions of the validation split, and the test split must not choose a threshold"
RATES = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "ppv_at_prevalence",
    "npv": "npv_at_prevalence",
}  # columns, and what the statistics call them
OPERATING_COLUMNS = (
    "dataset", "model", "positive_class", "target", "target_value", "threshold", "thresholds",
    "validation_sensitivity", "validation_specificity", *(end for name in RATES for end in bounds(name)),
    "prevalence", "prevalence_of", "positives", "negatives", "positive_groups", "negative_groups", "seeds", "note",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Decision:
    """How one row calls cases positive: one entry per seed.

    Attributes:
        scores: On the test split, each of shape (n,); a case is called from the threshold on.
        locked: The thresholds as they were chosen; empty for the default decision.
        reason: Why there is no threshold; empty if there is.
        repeats: Of a cross-validation, that of each seed; empty otherwise.
    """

    target: str
    target_value: float | None = None
    scores: tuple[Floats, ...] = ()
    thresholds: tuple[float, ...] = ()
    locked: tuple[LockedThreshold, ...] = ()
    reason: str = ""
    repeats: tuple[str, ...] = ()


def operating_point_rows(study: Study) -> list[TableRow]:
    """Apply the default decision and two locked thresholds of each row, in the order of the leaderboard.

    The default decision takes the most probable class. The thresholds are those that reach ``options.sensitivity``, and
    ``options.specificity``, on the validation split, for each seed its own. PPV and NPV are those at a prevalence: the
    stated one, else that of the test cases. Rows without validation predictions are listed with the reason. Detectors
    have no such table.
    """
    if study.task.name != "classification":
        return []
    positive_of_all = positive_classes(study.cases.class_names, study.options)
    if not positive_of_all:
        return [_absent_row(study, row) for row in study.rows]
    return [
        _operating_row(study, row, positive, decision)
        for row in study.rows
        for positive in positive_of_all
        for decision in _decisions(study, row, positive)
    ]


def _decisions(study: Study, row: ScoredRow, positive: PositiveClass) -> list[_Decision]:
    seeds = _labelled(row.row.predictions)
    calls = tuple(positive.calls(seed) for seed in seeds)
    default = _Decision(target=DEFAULT, scores=calls, thresholds=(0.5,) * len(calls), repeats=row.row.repeats)
    targets = {"sensitivity": study.options.sensitivity, "specificity": study.options.specificity}
    if not states_probabilities(row):
        return [default, *(_Decision(target=t, target_value=v, reason=NO_PROBABILITIES) for t, v in targets.items())]
    stored = _labelled(study.validation.get(row.name, ()))[: len(seeds)]  # equal seeds count once
    if len(stored) != len(seeds):
        return [default, *(_Decision(target=t, target_value=v, reason=NO_VALIDATION) for t, v in targets.items())]
    return [default, *(_locked(positive, seeds, stored, target, value) for target, value in targets.items())]


def _absent_row(study: Study, row: ScoredRow) -> TableRow:
    """The class that the user named is none of this dataset."""
    named, known = study.options.positive_class, ", ".join(study.cases.class_names)
    return {
        **dict.fromkeys(OPERATING_COLUMNS),
        "dataset": study.dataset,
        "model": row.name,
        "positive_class": named,
        "target": DEFAULT,
        "note": f"the dataset has no class {named!r}, but {known}",
    }


def _labelled(predictions: Sequence[object]) -> list[Predictions]:
    return [seed for seed in predictions if isinstance(seed, Predictions)]


def _locked(
    positive: PositiveClass, seeds: Sequence[Predictions], stored: Sequence[Predictions], target: str, value: float
) -> _Decision:
    try:
        locked = tuple(
            choose_threshold(positive.flags(seed), positive.scores(seed), groups=seed.group_ids, **{target: value})
            for seed in stored
        )
    except UndefinedMetric as undefined:
        return _Decision(target=target, target_value=value, reason=f"no threshold: {undefined}")
    return _Decision(
        target=target,
        target_value=value,
        scores=tuple(positive.scores(seed) for seed in seeds),
        thresholds=tuple(one.threshold for one in locked),
        locked=locked,
    )


def _operating_row(study: Study, row: ScoredRow, positive: PositiveClass, decision: _Decision) -> TableRow:
    flags = positive.flags(_labelled(row.row.predictions)[0])
    stated = study.options.prevalence
    prevalence = float(flags.mean()) if stated is None else stated
    found = _rates(study, flags, decision, prevalence)
    single = len(decision.locked) == 1
    return {
        "dataset": study.dataset,
        "model": row.name,
        "positive_class": positive.name,
        "target": decision.target,
        "target_value": decision.target_value,
        "threshold": decision.thresholds[0] if single else None,
        "thresholds": " ".join(f"{one.threshold:.4g}" for one in decision.locked),
        "validation_sensitivity": _mean([one.sensitivity for one in decision.locked]),
        "validation_specificity": _mean([one.specificity for one in decision.locked]),
        **_rate_columns(found),
        "prevalence": prevalence,
        "prevalence_of": "test cases" if stated is None else "stated",
        "positives": int(flags.sum()),
        "negatives": int((~flags).sum()),
        "positive_groups": np.unique(study.cases.group_of[flags]).size,
        "negative_groups": np.unique(study.cases.group_of[~flags]).size,
        "seeds": len(row.row.predictions),
        "note": join_notes(decision.reason, _missing_side(flags), *_notes(study, decision, found)),
    }


def _missing_side(flags: NDArray[np.bool_]) -> str:
    if flags.all():
        return "no negative case: the sensitivity alone is known"
    return "" if flags.any() else "no positive case: the specificity alone is known"


def _rate_columns(found: dict[str, Interval]) -> TableRow:
    columns: TableRow = {}
    for name, rate in RATES.items():
        columns |= interval_columns(name, found.get(rate))
    return columns


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _notes(study: Study, decision: _Decision, found: dict[str, Interval]) -> list[str]:
    of_validation = [f"on validation: {one.note}" for one in decision.locked if one.note]
    shown = [found.get(name) for name in RATES.values()]
    return [*dict.fromkeys(of_validation), *interval_notes(shown, study.secondary_resampling.within_classes)]


def _rates(study: Study, flags: NDArray[np.bool_], decision: _Decision, prevalence: float) -> dict[str, Interval]:
    """By the names of the statistics; empty without a threshold."""
    if decision.reason:
        return {}
    if flags.all() or not flags.any():
        return _only_rate(study, flags, decision)
    if not 0 < prevalence < 1:
        return {}
    draws = study.secondary_resampling.within_classes
    if len(decision.scores) > 1:
        found = _seed_rates(study, flags, decision, prevalence)
    else:
        (scores,), (threshold,) = decision.scores, decision.thresholds
        found = operating_intervals(flags, scores, threshold, draws=draws, prevalence=prevalence)
    if draws.groups == draws.n and len(decision.scores) == 1:
        return found
    # A rate of 0 or 1 has no spread over groups or seeds.
    sides = {"sensitivity": flags, "specificity": ~flags}
    unanimous = {
        name: unanimous_interval(found[name].estimate, np.unique(study.cases.group_of[side]).size)
        for name, side in sides.items()
        if name in found and found[name].estimate in (0.0, 1.0)
    }
    return {**found, **unanimous}


def _only_rate(study: Study, flags: NDArray[np.bool_], decision: _Decision) -> dict[str, Interval]:
    """The rate of the only side that has cases: PPV and NPV need both."""
    name, side = ("sensitivity", 0) if flags.all() else ("specificity", 3)  # right calls are tp or tn
    right = [
        np.bincount(study.cases.group_of, confusion_masks(flags, scores, threshold)[side])
        for scores, threshold in zip(decision.scores, decision.thresholds, strict=True)
    ]
    cases = np.tile(np.bincount(study.cases.group_of).astype(np.float64), (len(right), 1))
    rate = GroupedRate(hits=np.array(right), cases=cases, repeats=decision.repeats)
    (found,) = rate_intervals([rate], study.secondary_resampling.within_classes)
    return {} if found is None else {name: found}


def _seed_rates(study: Study, flags: NDArray[np.bool_], decision: _Decision, prevalence: float) -> dict[str, Interval]:
    """Rates averaged over the seeds, each at its own threshold; their interval is that of new groups and new seeds."""
    by_seed = [
        _grouped_rates(study, flags, scores, threshold, prevalence)
        for scores, threshold in zip(decision.scores, decision.thresholds, strict=True)
    ]
    found: dict[str, Interval] = {}
    for name in RATES.values():
        estimates = [float(whole[name]) for whole, _ in by_seed]
        scores = seed_scores(estimates, [others[name] for _, others in by_seed], decision.repeats)
        (one,) = mean_intervals([scores], cases=study.cases.cases, low=0.0, high=1.0)
        if one is not None:
            found[name] = one
    return found


def _grouped_rates(
    study: Study, flags: NDArray[np.bool_], scores: Floats, threshold: float, prevalence: float
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """The rates of one seed, and the same without each group."""
    masks = confusion_masks(flags, scores, threshold)
    by_group = np.array([np.bincount(study.cases.group_of, mask) for mask in masks])
    total = by_group.sum(axis=1)
    others = binary_rates(total[:, None] - by_group, prevalence=prevalence)
    return binary_rates(total, prevalence=prevalence), others

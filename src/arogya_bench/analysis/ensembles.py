"""The table of ensembles: what two or three rows would score together, from their stored predictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt

import numpy as np
from scipy.special import stdtrit

from arogya_bench.analysis.combined_predictions import RULES
from arogya_bench.analysis.ensemble_members import Candidates, Members, choose_candidates
from arogya_bench.analysis.pair_table import NO_DIFFERENCE
from arogya_bench.analysis.scored_rows import EvaluatedRow, ScoredRow, score_rows, single_resample
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.scoring.task import Task
from arogya_bench.statistics.group_variance import add_variances, group_variance
from arogya_bench.statistics.multiplicity import adjust
from arogya_bench.statistics.notes import few_groups_note, join_notes
from arogya_bench.statistics.paired_differences import ALPHA, NORMAL_DEGREES, PairedDifference, paired_difference
from arogya_bench.statistics.seed_variance import SeedScores, estimate_seed_variance
from arogya_bench.types import Predictions

ENSEMBLE_COLUMNS = (
    "dataset", "metric", "ensemble", "members", "rule", *bounds("value"), "best_member", "best_member_value",
    *bounds("difference"), "p_value", "p_adjusted", "family", "conclusion", "note",
)  # fmt: skip
SIZES = (2, 3)
MIN_VOTERS = 3  # two members that disagree tie, and the mean of their probabilities decides
NEVER_RECOMMENDED = "never recommended: latency and cost of an ensemble are not measured"
NO_PROBABILITIES = "a vote gives no probabilities, which the metric needs"


@dataclass(frozen=True, kw_only=True)
class _Ensemble:
    """Rows that answer together by one rule; ``difference`` is to the best of them."""

    members: Members
    rule: str
    scored: ScoredRow | None
    reason: str = ""
    best: ScoredRow | None = None
    difference: PairedDifference | None = None


def ensemble_rows(study: Study) -> list[TableRow]:
    """One row per pair and triple of rows and rule of combining them, the best first; none but for labels.

    Each is compared with the best of its members on the same test cases, seed by seed. That member is taken by its
    test score, which is too high for the best of several, so that the comparison rather favours the member. The
    p-values are adjusted for all ensembles of the table after Holm.
    """
    if not isinstance(study.cases.predictions, Predictions):
        return []
    candidates = choose_candidates(study)
    ensembles = _compare(study, _score(study, _combine(study, candidates)))
    adjusted = adjust([np.nan if found.difference is None else found.difference.p_value for found in ensembles])
    rows = [_table_row(study, found, float(p), candidates.note) for found, p in zip(ensembles, adjusted, strict=True)]
    family = int(np.isfinite(adjusted).sum())
    sign = -1 if study.task.metrics[study.metric].best == "high" else 1
    return sorted(
        [row | {"family": family} for row in rows],
        key=lambda row: np.inf if row["value"] is None else sign * float(str(row["value"])),
    )


def _combine(study: Study, candidates: Candidates) -> list[tuple[Members, str, EvaluatedRow | None]]:
    """Every set of members and rule, with the predictions; None where there are none to score."""
    combined: list[tuple[Members, str, EvaluatedRow | None]] = []
    for size in SIZES:
        for rows in combinations(candidates.rows, size):
            members = Members(rows=rows)
            for rule, combine in RULES.items():
                if rule == "vote" and size < MIN_VOTERS:
                    continue
                scorable = members.seeds and (rule == "mean" or not _needs_probabilities(study))
                combined.append((members, rule, members.combine(combine) if scorable else None))
    return combined


def _score(study: Study, combined: Sequence[tuple[Members, str, EvaluatedRow | None]]) -> list[_Ensemble]:
    """Score all of them at once, with what each group changes, which Student's t needs."""
    rows = [row for *_, row in combined if row is not None]
    scored = iter(
        score_rows(rows, _only(study.task, study.metric), [study.metric], single_resample(study.cases.predictions))
    )
    return [
        _Ensemble(
            members=members,
            rule=rule,
            scored=None if row is None else next(scored),
            reason="" if row is not None else NO_PROBABILITIES if members.seeds else members.seeds_note,
        )
        for members, rule, row in combined
    ]


def _only(task: Task[Predictions], metric: str) -> Task[Predictions]:
    """The same task without the metrics of other packages that do not decide, which would be computed too."""
    kept = {
        name: found for name, found in task.metrics.items() if name == metric or not isinstance(found, PluginMetric)
    }
    return replace(task, metrics=kept)


def _needs_probabilities(study: Study) -> bool:
    """Whether the deciding metric needs them; of a metric of another package that is not known."""
    definition = study.task.metrics[study.metric]
    return isinstance(definition, PluginMetric) or bool(getattr(definition, "probabilistic", True))


def _compare(study: Study, ensembles: Sequence[_Ensemble]) -> list[_Ensemble]:
    return [_compare_with_best(study, found) for found in ensembles]


def _compare_with_best(study: Study, ensemble: _Ensemble) -> _Ensemble:
    """Add the best member on the seeds of the ensemble, and the difference to it."""
    metric, scored = study.metric, ensemble.scored
    if scored is None or not np.isfinite(scored.estimate(metric)):
        return replace(ensemble, scored=None, reason=ensemble.reason or "the metric is undefined for it")
    sign = 1 if study.task.metrics[metric].best == "high" else -1
    members = [row.select_seeds(ensemble.members.seeds) for row in ensemble.members.rows]
    best = max(members, key=lambda row: sign * row.estimate(metric))
    change = _per_seed(scored.seed_scores(metric), best.seed_scores(metric))
    none = SeedScores(estimates=np.zeros(1), changes=np.zeros((1, study.cases.groups)))
    seeds = estimate_seed_variance([change]).of_mean(0)
    return replace(ensemble, best=best, difference=paired_difference(change, none, study.cases.strata(metric), seeds))


def _per_seed(ensemble: SeedScores, member: SeedScores) -> SeedScores:
    """The difference of each seed; a member that no seed changes stands in every one."""
    return SeedScores(estimates=ensemble.estimates - member.estimates, changes=ensemble.changes - member.changes)


def _table_row(study: Study, found: _Ensemble, p_adjusted: float, choice: str) -> TableRow:
    start: TableRow = {
        **dict.fromkeys(ENSEMBLE_COLUMNS),  # their order
        "dataset": study.dataset,
        "metric": study.metric,
        "ensemble": " + ".join(found.members.names),
        "members": len(found.members.rows),
        "rule": found.rule,
        "conclusion": NO_DIFFERENCE,
    }
    if found.scored is None or found.best is None or found.difference is None:
        return {**start, "note": join_notes(found.reason, NEVER_RECOMMENDED)}
    result, members = found.difference, found.members
    return {
        **start,
        **_value_columns(study, found.scored),
        "best_member": found.best.name,
        "best_member_value": found.best.estimate(study.metric),
        **dict(zip(bounds("difference"), (result.estimate, result.low, result.high), strict=True)),
        "p_value": result.p_value,
        "p_adjusted": p_adjusted,
        "conclusion": _conclude(study, found.best.name, result.estimate, p_adjusted),
        "note": join_notes(
            members.seeds_note, members.answers_note, choice, few_groups_note(study.cases.groups), NEVER_RECOMMENDED
        ),
    }


def _value_columns(study: Study, scored: ScoredRow) -> TableRow:
    """The value with its interval by Student's t, over groups and seeds; no ends if no group changes the value."""
    metric, definition = study.metric, study.task.metrics[study.metric]
    scores = scored.seed_scores(metric)
    groups, seeds = (
        group_variance(scores.mean_changes, 0.0, study.cases.strata(metric)),
        estimate_seed_variance([scores]),
    )
    total = add_variances([term for term in (groups, seeds.of_mean(0)) if term is not None])
    if not total.variance:
        return {"value": scores.mean}
    margin = -float(stdtrit(min(total.df, NORMAL_DEGREES), ALPHA / 2)) * sqrt(total.variance)
    ends = max(definition.low, scores.mean - margin), min(definition.high, scores.mean + margin)
    return dict(zip(bounds("value"), (scores.mean, *ends), strict=True))


def _conclude(study: Study, best_member: str, difference: float, p_adjusted: float) -> str:
    if p_adjusted >= ALPHA:
        return NO_DIFFERENCE
    better = (difference > 0) == (study.task.metrics[study.metric].best == "high")
    return "the ensemble is better" if better else f"{best_member} alone is better"

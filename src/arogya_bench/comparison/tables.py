"""One block of evidence judged: who leads, by how much, how surely, and what breaks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from arogya_bench.comparison.blocks import CLEAN, ComparableRuns, RowReplicates, StoredCondition
from arogya_bench.comparison.leaderboard import LeaderboardRow, is_correct, rank_rows
from arogya_bench.comparison.verdict import build_verdict
from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.robustness import robustness_score
from arogya_bench.statistics import (
    BootstrapInterval,
    Draws,
    McNemar,
    adjust,
    interval,
    mcnemar,
)
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.tags import KIND, MODEL_CONFIG_DIGEST
from arogya_bench.types import BoxPredictions

ALPHA = 0.05
NO_DIFFERENCE = "no difference shown"
SEEDS_DIFFER = "the two were fitted with different seeds: no claim"
DIFFERENCE_INTERVAL_COLUMNS = ("difference.ci_low", "difference.ci_high")
NOT_MEASURED = "not measured"
MEASUREMENT_COLUMNS = (
    "latency_p50_ms",
    "cost_per_1k_images_usd",
)  # come from measurement runs, if any

TableRow = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class ComparisonTables:
    """The tables of one block, as rows."""

    verdict: list[TableRow]
    leaderboard: list[TableRow]
    pairwise: list[TableRow]
    robustness: list[TableRow]
    missing: list[TableRow]


def compare_block(block: ComparableRuns, requested_metric: str) -> ComparisonTables:
    """Judge a block by the metric asked for, or by that of its task if it has no such metric.

    Raises:
        TrackingError: If stored predictions of different rows do not belong together.
    """
    metric = block.primary_metric(requested_metric)
    rows = rank_rows(block, metric)
    pairs = _pairwise_rows(block, rows, metric)
    robustness = [row for each in rows for row in _robustness_rows(block, each, metric)]
    return ComparisonTables(
        verdict=[{"dataset": block.dataset, "metric": metric} | _verdict_row(block, rows, pairs)],
        leaderboard=[
            _leaderboard_row(block, place, each, robustness, metric)
            for place, each in enumerate(rows, start=1)
        ],
        pairwise=pairs,
        robustness=robustness,
        missing=[{"dataset": block.dataset, **each} for each in block.missing],
    )


def _leaderboard_row(
    block: ComparableRuns,
    rank: int,
    leaderboard_row: LeaderboardRow,
    robustness: Sequence[TableRow],
    metric: str,
) -> TableRow:
    row: TableRow = {
        "dataset": block.dataset,
        "rank": rank,
        "model": leaderboard_row.name,
        "seeds": " ".join(leaderboard_row.seeds),
        "cases": leaderboard_row.draws.n,
        "groups": leaderboard_row.draws.groups,
    }
    ends = {
        name: _bootstrap_interval(leaderboard_row.clean, name, leaderboard_row.draws)
        for name in leaderboard_row.clean.estimates
    }
    for name, each in ends.items():
        row |= _interval_columns(name, each)
    row |= _robustness_summary(block, leaderboard_row.name, robustness) | _latest_measurement(
        block, leaderboard_row.model_config_digest
    )
    decides = ends[metric]
    return row | {"note": decides.note if decides else "undefined on these cases"}


def _robustness_summary(
    block: ComparableRuns, label: str, robustness: Sequence[TableRow]
) -> TableRow:
    """Mean robustness score, and the condition that hurts most; None unless all were tested.

    A model whose worst condition failed would look better than one that was tested under it.
    """
    mine = [row for row in robustness if row["model"] == label]
    scores = {str(row["condition"]): row["score"] for row in mine if row["score"] is not None}
    if not scores or len(scores) < sum(each.name != CLEAN for each in block.conditions):
        return {"robustness_score": None, "worst_condition": None}
    values = {name: float(str(score)) for name, score in scores.items()}
    worst = min(values, key=values.__getitem__)
    return {
        "robustness_score": float(np.mean(list(values.values()))),
        "worst_condition": worst if values[worst] < 1 else "none hurts",
    }


def _latest_measurement(block: ComparableRuns, row: str) -> TableRow:
    """Latency and cost of the newest measurement; nobody measured is not zero."""
    runs = search_runs(
        block.store,
        f"tags.`{KIND}` = 'measurement' and tags.`{MODEL_CONFIG_DIGEST}` = '{row}' "
        "and attributes.status = 'FINISHED'",
    )
    metrics = runs[-1].metrics if runs else {}
    return {name: metrics.get(name, NOT_MEASURED) for name in MEASUREMENT_COLUMNS}


def _pairwise_rows(
    block: ComparableRuns, ranked: Sequence[LeaderboardRow], metric: str
) -> list[TableRow]:
    """Every pair, the better one first, with p-values adjusted over the whole family."""
    rows = [_pair_row(block, a, b, metric) for a, b in combinations(ranked, 2)]
    p_values = [np.nan if row["p_value"] is None else float(str(row["p_value"])) for row in rows]
    if not rows:
        return []
    adjusted = adjust(p_values, method="holm")
    for row, p_holm in zip(rows, adjusted, strict=True):
        row["p_holm"] = None if np.isnan(p_holm) else float(p_holm)
        row["family"] = int(np.isfinite(p_values).sum())
        row["conclusion"] = conclude(row)
    return rows


def _pair_row(block: ComparableRuns, a: LeaderboardRow, b: LeaderboardRow, metric: str) -> TableRow:
    difference = _paired_difference(a.clean, b.clean, metric)
    ends = _bootstrap_interval(difference, metric, a.draws)
    counts = _mcnemar_test(a, b)
    row: TableRow = {
        "dataset": block.dataset,
        "metric": metric,
        "a": a.name,
        "b": b.name,
        **_interval_columns("difference", ends),
        "p_value": ends.p_value if ends else None,
        "p_holm": None,
        "family": None,
        "groups": a.draws.groups,
        "method": f"paired bootstrap of groups, {ends.method}" if ends else "undefined",
        "mcnemar_p": counts.p_value if counts else None,
        "only_a_right": counts.b if counts else None,
        "only_b_right": counts.c if counts else None,
    }
    notes = [ends.note if ends else "the metric is undefined for one of the two"]
    if a.seeds != b.seeds:
        notes.append(SEEDS_DIFFER)
    return row | {"conclusion": "", "note": "; ".join(each for each in notes if each)}


def conclude(row: TableRow) -> str:
    """A claim needs both: p after correction, and an interval on one side of 0.

    On few groups the two can disagree, since one inverts percentiles and the other is BCa.
    """
    p_holm, low, high = (row[key] for key in ("p_holm", *DIFFERENCE_INTERVAL_COLUMNS))
    if SEEDS_DIFFER in str(row["note"]):
        return NO_DIFFERENCE
    if p_holm is None or float(str(p_holm)) >= ALPHA or low is None or high is None:
        return NO_DIFFERENCE
    one_sided = float(str(low)) > 0 or float(str(high)) < 0
    return f"{row['a']} is ahead" if one_sided else NO_DIFFERENCE


def _verdict_row(
    block: ComparableRuns, rows: Sequence[LeaderboardRow], pairs: Sequence[TableRow]
) -> TableRow:
    tied = [
        str(pair["b"])
        for pair in pairs
        if pair["a"] == rows[0].name and pair["conclusion"] == NO_DIFFERENCE
    ]
    return dict(build_verdict(block, rows, tied, pairs=len(pairs)))


def _mcnemar_test(a: LeaderboardRow, b: LeaderboardRow) -> McNemar | None:
    """McNemar's test on accuracy, where it holds: labels, one seed, one case per group."""
    if len(a.predictions) != 1 or len(b.predictions) != 1 or a.draws.n != a.draws.groups:
        return None
    one, two = a.predictions[0], b.predictions[0]
    if isinstance(one, BoxPredictions) or isinstance(two, BoxPredictions):
        return None
    right_a, right_b = is_correct(one), is_correct(two)
    return mcnemar(int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum()))


def _robustness_rows(
    block: ComparableRuns, leaderboard_row: LeaderboardRow, metric: str
) -> list[TableRow]:
    """One row per condition but clean: value, paired change, share of the score that is kept."""
    rows = []
    for condition in block.conditions:
        if condition.name == CLEAN:
            continue
        found = block.bootstrap(leaderboard_row.model_config_digest, condition.name, [metric])
        if found is not None and block.seeds(
            leaderboard_row.model_config_digest, condition.name
        ) == list(leaderboard_row.seeds):
            tables = block.load_predictions(leaderboard_row.model_config_digest, condition.name)
            block.check_same_cases([leaderboard_row.predictions, tables])
            rows.append(_condition_row(block, leaderboard_row, condition, found, metric))
    return rows


def _condition_row(
    block: ComparableRuns,
    leaderboard_row: LeaderboardRow,
    condition: StoredCondition,
    replicates: RowReplicates,
    metric: str,
) -> TableRow:
    change = _bootstrap_interval(
        _paired_difference(replicates, leaderboard_row.clean, metric), metric, leaderboard_row.draws
    )
    return {
        "dataset": block.dataset,
        "model": leaderboard_row.name,
        "condition": condition.name,
        "augmentation": condition.augmentation,
        "severity": condition.severity,
        "level": condition.level,
        "metric": metric,
        **_interval_columns(
            "value", _bootstrap_interval(replicates, metric, leaderboard_row.draws)
        ),
        **_interval_columns("change", change),
        "score": _robustness_score(
            leaderboard_row.clean.estimates[metric], replicates.estimates[metric]
        )
        if block.task.metrics[metric].best == "high"
        else None,
    }


def _robustness_score(clean: float, augmented: float) -> float | None:
    """The robustness score, for metrics that are better when high."""
    try:
        return robustness_score(clean, augmented)
    except UndefinedMetric:
        return None


def _paired_difference(a: RowReplicates, b: RowReplicates, metric: str) -> RowReplicates:
    return RowReplicates(
        estimates={metric: a.estimates[metric] - b.estimates[metric]},
        values={metric: a.values[metric] - b.values[metric]},
        jackknife={metric: a.jackknife[metric] - b.jackknife[metric]},
    )


def _bootstrap_interval(
    replicates: RowReplicates, metric: str, draws: Draws
) -> BootstrapInterval | None:
    estimate = replicates.estimates[metric]
    if not np.isfinite(estimate):
        return None
    return interval(estimate, replicates.values[metric], replicates.jackknife[metric], draws=draws)


def _interval_columns(name: str, interval_result: BootstrapInterval | None) -> TableRow:
    if interval_result is None:
        return {name: None, f"{name}.ci_low": None, f"{name}.ci_high": None}
    return {
        name: interval_result.estimate,
        f"{name}.ci_low": interval_result.low,
        f"{name}.ci_high": interval_result.high,
    }

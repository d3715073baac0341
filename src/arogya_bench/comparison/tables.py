"""Compare the models of one block: leaderboard, paired tests, robustness and verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from arogya_bench.comparison.blocks import CLEAN, ComparableRuns, RowReplicates, StoredCondition
from arogya_bench.comparison.leaderboard import LeaderboardRow, rank_rows
from arogya_bench.comparison.verdict import build_verdict
from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.robustness import robustness_score
from arogya_bench.scoring.tasks import correct_cases
from arogya_bench.statistics import BootstrapInterval, Draws, McNemar, adjust, interval, mcnemar
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.tags import KIND, MODEL_CONFIG_DIGEST

ALPHA = 0.05
NO_DIFFERENCE = "no difference shown"
SEEDS_DIFFER = "the models were fitted with different seeds; no conclusion is drawn"
DIFFERENCE_INTERVAL_COLUMNS = ("difference.ci_low", "difference.ci_high")
NOT_MEASURED = "not measured"
MEASUREMENT_COLUMNS = ("latency_p50_ms", "cost_per_1k_images_usd")  # from measurement runs

TableRow = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class BlockTables:
    """The tables of one block, as lists of rows."""

    verdict: list[TableRow]
    leaderboard: list[TableRow]
    pairwise: list[TableRow]
    robustness: list[TableRow]
    missing: list[TableRow]


def compare_block(block: ComparableRuns, requested_metric: str) -> BlockTables:
    """Compare the models of a block by the requested metric, or by the default of their task.

    Raises:
        TrackingError: If the stored predictions of different models cover different cases.
    """
    metric = block.primary_metric(requested_metric)
    rows = rank_rows(block, metric)
    pairs = _pairwise_rows(block, rows, metric)
    tied = [str(pair["b"]) for pair in pairs if pair["a"] == rows[0].name and pair["conclusion"] == NO_DIFFERENCE]
    robustness = [condition_row for row in rows for condition_row in _robustness_rows(block, row, metric)]
    return BlockTables(
        verdict=[{"dataset": block.dataset, "metric": metric, **build_verdict(block, rows, tied, pairs=len(pairs))}],
        leaderboard=[_leaderboard_row(block, rank, row, robustness, metric) for rank, row in enumerate(rows, start=1)],
        pairwise=pairs,
        robustness=robustness,
        missing=[{"dataset": block.dataset, **cell} for cell in block.missing],
    )


def _leaderboard_row(
    block: ComparableRuns, rank: int, row: LeaderboardRow, robustness: Sequence[TableRow], metric: str
) -> TableRow:
    intervals = {name: _bootstrap_interval(row.clean, name, row.draws) for name in row.clean.estimates}
    columns: TableRow = {
        "dataset": block.dataset,
        "rank": rank,
        "model": row.name,
        "seeds": " ".join(row.seeds),
        "cases": row.draws.n,
        "groups": row.draws.groups,
    }
    for name, interval_result in intervals.items():
        columns |= _interval_columns(name, interval_result)
    columns |= _robustness_summary(block, row.name, robustness)
    columns |= _latest_measurement(block, row.model_config_digest)
    primary = intervals[metric]
    return columns | {"note": primary.note if primary else "the metric is undefined on these cases"}


def _robustness_summary(block: ComparableRuns, model: str, robustness: Sequence[TableRow]) -> TableRow:
    """Mean robustness score and worst condition; None unless every condition has a score.

    Otherwise a model whose worst condition failed would look better than one evaluated under it.
    """
    scores = {
        str(row["condition"]): float(str(row["score"]))
        for row in robustness
        if row["model"] == model and row["score"] is not None
    }
    if not scores or len(scores) < sum(condition.name != CLEAN for condition in block.conditions):
        return {"robustness_score": None, "worst_condition": None}
    worst = min(scores, key=scores.__getitem__)
    return {
        "robustness_score": float(np.mean(list(scores.values()))),
        "worst_condition": worst if scores[worst] < 1 else "none",
    }


def _latest_measurement(block: ComparableRuns, row: str) -> TableRow:
    """Latency and cost of the newest measurement of a model."""
    runs = search_runs(
        block.store,
        f"tags.`{KIND}` = 'measurement' and tags.`{MODEL_CONFIG_DIGEST}` = '{row}' and attributes.status = 'FINISHED'",
    )
    metrics = runs[-1].metrics if runs else {}
    return {name: metrics.get(name, NOT_MEASURED) for name in MEASUREMENT_COLUMNS}


def _pairwise_rows(block: ComparableRuns, ranked: Sequence[LeaderboardRow], metric: str) -> list[TableRow]:
    """Test every pair of models, better model first, with Holm-adjusted p-values."""
    rows = [_pair_row(block, a, b, metric) for a, b in combinations(ranked, 2)]
    p_values = [np.nan if row["p_value"] is None else float(str(row["p_value"])) for row in rows]
    if not rows:
        return []
    adjusted = adjust(p_values, method="holm")
    for row, p_holm in zip(rows, adjusted, strict=True):
        row["p_holm"] = None if np.isnan(p_holm) else float(p_holm)
        row["family"] = int(np.isfinite(p_values).sum())
        row["conclusion"] = pairwise_conclusion(row)
    return rows


def _pair_row(block: ComparableRuns, a: LeaderboardRow, b: LeaderboardRow, metric: str) -> TableRow:
    difference = _bootstrap_interval(_paired_difference(a.clean, b.clean, metric), metric, a.draws)
    counts = _mcnemar_test(a, b)
    notes = [difference.note if difference else "the metric is undefined for one of the models"]
    if a.seeds != b.seeds:
        notes.append(SEEDS_DIFFER)
    return {
        "dataset": block.dataset,
        "metric": metric,
        "a": a.name,
        "b": b.name,
        **_interval_columns("difference", difference),
        "p_value": difference.p_value if difference else None,
        "p_holm": None,
        "family": None,
        "groups": a.draws.groups,
        "method": f"paired bootstrap of groups, {difference.method}" if difference else "undefined",
        "mcnemar_p": counts.p_value if counts else None,
        "only_a_correct": counts.b if counts else None,
        "only_b_correct": counts.c if counts else None,
        "conclusion": "",
        "note": "; ".join(note for note in notes if note),
    }


def pairwise_conclusion(row: TableRow) -> str:
    """Call a model ahead only if the adjusted p-value and the interval agree.

    With few groups they can disagree: p-values invert percentile intervals, intervals are BCa.
    """
    p_holm, low, high = (row[key] for key in ("p_holm", *DIFFERENCE_INTERVAL_COLUMNS))
    if SEEDS_DIFFER in str(row["note"]):
        return NO_DIFFERENCE
    if p_holm is None or float(str(p_holm)) >= ALPHA or low is None or high is None:
        return NO_DIFFERENCE
    one_sided = float(str(low)) > 0 or float(str(high)) < 0
    return f"{row['a']} is ahead" if one_sided else NO_DIFFERENCE


def _mcnemar_test(a: LeaderboardRow, b: LeaderboardRow) -> McNemar | None:
    """McNemar's test on accuracy; None unless there is one seed, one case per group, and labels."""
    if len(a.predictions) != 1 or len(b.predictions) != 1 or a.draws.n != a.draws.groups:
        return None
    correct_a, correct_b = correct_cases(a.predictions[0]), correct_cases(b.predictions[0])
    if correct_a is None or correct_b is None:
        return None
    return mcnemar(int((correct_a & ~correct_b).sum()), int((correct_b & ~correct_a).sum()))


def _robustness_rows(block: ComparableRuns, row: LeaderboardRow, metric: str) -> list[TableRow]:
    """Compare a model under each condition with itself on clean images, seed by seed."""
    digest = row.model_config_digest
    rows = []
    for condition in block.conditions:
        if condition.name == CLEAN or block.seeds(digest, condition.name) != list(row.seeds):
            continue
        replicates = block.bootstrap(digest, condition.name, [metric])
        if replicates is not None:
            predictions = block.load_predictions(digest, condition.name)
            block.check_same_cases([row.predictions, predictions])
            rows.append(_condition_row(block, row, condition, replicates, metric))
    return rows


def _condition_row(
    block: ComparableRuns, row: LeaderboardRow, condition: StoredCondition, replicates: RowReplicates, metric: str
) -> TableRow:
    value = _bootstrap_interval(replicates, metric, row.draws)
    change = _bootstrap_interval(_paired_difference(replicates, row.clean, metric), metric, row.draws)
    higher_is_better = block.task.metrics[metric].best == "high"
    clean, augmented = row.clean.estimates[metric], replicates.estimates[metric]
    return {
        "dataset": block.dataset,
        "model": row.name,
        "condition": condition.name,
        "augmentation": condition.augmentation,
        "severity": condition.severity,
        "level": condition.level,
        "metric": metric,
        **_interval_columns("value", value),
        **_interval_columns("change", change),
        "score": _robustness_score(clean, augmented) if higher_is_better else None,
    }


def _robustness_score(clean: float, augmented: float) -> float | None:
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


def _bootstrap_interval(replicates: RowReplicates, metric: str, draws: Draws) -> BootstrapInterval | None:
    estimate = replicates.estimates[metric]
    if not np.isfinite(estimate):
        return None
    return interval(estimate, replicates.values[metric], replicates.jackknife[metric], draws=draws)


def _interval_columns(name: str, interval_result: BootstrapInterval | None) -> TableRow:
    keys = (name, f"{name}.ci_low", f"{name}.ci_high")
    if interval_result is None:
        return dict.fromkeys(keys)
    return dict(zip(keys, (interval_result.estimate, interval_result.low, interval_result.high), strict=True))

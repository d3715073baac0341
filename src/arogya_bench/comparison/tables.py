"""One block of evidence judged: who leads, by how much, how surely, and what breaks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from arogya_bench.comparison.blocks import CLEAN, Block, Condition, Resampled
from arogya_bench.comparison.leaderboard import Standing, right, standings
from arogya_bench.comparison.verdict import verdict
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
from arogya_bench.tracking import runs as tracking
from arogya_bench.types import BoxPredictions

ALPHA = 0.05
UNSHOWN = "no difference shown"
OTHER_SEEDS = "the two were fitted with different seeds: no claim"
ENDS = ("difference.ci_low", "difference.ci_high")
NOT_MEASURED = "not measured"
MEASURED = ("latency_p50_ms", "cost_per_1k_images_usd")  # come from measurement runs, if any

Row = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The tables of one block, as rows."""

    verdict: list[Row]
    leaderboard: list[Row]
    pairwise: list[Row]
    robustness: list[Row]
    missing: list[Row]


def judged(block: Block, asked: str) -> Judged:
    """Judge a block by the metric asked for, or by that of its task if it has no such metric.

    Raises:
        TrackingError: If stored predictions of different rows do not belong together.
    """
    metric = block.metric(asked)
    rows = standings(block, metric)
    pairs = _pairwise(block, rows, metric)
    robustness = [row for each in rows for row in _robustness(block, each, metric)]
    return Judged(
        verdict=[{"dataset": block.dataset, "metric": metric} | _verdict(block, rows, pairs)],
        leaderboard=[
            _leaderboard_row(block, place, each, robustness, metric)
            for place, each in enumerate(rows, start=1)
        ],
        pairwise=pairs,
        robustness=robustness,
        missing=[{"dataset": block.dataset, **each} for each in block.missing],
    )


def _leaderboard_row(
    block: Block, place: int, standing: Standing, robustness: Sequence[Row], metric: str
) -> Row:
    row: Row = {
        "dataset": block.dataset,
        "rank": place,
        "model": standing.label,
        "seeds": " ".join(standing.seeds),
        "cases": standing.draws.n,
        "groups": standing.draws.groups,
    }
    ends = {
        name: _interval(standing.clean, name, standing.draws) for name in standing.clean.estimates
    }
    for name, each in ends.items():
        row |= _with_ends(name, each)
    row |= _kept(block, standing.label, robustness) | _measured(block, standing.row)
    decides = ends[metric]
    return row | {"note": decides.note if decides else "undefined on these cases"}


def _kept(block: Block, label: str, robustness: Sequence[Row]) -> Row:
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


def _measured(block: Block, row: str) -> Row:
    """Latency and cost of the newest measurement; nobody measured is not zero."""
    runs = tracking.search(
        block.store,
        f"tags.`arogya.kind` = 'measurement' and tags.`arogya.row` = '{row}' "
        "and attributes.status = 'FINISHED'",
    )
    metrics = runs[-1].metrics if runs else {}
    return {name: metrics.get(name, NOT_MEASURED) for name in MEASURED}


def _pairwise(block: Block, ranked: Sequence[Standing], metric: str) -> list[Row]:
    """Every pair, the better one first, with p-values adjusted over the whole family."""
    rows = [_pair(block, a, b, metric) for a, b in combinations(ranked, 2)]
    p_values = [np.nan if row["p_value"] is None else float(str(row["p_value"])) for row in rows]
    if not rows:
        return []
    adjusted = adjust(p_values, method="holm")
    for row, p_holm in zip(rows, adjusted, strict=True):
        row["p_holm"] = None if np.isnan(p_holm) else float(p_holm)
        row["family"] = int(np.isfinite(p_values).sum())
        row["conclusion"] = conclusion(row)
    return rows


def _pair(block: Block, a: Standing, b: Standing, metric: str) -> Row:
    difference = _difference(a.clean, b.clean, metric)
    ends = _interval(difference, metric, a.draws)
    counts = _discordant(a, b)
    row: Row = {
        "dataset": block.dataset,
        "metric": metric,
        "a": a.label,
        "b": b.label,
        **_with_ends("difference", ends),
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
        notes.append(OTHER_SEEDS)
    return row | {"conclusion": "", "note": "; ".join(each for each in notes if each)}


def conclusion(row: Row) -> str:
    """A claim needs both: p after correction, and an interval on one side of 0.

    On few groups the two can disagree, since one inverts percentiles and the other is BCa.
    """
    p_holm, low, high = (row[key] for key in ("p_holm", *ENDS))
    if OTHER_SEEDS in str(row["note"]):
        return UNSHOWN
    if p_holm is None or float(str(p_holm)) >= ALPHA or low is None or high is None:
        return UNSHOWN
    one_sided = float(str(low)) > 0 or float(str(high)) < 0
    return f"{row['a']} is ahead" if one_sided else UNSHOWN


def _verdict(block: Block, rows: Sequence[Standing], pairs: Sequence[Row]) -> Row:
    tied = [
        str(pair["b"])
        for pair in pairs
        if pair["a"] == rows[0].label and pair["conclusion"] == UNSHOWN
    ]
    return dict(verdict(block, rows, tied, pairs=len(pairs)))


def _discordant(a: Standing, b: Standing) -> McNemar | None:
    """McNemar's test on accuracy, where it holds: labels, one seed, one case per group."""
    if len(a.predictions) != 1 or len(b.predictions) != 1 or a.draws.n != a.draws.groups:
        return None
    one, two = a.predictions[0], b.predictions[0]
    if isinstance(one, BoxPredictions) or isinstance(two, BoxPredictions):
        return None
    right_a, right_b = right(one), right(two)
    return mcnemar(int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum()))


def _robustness(block: Block, standing: Standing, metric: str) -> list[Row]:
    """One row per condition but clean: value, paired change, share of the score that is kept."""
    rows = []
    for condition in block.conditions:
        if condition.name == CLEAN:
            continue
        found = block.resampled(standing.row, condition.name, [metric])
        if found is not None and block.seeds(standing.row, condition.name) == list(standing.seeds):
            tables = block.predictions(standing.row, condition.name)
            block.check_same_cases([standing.predictions, tables])
            rows.append(_condition_row(block, standing, condition, found, metric))
    return rows


def _condition_row(
    block: Block, standing: Standing, condition: Condition, found: Resampled, metric: str
) -> Row:
    change = _interval(_difference(found, standing.clean, metric), metric, standing.draws)
    return {
        "dataset": block.dataset,
        "model": standing.label,
        "condition": condition.name,
        "augmentation": condition.augmentation,
        "severity": condition.severity,
        "level": condition.level,
        "metric": metric,
        **_with_ends("value", _interval(found, metric, standing.draws)),
        **_with_ends("change", change),
        "score": _score(standing.clean.estimates[metric], found.estimates[metric])
        if block.task.metrics[metric].best == "high"
        else None,
    }


def _score(clean: float, augmented: float) -> float | None:
    """The robustness score, for metrics that are better when high."""
    try:
        return robustness_score(clean, augmented)
    except UndefinedMetric:
        return None


def _difference(a: Resampled, b: Resampled, metric: str) -> Resampled:
    return Resampled(
        estimates={metric: a.estimates[metric] - b.estimates[metric]},
        values={metric: a.values[metric] - b.values[metric]},
        jackknife={metric: a.jackknife[metric] - b.jackknife[metric]},
    )


def _interval(found: Resampled, metric: str, draws: Draws) -> BootstrapInterval | None:
    estimate = found.estimates[metric]
    if not np.isfinite(estimate):
        return None
    return interval(estimate, found.values[metric], found.jackknife[metric], draws=draws)


def _with_ends(name: str, ends: BootstrapInterval | None) -> Row:
    if ends is None:
        return {name: None, f"{name}.ci_low": None, f"{name}.ci_high": None}
    return {name: ends.estimate, f"{name}.ci_low": ends.low, f"{name}.ci_high": ends.high}

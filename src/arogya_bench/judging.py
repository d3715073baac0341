"""One block of evidence judged: who leads, by how much, how surely, and what breaks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from arogya_bench import tracking
from arogya_bench.errors import UndefinedMetric
from arogya_bench.evidence import CLEAN, Block, Condition, Resampled
from arogya_bench.metrics.classification import METRICS
from arogya_bench.metrics.outcomes import predicted_classes
from arogya_bench.metrics.robustness import robustness_score
from arogya_bench.statistics import (
    BootstrapInterval,
    Draws,
    McNemar,
    adjust,
    interval,
    mcnemar,
    minimum_detectable_difference,
)
from arogya_bench.types import Predictions

ALPHA = 0.05
NOT_MEASURED = "not measured"
MEASURED = ("latency_p50_ms", "cost_per_1k_images_usd")  # come from measurement runs, if any

Row = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One leaderboard row on clean images, with what its tests need."""

    row: str
    label: str
    seeds: tuple[str, ...]
    clean: Resampled
    predictions: tuple[Predictions, ...]
    draws: Draws


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The tables of one block, as rows."""

    verdict: list[Row]
    leaderboard: list[Row]
    pairwise: list[Row]
    robustness: list[Row]
    missing: list[Row]


def judged(block: Block, metric: str) -> Judged:
    """Judge a block by one metric.

    Raises:
        TrackingError: If stored predictions of different rows do not belong together.
    """
    standings = _standings(block, metric)
    pairs = _pairwise(block, standings, metric)
    robustness = [row for each in standings for row in _robustness(block, each, metric)]
    return Judged(
        verdict=[_verdict(block, standings, pairs, metric)],
        leaderboard=[
            _leaderboard_row(block, place, each, robustness)
            for place, each in enumerate(standings, start=1)
        ],
        pairwise=pairs,
        robustness=robustness,
        missing=[{"dataset": block.dataset, **each} for each in block.missing],
    )


def _standings(block: Block, metric: str) -> list[Standing]:
    """The rows that finished on clean images, best first; an undefined value comes last."""
    found = []
    for row, label in block.labels.items():
        clean = block.resampled(row, CLEAN, METRICS)
        if clean is not None:
            tables = tuple(block.predictions(row, CLEAN))
            found.append(
                Standing(
                    row=row,
                    label=label,
                    seeds=tuple(block.seeds(row, CLEAN)),
                    clean=clean,
                    predictions=tables,
                    draws=block.draws(tables[0]),
                )
            )
    block.check_same_cases([each.predictions for each in found])
    sign = -1 if METRICS[metric].best == "high" else 1
    return sorted(found, key=lambda each: _last(sign * each.clean.estimates[metric]))


def _last(value: float) -> float:
    return np.inf if np.isnan(value) else value


def _leaderboard_row(
    block: Block, place: int, standing: Standing, robustness: Sequence[Row]
) -> Row:
    row: Row = {
        "dataset": block.dataset,
        "rank": place,
        "model": standing.label,
        "seeds": " ".join(standing.seeds),
        "cases": standing.draws.n,
        "groups": standing.draws.groups,
    }
    for name in METRICS:
        row |= _with_ends(name, _interval(standing.clean, name, standing.draws))
    return row | _kept(standing.label, robustness) | _measured(block, standing.row)


def _kept(label: str, robustness: Sequence[Row]) -> Row:
    """Mean robustness score over the conditions, and the one that hurts most."""
    mine = [row for row in robustness if row["model"] == label]
    scores = {str(row["condition"]): row["score"] for row in mine if row["score"] is not None}
    if not scores:
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


def _pairwise(block: Block, standings: Sequence[Standing], metric: str) -> list[Row]:
    """Every pair, the better one first, with p-values adjusted over the whole family."""
    rows = [_pair(block, a, b, metric) for a, b in combinations(standings, 2)]
    p_values = [np.nan if row["p_value"] is None else float(str(row["p_value"])) for row in rows]
    if not rows:
        return []
    adjusted = adjust(p_values, method="holm")
    for row, p_holm in zip(rows, adjusted, strict=True):
        row["p_holm"] = None if np.isnan(p_holm) else float(p_holm)
        row["family"] = int(np.isfinite(p_values).sum())
        row["conclusion"] = _conclusion(row)
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
    return row | {"conclusion": "", "note": "; ".join(each for each in notes if each)}


def _conclusion(row: Row) -> str:
    p_holm = row["p_holm"]
    if p_holm is None or float(str(p_holm)) >= ALPHA:
        return "no difference shown"
    return f"{row['a']} is ahead"


def _discordant(a: Standing, b: Standing) -> McNemar | None:
    """McNemar's test on accuracy, where its assumptions hold: one seed, one case per group."""
    if len(a.predictions) != 1 or len(b.predictions) != 1 or a.draws.n != a.draws.groups:
        return None
    right_a, right_b = _right(a.predictions[0]), _right(b.predictions[0])
    return mcnemar(int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum()))


def _right(predictions: Predictions) -> np.ndarray:
    right: np.ndarray = predicted_classes(predictions.probabilities) == predictions.targets
    return right


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
        "score": _score(standing.clean.estimates[metric], found.estimates[metric], metric),
    }


def _score(clean: float, augmented: float, metric: str) -> float | None:
    """The robustness score; it has no meaning for metrics that are better when low."""
    if METRICS[metric].best != "high":
        return None
    try:
        return robustness_score(clean, augmented)
    except UndefinedMetric:
        return None


def _verdict(block: Block, standings: Sequence[Standing], pairs: Sequence[Row], metric: str) -> Row:
    """Name the leader only if it beats every other row after correction; else abstain."""
    row: Row = {"dataset": block.dataset, "metric": metric}
    if not standings:
        return row | {"verdict": "undecided", "models": "", "reason": "no row finished on clean."}
    best = standings[0]
    tied = [
        str(pair["b"])
        for pair in pairs
        if pair["a"] == best.label and pair["conclusion"] == "no difference shown"
    ]
    count = len(block.missing)
    missing = f" {count} {'cell is' if count == 1 else 'cells are'} missing." if count else ""
    where = f"on {best.draws.groups} {'patients' if block.grouped else 'cases'}"
    if len(standings) == 1:
        return row | {
            "verdict": "undecided",
            "models": best.label,
            "reason": f"{best.label} is the only row: there is nothing to compare.{missing}",
        }
    if tied:
        return row | {
            "verdict": "undecided",
            "models": ", ".join([best.label, *tied]),
            "reason": f"{best.label} is first, and not shown to be better than "
            f"{', '.join(tied)} {where}. {_power(standings)}{missing}",
        }
    return row | {
        "verdict": "ahead",
        "models": best.label,
        "reason": f"{best.label} is better than {_others(standings)} {where}"
        f"{f', after correction over {len(pairs)} pairs' if pairs[1:] else ''}.{missing}",
    }


def _others(standings: Sequence[Standing]) -> str:
    names = [each.label for each in standings[1:]]
    return names[0] if len(names) == 1 else f"each of {', '.join(names)}"


def _power(standings: Sequence[Standing]) -> str:
    """What a test of this size could have seen between the first two, in points of accuracy."""
    first, second = (_right(each.predictions[0]) for each in standings[:2])
    share = float((first != second).mean())
    groups = standings[0].draws.groups
    if not share:
        return "The first two are right and wrong on the same cases."
    points = 100 * minimum_detectable_difference(share, groups)
    return f"With {groups} of them a difference of {points:.1f} points of accuracy is visible."


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

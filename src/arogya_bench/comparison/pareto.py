"""Which models no other model beats on two axes at once: the deciding metric, and latency or cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arogya_bench.analysis.judgement import Judgement
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.costs import API, COST, LOCAL, row_kind
from arogya_bench.comparison.front_draws import (
    Rounds,
    draw_latencies,
    draw_prices,
    draw_qualities,
    front_rng,
    shares_on_front,
)
from arogya_bench.comparison.measurement_choice import UNUSABLE_GRADE, USABLE_GRADES
from arogya_bench.comparison.measurement_notes import NOT_MEASURED
from arogya_bench.comparison.measurements import BlockMeasurements, Measurement
from arogya_bench.statistics.notes import join_notes

LATENCY = "latency_p50_ms"
UNUSABLE_NOTE = f"its latency has the grade {UNUSABLE_GRADE} or none"
NOT_RANKED = "API: latency over the network, not ranked"
PARETO_COLUMNS = (
    "dataset", "model", "kind", "metric", *bounds("value"), *bounds(LATENCY), *bounds(COST), "grade",
    "on_front", "dominated_by", "on_cost_front", "cost_dominated_by", "p_on_front", "p_on_cost_front", "p_rests_on",
    "note",
)  # fmt: skip
FRONTS = ("on_front", "on_cost_front")


@dataclass(frozen=True, kw_only=True)
class FrontPoint:
    """A model on two axes: ``quality`` is better if higher, ``price`` (time or money) if lower."""

    name: str
    quality: float
    price: float


def dominating(point: FrontPoint, points: Sequence[FrontPoint]) -> list[str]:
    """The points that are no worse on both axes and better on one."""
    return [
        other.name
        for other in points
        if other.quality >= point.quality
        and other.price <= point.price
        and (other.quality, other.price) != (point.quality, point.price)
    ]


def pareto_rows(
    block: ComparableRuns,
    study: Study,
    digests: Mapping[str, str],
    measured: BlockMeasurements,
    costs: Mapping[str, TableRow],
    rounds: Mapping[str, Rounds],
) -> list[TableRow]:
    """One row per model, if any is measured; the estimates decide, and the intervals stand beside them.

    ``p_on_front`` is the share of draws in which a model is on the front: of groups for the metric, of rounds for the
    latency, which ``rounds`` has by model; ``p_rests_on`` says what was drawn of latency and cost.

    A model behind an API may be on the front of the cost, never on that of the latency.

    A model that cannot be recommended, is not shown to be better than guessing, or was measured in an environment of
    the worst grade is neither on a front nor dominates another.
    """
    if not measured.by_row:
        return []
    judgement = study.judgement
    rows = [
        _describe(block, row, judgement, measured.by_row.get(digests[row.name]), costs.get(row.name, {}))
        for row in judgement.rows
    ]
    sign = 1 if judgement.cases.task.metrics[judgement.metric].best == "high" else -1
    for price, front, by in ((LATENCY, "on_front", "dominated_by"), (COST, "on_cost_front", "cost_dominated_by")):
        points = {
            str(row["model"]): FrontPoint(
                name=str(row["model"]), quality=sign * float(str(row["value"])), price=float(str(row[price]))
            )
            for row in rows
            if row[price] is not None and row["note"] in ("", NOT_RANKED)
        }
        for row in rows:
            if point := points.get(str(row["model"])):
                others = dominating(point, list(points.values()))
                row |= {front: not others, by: ", ".join(others)}
    _add_probabilities(rows, study, rounds)
    return rows


def _add_probabilities(rows: Sequence[TableRow], study: Study, rounds: Mapping[str, Rounds]) -> None:
    """Add how often each model is on the front, and on that of the cost, beside those that are considered."""
    rng = front_rng(study)
    qualities = draw_qualities(study)
    draws = next((values.size for values in qualities.values()), 0)
    on_axis = {front: {str(row["model"]): row for row in rows if row[front] is not None} for front in FRONTS}
    latencies = draw_latencies(on_axis["on_front"], LATENCY, rounds, draws=draws, rng=rng)
    costs = draw_prices(on_axis["on_cost_front"], COST, draws=draws, rng=rng)
    shares, cost_shares = (shares_on_front(qualities, drawn.values) for drawn in (latencies, costs))
    for row in rows:
        name = str(row["model"])
        row |= {
            "p_on_front": shares.get(name),
            "p_on_cost_front": cost_shares.get(name),
            "p_rests_on": join_notes(
                *(
                    f"{axis}: {drawn.sources[name]}"
                    for axis, drawn in (("latency", latencies), ("cost", costs))
                    if name in drawn.sources
                )
            ),
        }


def _describe(
    block: ComparableRuns, row: ScoredRow, judgement: Judgement, measurement: Measurement | None, cost: TableRow
) -> TableRow:
    metrics: Mapping[str, float] = measurement.metrics if measurement else {}
    return {
        **dict.fromkeys(PARETO_COLUMNS),  # their order
        "dataset": block.dataset,
        "model": row.name,
        "kind": row_kind(block, row.name),
        "metric": judgement.metric,
        **_value(row, judgement),
        **{column: metrics.get(column) for column in bounds(LATENCY)},
        **{column: cost.get(column) for column in bounds(COST)},
        "grade": measurement.grade if measurement else None,
        "dominated_by": "",
        "cost_dominated_by": "",
        "note": join_notes(_not_considered(row_kind(block, row.name), measurement), *unsuitable(row.name, judgement)),
    }


def _value(row: ScoredRow, judgement: Judgement) -> TableRow:
    """The deciding metric with its interval, also where it has none."""
    estimate = row.estimate(judgement.metric)
    value = interval_columns("value", judgement.intervals[row.name])
    return {**value, "value": float(estimate) if np.isfinite(estimate) else None}


def _not_considered(kind: str, measurement: Measurement | None) -> str:
    if kind != LOCAL:
        return NOT_RANKED if kind == API else ""
    if measurement is None:
        return f"it is {NOT_MEASURED}"
    return "" if measurement.grade in USABLE_GRADES else UNUSABLE_NOTE


def unsuitable(name: str, judgement: Judgement) -> list[str]:
    """Why a model is not to be recommended, if it is not."""
    reasons = []
    if name in judgement.excluded:
        reasons.append(f"it cannot be recommended: {judgement.excluded[name]}")
    if judgement.above_chance.get(name) is False:
        reasons.append("it is not shown to be better than guessing")
    return reasons

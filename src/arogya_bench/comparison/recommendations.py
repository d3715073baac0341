"""Recommendations about cost and speed, each with the numbers that it rests on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from arogya_bench.analysis.judgement import Judgement
from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.comparison.batch_sizes import batch_size_rows
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.costs import API, COST, LOCAL, PriceChoice, costs_by_model, energy_of, throughput_of
from arogya_bench.comparison.measurement_choice import USABLE_GRADES
from arogya_bench.comparison.measurements import BlockMeasurements
from arogya_bench.comparison.needed_machine import best_batch
from arogya_bench.comparison.pareto import unsuitable
from arogya_bench.comparison.table_cells import number, short, with_interval
from arogya_bench.prices.cost import BreakEven, break_even

CHEAPER_MODEL, API_OR_MACHINE = "cheaper model", "API or machine"
RECOMMENDATION_COLUMNS = (
    "dataset", "kind", "model", "instead_of", "recommendation", "evidence", "margin", "worst_loss_all_pairs", COST,
    "other_cost_usd", "batch", "images_per_s", "best_images_per_s", "latency_ms", "images_per_month",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What recommendations are drawn from.

    Attributes:
        models: Display name to row digest, best first.
        throughput: Rows of the table of that name.
        costs: Rows of the table ``cost``.
        margin: Largest loss of the deciding metric that is accepted for a lower cost.
        api_terms: Display name of a model behind an API to what the terms of its provider limit.
    """

    block: ComparableRuns
    judgement: Judgement
    measured: BlockMeasurements
    models: Mapping[str, str]
    throughput: Sequence[TableRow]
    costs: Sequence[TableRow]
    margin: float
    choice: PriceChoice | None
    api_terms: Mapping[str, str] = field(default_factory=dict)

    @property
    def usable_costs(self) -> dict[str, TableRow]:
        """The cost of each model, if it is known and does not rest on a number without a usable grade."""
        return usable_costs(self.costs, self.models)

    @property
    def api_costs(self) -> list[TableRow]:
        """The costs of APIs that are known."""
        return [row for row in self.costs if row["kind"] == API and row[COST] is not None]


def usable_costs(costs: Sequence[TableRow], models: Collection[str]) -> dict[str, TableRow]:
    """The cost of each model, if it is known and does not rest on a number without a usable grade."""
    return {name: row for name, row in costs_by_model(costs).items() if name in models and _has_usable_cost(row)}


def _has_usable_cost(row: TableRow) -> bool:
    return row[COST] is not None and (row["kind"] == API or row["grade"] in USABLE_GRADES)


def recommendation_rows(findings: Findings) -> list[TableRow]:
    """What can be said for one dataset; no sentence rests on a number of the worst grade."""
    suitable = [name for name in findings.models if not unsuitable(name, findings.judgement)]
    rows = [*_cheaper_model(findings), *_apis(findings), *batch_size_rows(suitable, findings.throughput)]
    return [
        {
            **dict.fromkeys(RECOMMENDATION_COLUMNS),
            "dataset": findings.block.dataset,
            **row,
            "recommendation": f"{row['recommendation']}{_terms(findings, row)}",
        }
        for row in rows
    ]


def _terms(findings: Findings, row: TableRow) -> str:
    """The limits of use of each model behind an API that a recommendation names."""
    named = [name for name in (row.get("model"), row.get("instead_of")) if name in findings.api_terms]
    terms = dict.fromkeys(findings.api_terms[str(name)] for name in named)
    return "".join(f" Research comparison: {text}." for text in terms)


def worst_loss_all_pairs(judgement: Judgement, candidate: str, other: str) -> float | None:
    """How much worse than the candidate another model may be: the end of the interval for all pairs at once.

    That interval holds for whichever model is picked among several.
    """
    pair = next((pair for pair in judgement.pairs if {pair.a, pair.b} == {candidate, other}), None)
    if pair is None:
        return None
    low, high = pair.result.simultaneous_low, pair.result.simultaneous_high
    if pair.a != candidate:
        low, high = -high, -low
    return high if judgement.cases.task.metrics[judgement.metric].best == "high" else -low


def _cheaper_model(findings: Findings) -> list[TableRow]:
    """The cheapest model that is shown to be cheaper than the candidate, and not worse by the margin."""
    candidate, costs = findings.judgement.candidate, findings.usable_costs
    if candidate is None or candidate not in costs or not findings.judgement.is_large_enough:
        return []
    losses = _accepted_losses(findings, candidate)
    if not losses:
        return []
    cheapest = min(losses, key=lambda name: number(costs[name], COST))
    loss, metric = losses[cheapest], findings.judgement.metric
    cost, other_cost = (with_interval(costs[name], COST) for name in (cheapest, candidate))
    return [
        {
            "kind": CHEAPER_MODEL,
            "model": cheapest,
            "instead_of": candidate,
            "recommendation": f"{cheapest} instead of {candidate}: 1,000 images cost {short(costs[cheapest][COST])} "
            f"USD and not {short(costs[candidate][COST])}, and it is at most {max(loss, 0):.3f} worse in {metric}, "
            f"which is within the margin of {findings.margin:g}.",
            "evidence": f"{metric}: the interval of the difference, for all pairs at once, ends at a loss of "
            f"{loss:.3f}; USD per 1,000 images: {cost} against {other_cost}",
            "margin": findings.margin,
            "worst_loss_all_pairs": loss,
            COST: costs[cheapest][COST],
            "other_cost_usd": costs[candidate][COST],
        }
    ]


def _accepted_losses(findings: Findings, candidate: str) -> dict[str, float]:
    """How much worse than the candidate each suitable model that is cheaper may be, where the margin accepts it."""
    costs = findings.usable_costs
    return {
        name: loss
        for name in findings.models
        if name in costs
        and name != candidate
        and not unsuitable(name, findings.judgement)
        and is_cheaper(costs[name], costs[candidate])
        and (loss := worst_loss_all_pairs(findings.judgement, candidate, name)) is not None
        and loss < findings.margin
    }


def is_cheaper(row: TableRow, other: TableRow) -> bool:
    """Whether the cost is lower, and the intervals, where both exist, do not overlap."""
    _, low, high = bounds(COST)
    if row.get(high) is not None and other.get(low) is not None:
        return number(row, high) < number(other, low)
    return number(row, COST) < number(other, COST)


def _apis(findings: Findings) -> list[TableRow]:
    """For each API of the price list, up to how many images a month it costs less than the best local model."""
    local = _best_local(findings)
    measurement = findings.measured.by_row.get(findings.models[local]) if local else None
    batch = best_batch(measurement) if measurement else None
    if local is None or measurement is None or batch is None or findings.choice is None:
        return []
    own, rows = findings.usable_costs[local], []
    for api in findings.api_costs:
        if unsuitable(str(api["model"]), findings.judgement):
            continue
        even = break_even(
            findings.choice.prices,
            str(own["priced_machine"]),
            throughput_of(batch),
            api_usd_per_1k=number(api, COST),
            energy_wh_per_1k=energy_of(measurement, batch),
        )
        rows.append(_api_row(api, own, even, evaluated=api["model"] in findings.models))
    return rows


def _api_row(api: TableRow, own: TableRow, even: BreakEven, *, evaluated: bool) -> TableRow:
    name, local = str(api["model"]), own["model"]
    said = f"{name} (API)" if name == local else name
    if even.images_per_month is None:
        text = f"{said} costs less than {local} for as many images as one such machine predicts in a month"
    else:
        text = f"{said} costs less than {local} below {even.images_per_month:,} images a month, and more from there"
    quality = "" if evaluated else f" {name} was not evaluated: nothing is said about its quality."
    return {
        "kind": API_OR_MACHINE,
        "model": name,
        "instead_of": local,
        "recommendation": f"{text}.{quality}",
        "evidence": even.sentence,
        COST: api[COST],
        "other_cost_usd": own[COST],
        "batch": own["batch"],
        "images_per_s": own["images_per_s"],
        "images_per_month": even.images_per_month,
    }


def _best_local(findings: Findings) -> str | None:
    """The best model that may be recommended and has a cost on a machine of one's own; of equals the cheapest."""
    costs, judgement = findings.usable_costs, findings.judgement
    ranks = {row.name: rank for row, rank in zip(judgement.rows, judgement.ranks, strict=True)}
    local = [
        name
        for name, row in costs.items()
        if row["kind"] == LOCAL and ranks[name] is not None and not unsuitable(name, judgement)
    ]
    return min(local, key=lambda name: (ranks[name], number(costs[name], COST)), default=None)

"""Limits on what a model takes: time, memory, money, and the right to use it."""

import json
from collections.abc import Mapping

from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.comparison.api_table import API_P50, API_P95
from arogya_bench.comparison.costs import API, COST, costs_by_model
from arogya_bench.comparison.limit_outcomes import Evidence, LimitOutcome, judge_interval, undecided
from arogya_bench.comparison.measurement_choice import USABLE_GRADES
from arogya_bench.comparison.measurement_notes import NOT_MEASURED
from arogya_bench.comparison.requirements import Limit

LATENCIES = ("latency_p50_ms", "latency_p90_ms", "latency_p95_ms", "latency_p99_ms", "pyfunc_latency_p50_ms")
OVER_NETWORK = {"latency_p50_ms": API_P50, "latency_p95_ms": API_P95}
MEMORY = ("ram_peak_mb", "gpu_peak_mb")
AMOUNTS = (*MEMORY, "model_size_mb", "parameters", "gmacs", "energy_wh_per_1k_images")  # without an interval
MEASURED = (*LATENCIES, *AMOUNTS)
HOW_TO_MEASURE = "measure it with arogya-bench measure … measure=standard"
MEASURE_IMPORTED = "only predictions were imported: evaluate and measure the model itself as model=pyfunc"
LONGER = "measure longer (measure=standard)"


def judge_measured(limit: Limit, model: str, evidence: Evidence) -> LimitOutcome:
    """Compare a measured number with a limit: its upper bound, or the number itself if it has none by nature."""
    if model in evidence.apis:
        return _judge_api(limit, model, evidence)
    name = limit.quantity
    row = next(iter(evidence.rows_of("measurements", model)), None)
    if row is None or (row.get("grade") is None and row.get(name) is None):
        return undecided(f"{name} is {NOT_MEASURED}; {_how_to_measure(model, evidence)}")
    if row["grade"] not in USABLE_GRADES:
        return undecided(f"it was measured in an environment of grade {row['grade']}; {LONGER} on a quiet machine")
    if row.get(name) is None:
        return undecided(f"{name} is absent{_absent_reason(row, name)}; {LONGER}")
    return _judge_numbers(limit, row, name, name)


def _how_to_measure(model: str, evidence: Evidence) -> str:
    return MEASURE_IMPORTED if model in evidence.imported else HOW_TO_MEASURE


def judge_cost(limit: Limit, model: str, evidence: Evidence) -> LimitOutcome:
    """Compare the cost of 1,000 images with a limit."""
    row = costs_by_model(row for row in evidence.tables.get("cost", ())).get(model)
    if row is None or row[COST] is None:
        why = f": {row['note']}" if row and row["note"] else ""
        advice = "name a price list with its model" if model in evidence.apis else _how_to_measure(model, evidence)
        return undecided(f"its cost is not known{why}; {advice}")
    if row["kind"] != API and row["grade"] not in USABLE_GRADES:
        return undecided(f"its cost rests on a measurement of grade {row['grade'] or 'none'}; {LONGER}")
    return _judge_numbers(limit, row, COST, "the cost of 1,000 images in USD", exact=row["kind"] == API)


def judge_licence(limit: Limit, model: str, evidence: Evidence) -> LimitOutcome:
    """Whether a model may be used commercially, as its runs declare or the limits file states."""
    name = model.partition(" (")[0]
    if {model, name} & set(limit.allowed):
        return LimitOutcome(verdict="eligible", reason="the limits file states that commercial use is allowed")
    text, commercial = evidence.licences.get(model, ("", ""))
    state = f"if it allows commercial use, state it: limits.licence.allowed: [{name}]"
    if evidence.apis.get(model):
        return undecided(f"{evidence.apis[model]}; {state}")
    if commercial == "yes":
        return LimitOutcome(verdict="eligible", reason=f"its adapter declares it{f' ({text})' if text else ''}")
    if commercial == "no":
        return LimitOutcome(verdict="excluded", reason=f"its licence limits commercial use: {text}")
    return undecided(f"its licence is {f'declared as: {text}' if text else 'not declared'}; {state}")


def _judge_api(limit: Limit, model: str, evidence: Evidence) -> LimitOutcome:
    """A model behind an API has a latency over the network, and needs no memory of one's own."""
    name = limit.quantity
    if name in MEMORY:
        return LimitOutcome(verdict="eligible", reason="it runs at its provider and needs no memory here")
    row = next(iter(evidence.rows_of("api", model)), {})
    column = OVER_NETWORK.get(name)
    if column is None or row.get(column) is None:
        return undecided(f"{name} is not known of a model behind an API")
    return _judge_numbers(limit, row, column, f"{name} over the network")


def _judge_numbers(limit: Limit, row: TableRow, column: str, name: str, *, exact: bool = False) -> LimitOutcome:
    """Compare numbers that more patients would not make more precise."""
    keys = bounds(column)
    amount: Mapping[str, object] = row
    if (exact or column in AMOUNTS) and row.get(keys[1]) is None:
        amount = {**row, keys[1]: row[column], keys[2]: row[column]}
    if amount.get(keys[1]) is None or amount.get(keys[2]) is None:
        return undecided(f"{name} has no interval; {LONGER}")
    found = judge_interval(limit, dict(amount), column, name=name, groups=1, unit="request")
    reason = found.reason if found.verdict != "undecided" else f"{found.reason.partition('; about')[0]}; {LONGER}"
    return LimitOutcome(verdict=found.verdict, reason=reason, value=found.value, low=found.low, high=found.high)


def _absent_reason(row: TableRow, name: str) -> str:
    reasons = json.loads(str(row.get("absent") or "{}"))
    return f" ({reasons[name]})" if name in reasons else ""

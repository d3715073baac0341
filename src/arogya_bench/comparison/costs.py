"""The table of costs: what 1,000 images cost on the measured machine, and by the APIs of the price list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.comparison.api_answers import ApiAnswers
from arogya_bench.comparison.api_costs import token_cost
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.measurement_notes import NOT_MEASURED
from arogya_bench.comparison.measurements import BlockMeasurements, Measurement
from arogya_bench.comparison.needed_machine import best_batch, describe_choice, priced_machine
from arogya_bench.comparison.training_hours import training_hours
from arogya_bench.errors import PriceError
from arogya_bench.prices.cost import Cost, Throughput, api_cost, local_cost, training_cost
from arogya_bench.prices.price_list import PriceList

CostRow = TypeVar("CostRow", bound=Mapping[str, Any])
LOCAL, API, CONTROL = "local", "API", "control"
COST = "cost_per_1k_images_usd"
COST_COLUMNS = (
    "dataset", "model", "kind", *bounds(COST), "machine_usd_per_1k_images", "energy_usd_per_1k_images",
    "co2_g_per_1k_images", "images_per_s", "batch", "energy_wh_per_1k_images", "priced_machine", "usd_per_hour",
    "utilisation", "training_hours", "training_usd", "grade", "assumption", "note",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PriceChoice:
    """The price list of a comparison.

    Attributes:
        named: Whether the user chose the list: a machine that it lacks is then an error, and else a note.
        today: For a warning if the list has expired.
    """

    prices: PriceList
    named: bool
    today: date


def cost_rows(
    block: ComparableRuns,
    measured: BlockMeasurements,
    models: Mapping[str, str],
    choice: PriceChoice | None,
    apis: Mapping[str, ApiAnswers] | None = None,
) -> list[TableRow]:
    """One row per model, in the order of the leaderboard, and one per API of the price list.

    A model that is measured and also has an API price has both. A control has none: nobody would run it. No row if
    nothing was measured, no model is behind an API and the list prices no API, or without a price list.

    Args:
        block: With the name of the dataset.
        measured: The measurements of its rows.
        models: Display name to row digest, best first.
        choice: The price list.
        apis: The answers of each row behind an API, by display name.

    Raises:
        PriceError: If the user named the list, and it has no machine with what was used.
    """
    apis = apis or {}
    if choice is None or not (measured.by_row or choice.prices.api or apis):
        return []
    hours = training_hours(block, measured)
    rows: list[TableRow] = []
    for name, row in models.items():
        listed = next((key for key in api_names(name) if key in choice.prices.api), None)
        if name in apis:
            rows += [] if apis[name].control else [_answers_row(block.dataset, apis[name], listed, choice)]
            continue
        if row in measured.by_row or (measured.by_row and listed is None):
            start = _start(block.dataset, name, LOCAL)
            rows.append({**start, **_local_columns(measured.by_row.get(row), choice, hours.get(row, ()))})
        if listed is not None:
            rows.append(_api_row(block.dataset, name, listed, choice))
    on_leaderboard = {key for name in models for key in api_names(name)}
    return rows + [_api_row(block.dataset, key, key, choice) for key in choice.prices.api if key not in on_leaderboard]


def costs_by_model(rows: Iterable[CostRow]) -> dict[str, CostRow]:
    """The cost of each model that stands beside its latency: on its machine if it is measured, else by its API."""
    by_kind: dict[str, dict[str, CostRow]] = {API: {}, LOCAL: {}}
    for row in rows:
        by_kind[str(row["kind"])][str(row["model"])] = row
    return {**by_kind[API], **by_kind[LOCAL]}


def row_kind(block: ComparableRuns, name: str) -> str:
    """``local``, ``API``, or ``control`` for a row that shows what an API answers without the images."""
    if name in block.controls:
        return CONTROL
    return API if name in {block.row_names[row] for row in block.api_rows} else LOCAL


def api_names(model: str) -> tuple[str, ...]:
    """Names by which a price list may know a leaderboard row: its display name, and the name of its model."""
    return tuple(dict.fromkeys((model, model.partition(" (")[0])))


def throughput_of(batch: Mapping[str, Any]) -> Throughput:
    """Images per second of a batch size, with its interval."""
    return Throughput(value=batch["images_per_s"], low=batch.get("ci_low"), high=batch.get("ci_high"))


def energy_of(measurement: Measurement, batch: Mapping[str, Any]) -> float | None:
    """Measured energy of 1,000 images: at this batch size, or else of single images."""
    energy = batch.get("energy_wh_per_1k_images")
    return measurement.metrics.get("energy_wh_per_1k_images") if energy is None else energy


def _start(dataset: str, name: str, kind: str) -> TableRow:
    """A row in the order of the columns."""
    return {**dict.fromkeys(COST_COLUMNS), "dataset": dataset, "model": name, "kind": kind, "note": ""}


def _local_columns(measurement: Measurement | None, choice: PriceChoice, hours: Sequence[float]) -> TableRow:
    """What a measured model costs on the machine that it needs, or why that is not known."""
    if measurement is None:
        return {"note": NOT_MEASURED}
    batch = best_batch(measurement)
    if batch is None:
        return {"grade": measurement.grade, "note": "no throughput was measured"}
    known = {
        "images_per_s": batch["images_per_s"],
        "batch": batch["batch"],
        "energy_wh_per_1k_images": energy_of(measurement, batch),
        "utilisation": choice.prices.utilisation,
        "training_hours": sum(hours) if hours else None,
        "grade": measurement.grade,
    }
    try:
        machine = priced_machine(measurement, choice.prices)
    except PriceError as error:
        if choice.named:
            raise
        return {**known, "note": f"no cost: {error.problem}"}
    return {**known, **_priced_columns(measurement, batch, machine, choice, hours)}


def _priced_columns(
    measurement: Measurement, batch: Mapping[str, Any], machine: str, choice: PriceChoice, hours: Sequence[float]
) -> TableRow:
    prices, energy = choice.prices, energy_of(measurement, batch)
    cost = local_cost(prices, machine, throughput_of(batch), today=choice.today, energy_wh_per_1k=energy)
    usd_per_hour = prices.find(machine).per_hour * prices.usd
    return {
        **_cost_columns(cost),
        "priced_machine": machine,
        "usd_per_hour": usd_per_hour,
        "training_usd": training_cost(hours, devices=1, price=usd_per_hour).cost if hours else None,
        "assumption": f"batch {batch['batch']}, which has the highest throughput; "
        f"{describe_choice(measurement, prices)}{cost.assumption}",
    }


def _api_row(dataset: str, name: str, listed: str, choice: PriceChoice) -> TableRow:
    cost = api_cost(choice.prices, listed, today=choice.today)
    return {**_start(dataset, name, API), **_cost_columns(cost), "grade": "", "assumption": cost.assumption}


def _answers_row(dataset: str, answers: ApiAnswers, listed: str | None, choice: PriceChoice) -> TableRow:
    """The cost of a row by its tokens; by a price that was entered by hand if its tokens have none."""
    cost = token_cost(answers, choice.prices)
    if listed is not None and (cost.usd_per_1k is None or cost.note):
        return _api_row(dataset, answers.name, listed, choice)
    usd = cost.usd_per_1k
    numbers = (None, None, None) if usd is None else (usd.estimate, usd.low, usd.high)
    return {
        **_start(dataset, answers.name, API),
        **dict(zip(bounds(COST), numbers, strict=True)),
        "grade": "",
        "assumption": cost.assumption,
        "note": cost.note,
    }


def _cost_columns(cost: Cost) -> TableRow:
    return {
        **dict(zip(bounds(COST), (cost.usd_per_1k, cost.low, cost.high), strict=True)),
        "machine_usd_per_1k_images": cost.machine_usd,
        "energy_usd_per_1k_images": cost.energy_usd,
        "co2_g_per_1k_images": cost.g_co2,
    }

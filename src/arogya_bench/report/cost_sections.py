"""The sections of a report on cost, and the recommendations that follow from speed and cost."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from arogya_bench.comparison.batch_sizes import BATCH_SIZE
from arogya_bench.comparison.costs import API, COST
from arogya_bench.report import speed_charts
from arogya_bench.report.columns import Column, Row, amount, any_value, grade_tone, measured, text
from arogya_bench.report.section import Section, group_notes, row_footnotes
from arogya_bench.report.speed_findings import describe_cost
from arogya_bench.report.wording import format_count, format_percent, is_undefined

TRAINING_NOTE = " Training: the hours of the fits of all seeds, on the hardware that was measured, at its price."


def cost_section(rows: Sequence[Row]) -> Section:
    """List what 1,000 images cost, with what the cost rests on."""
    known = [row for row in rows if row[COST] is not None or row["note"]]
    energy = any_value(rows, "energy_usd_per_1k_images")
    columns = (
        Column(header="model", format_cell=_priced_name),
        replace(_cost_column(bounds=True), brief=_cost_column(bounds=False)),
        measured("images_per_s", "images/s", bounds=False),
        Column(header="batch", format_cell=lambda row: format_count(row["batch"])),
        text("priced_machine", "priced as"),
        amount("usd_per_hour", "USD/hour"),
        Column(header="in use", format_cell=lambda row: format_percent(row["utilisation"])),
        *((amount("energy_usd_per_1k_images", "energy within it"),) if energy else ()),
        *((replace(amount("training_usd", "training (USD)"), detail=True),) if any_value(rows, "training_usd") else ()),
        *((amount("co2_g_per_1k_images", "g CO2/1,000 images"),) if any_value(rows, "co2_g_per_1k_images") else ()),
    )
    return Section(
        name="cost",
        title="Cost of 1,000 images",
        note="A machine of one's own: price per hour / images per hour / share of the paid time in use, and energy. "
        "The interval is that of the throughput alone. An API: the tokens of its answers at the prices of the day, or "
        "a price for 1,000 images that was entered by hand."
        + (TRAINING_NOTE if any_value(rows, "training_usd") else ""),
        columns=columns,
        records=known,
        plot=partial(speed_charts.plot_cost, rows),
        finding=partial(describe_cost, rows),
        footnotes=(
            *row_footnotes(known, _priced_name),
            *group_notes(
                [(_priced_name(row), str(row["assumption"])) for row in known if row["assumption"]],
                of=sum(row[COST] is not None for row in known),
            ),
        ),
    )


def _cost_column(*, bounds: bool) -> Column:
    """The cost, which is grey where it rests on a bad measurement of the machine."""

    def tone(row: Row) -> str:
        return "" if row["kind"] == API or row[COST] is None else grade_tone(row["grade"])

    return replace(measured(COST, "USD/1,000 images", bounds=bounds), tone_of=tone)


def _priced_name(row: Row) -> str:
    return f"{row['model']}{' (API)' if row['kind'] == API else ''}"


def recommendations_section(rows: Sequence[Row], pareto: Sequence[Row]) -> Section:
    """List what can be said, with the numbers that it rests on; batch sizes only for models on a front."""
    fronts = {row["model"] for row in pareto if row["on_front"] or row["on_cost_front"]}
    shown = [row for row in rows if row["kind"] != BATCH_SIZE or row["model"] in fronts]
    columns = (
        text("kind", "about"),
        Column(header="recommendation", format_cell=lambda row: str(row["recommendation"]), wraps=True),
        Column(header="evidence", format_cell=lambda row: str(row["evidence"]), wraps=True, detail=True),
    )
    margin = next((row["margin"] for row in rows if not is_undefined(row["margin"])), None)
    within = f" A model may be up to {margin:g} worse to be called a cheaper choice." if margin is not None else ""
    return Section(
        name="recommendations",
        title="Recommendations",
        note="None rests on a measurement of grade D, or on latencies of different machines; where nothing is shown, "
        f"nothing is said.{within} Batch sizes of other models are in recommendations.csv.",
        columns=columns,
        records=shown,
    )

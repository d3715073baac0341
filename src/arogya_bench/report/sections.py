"""The sections of a report: titles, notes, tables and charts, defined once for all output."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from arogya_bench.analysis.options import DEFAULT_CORRECTION
from arogya_bench.comparison.costs import COST, LOCAL
from arogya_bench.comparison.measurement_notes import NOT_MEASURED
from arogya_bench.comparison.pareto import LATENCY, NOT_RANKED
from arogya_bench.comparison.table_frames import ANY_SEED, join_items
from arogya_bench.report import charts, findings
from arogya_bench.report.columns import (
    NO_VALUE,
    Column,
    Row,
    any_value,
    interval,
    latency,
    local_only,
    measured,
    number,
    p_value,
    percent,
    text,
)
from arogya_bench.report.ranking_sections import rank_columns
from arogya_bench.report.section import Section, row_footnotes
from arogya_bench.report.wording import MINUS, UNDEFINED, format_bounds, format_count, is_undefined
from arogya_bench.runtime.console import plural

TERMINAL_METRICS = 2  # secondary metrics in the brief leaderboard
OVERLAP = "Overlapping intervals do not imply that models are equal; see the pairwise comparison."
TIME = "The time is that of one image, as the median with its 95 % interval and the grade of the environment (A to D)."
BRIEF_TIME = "The time is that of one image, as the median with the grade of the environment (A to D)."
HOW_TO_MEASURE = (
    "Latency and cost are not measured, which is not zero. To measure the models, give the settings of their sweep on "
    "a quiet machine: arogya-bench measure -m model=… dataset=…"
)
NO_MCNEMAR = (
    "it takes one case per patient, one seed and predicted classes; with several cases of a patient its p-value would "
    "be too small"
)
NO_CLASSES = "models of this task predict no class of a case, which could be right or wrong"
CLASSIFICATION = "classification"
SKIPPED = "SKIPPED"  # status of cells that a sweep left out
SKIPPED_NOTE = (
    " SKIPPED: the sweep had no key, no consent or no service for them, which the message names; with it, the same "
    "command evaluates them."
)
MAX_NAMED_CONDITIONS = 3  # of one model that are missing for one reason


def leaderboard_section(rows: Sequence[Row], metric: str, secondary_metrics: Sequence[str]) -> Section:
    """Rank the models on clean images, with the primary and the secondary metrics."""
    in_brief = secondary_metrics[-TERMINAL_METRICS:]
    columns = (
        text("rank", "#"),
        text("model"),
        interval(metric),
        *rank_columns(rows),
        *(replace(interval(name, brief=number(name)), detail=name not in in_brief) for name in secondary_metrics),
        replace(percent("robustness_score", "robustness"), empty_reason=_no_robustness(rows)),
        local_only(latency(LATENCY, "p50 (ms)", grade="latency_grade")),
        cost_column("USD/1,000 images"),
    )
    size = f"{rows[0]['cases']} test cases in {rows[0]['groups']} independent groups" if rows else ""
    before = f"{size}.{_positive_note(rows)} {OVERLAP}"
    after = f"{_rank_note(rows)}{_api_note(rows)}"
    return Section(
        name="leaderboard",
        title="Leaderboard on clean images",
        note=f"{before}{_measured_note(rows, TIME)}{after}",
        brief_note=f"{before}{_measured_note(rows, BRIEF_TIME)}{after}",
        columns=columns,
        records=[_without_meaningless_share(row) for row in rows],
        plot=partial(charts.plot_leaderboard, rows, metric),
        finding=partial(findings.describe_leaderboard, rows, metric),
        footnotes=(*row_footnotes(rows, lambda row: str(row["model"])), *_how_to_measure(rows)),
    )


def _without_meaningless_share(row: Row) -> Row:
    """The row without the share that a model keeps of what guessing gives: there is nothing to lose."""
    return {**row, "robustness_score": None} if row.get("above_chance") is False else row


def _no_robustness(rows: Sequence[Row]) -> str:
    """Why the column of robustness is empty, if it is."""
    if any_value(rows, "robustness_score"):
        return "no model is shown to be better than guessing, so that none has anything to lose"
    return "not every condition has a value, or only clean images were evaluated"


def _positive_note(rows: Sequence[Row]) -> str:
    """Which of two classes the metrics are about; results of earlier versions do not say."""
    name = rows[0].get("positive_class") if rows else None
    return f" The positive class is {name}; dataset.positive names another one." if name else ""


def _measured_note(rows: Sequence[Row], note: str) -> str:
    """The note on speed and cost, where there are any."""
    return "" if all(row.get(name) is None for row in rows for name in (LATENCY, COST)) else f" {note}"


def _rank_note(rows: Sequence[Row]) -> str:
    return " P(best) is the share of resamples of the cases in which a model is first." if rank_columns(rows) else ""


def _api_note(rows: Sequence[Row]) -> str:
    if all(row.get("kind", LOCAL) == LOCAL for row in rows):
        return ""
    return f" {NOT_RANKED}; it stands under the answer times of APIs."


def _how_to_measure(rows: Sequence[Row]) -> tuple[str, ...]:
    """What to do if no model is measured."""
    if any(row.get(LATENCY) is not None or row.get("kind", LOCAL) != LOCAL for row in rows):
        return ()
    return (HOW_TO_MEASURE,)


def cost_column(header: str) -> Column:
    """The cost of 1,000 images on the leaderboard; grey where it rests on a bad measurement."""
    column = measured(COST, header, grade="latency_grade", bounds=False)

    def format_cell(row: Row) -> str:
        if row.get(COST) is None and row.get("kind", LOCAL) != LOCAL:
            return UNDEFINED
        return NOT_MEASURED if row.get(COST) is None else column.format_cell(row)

    return replace(column, format_cell=format_cell, empty_reason=NOT_MEASURED)


def seeds_section(rows: Sequence[Row], metric: str) -> Section:
    """List the training seeds of each model and the spread between them."""
    columns = (
        text("model"),
        Column(header="seeds", format_cell=lambda row: join_items(row["seeds"]) if row["seeded"] else ANY_SEED),
        number(metric, f"mean {metric}"),
        number("seed_sd", "standard deviation"),
        Column(header="values", format_cell=lambda row: join_items(row["seed_values"])),
    )
    several = any(row.get("seed_sd") is not None for row in rows)
    return Section(
        name="seeds",
        title="Training seeds",
        note=f"{metric} of every seed. The spread between seeds is in every interval and test. A model with one "
        "seed stands for that fit; one whose seeds are 'any' does not depend on them.",
        columns=columns,
        records=rows if several else (),
    )


def pairwise_section(rows: Sequence[Row], metric: str, *, task: str = CLASSIFICATION) -> Section:
    """List the paired tests."""
    columns = (
        Column(header="pair", format_cell=_pair_name),
        interval("difference", signed=True, brief=_signed_difference()),
        p_value("p_value", "p", detail=True),
        Column(header="all pairs [95 % CI]", format_cell=_simultaneous_interval),
        p_value("p_adjusted", "p, all pairs"),
        Column(
            header="discordant groups",
            format_cell=lambda row: format_count(row.get("discordant_groups")),
            detail=True,
            empty_reason=NO_VALUE if task == CLASSIFICATION else NO_CLASSES,
        ),
        replace(
            p_value("mcnemar_p", "McNemar p", detail=True),
            empty_reason=NO_MCNEMAR if task == CLASSIFICATION else NO_CLASSES,
        ),
        *_margin_column(rows),
        text("conclusion"),
    )
    pairs = max((row["family"] for row in rows), default=0)
    return Section(
        name="pairwise",
        title="Pairwise comparison (paired)",
        note=f"Difference in {metric} on the same cases, better model first. The interval and p are of one pair by "
        f"itself; the conclusion follows from those for {plural(pairs, 'pair')} at once. A difference that is not "
        f"shown is not evidence of equality.{_chosen_test(rows)}",
        columns=columns,
        records=rows,
        plot=partial(charts.plot_pairs, rows, metric),
        finding=partial(findings.describe_pairs, rows, metric),
        footnotes=row_footnotes(rows, _pair_name),
    )


def _signed_difference() -> Column:
    """The difference by itself, for a table that has the interval for all pairs beside it."""
    return Column(header="difference", format_cell=_format_difference, numeric=True, key="difference")


def _format_difference(row: Row) -> str:
    return UNDEFINED if is_undefined(row["difference"]) else f"{row['difference']:+.3f}"


def _margin_column(rows: Sequence[Row]) -> tuple[Column, ...]:
    """Whether the second model is shown to be not worse by the margin; none in comparisons of earlier versions."""
    margin = next((row["margin"] for row in rows if row.get("margin") is not None), None)
    if margin is None:
        return ()
    return (replace(text("non_inferior", f"loss < {margin:g}"), detail=True),)


def _chosen_test(rows: Sequence[Row]) -> str:
    """Which test and correction were chosen in place of the default."""
    row = next((row for row in rows if row.get("p_adjusted") is not None), {})
    if (
        not row
        or "correction" not in row
        or (row["correction"] == DEFAULT_CORRECTION and row["method"].startswith("t,"))
    ):
        return ""
    return f" Test: {row['method']}; correction: {row['correction']}."


def _pair_name(row: Row) -> str:
    return f"{row['a']} {MINUS} {row['b']}"


def _simultaneous_interval(row: Row) -> str:
    return format_bounds(row.get("difference.simultaneous_low"), row.get("difference.simultaneous_high"))


def missing_section(rows: Sequence[Row]) -> Section:
    """List the cells without a finished run and their errors; conditions that share both are one row."""
    columns = (
        *map(text, ("model", "condition", "seed", "status", "cause")),
        Column(header="message", format_cell=lambda row: str(row.get("message") or ""), wraps=True),
    )
    return Section(
        name="missing",
        title="Missing cells",
        note="These combinations of model, condition and seed have no finished run and are in no other table."
        + (SKIPPED_NOTE if any(row["status"] == SKIPPED for row in rows) else ""),
        columns=columns,
        records=_by_cause(rows),
    )


def _by_cause(rows: Sequence[Row]) -> list[Row]:
    shared: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = tuple(str(row.get(name)) for name in ("model", "seed", "status", "cause", "message"))
        shared.setdefault(key, []).append(row)
    return [{**group[0], "condition": _name_conditions(group)} for group in shared.values()]


def _name_conditions(rows: Sequence[Row]) -> str:
    names = [str(row["condition"]) for row in rows]
    return ", ".join(names) if len(names) <= MAX_NAMED_CONDITIONS else f"{len(names)} conditions"

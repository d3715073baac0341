"""The sections of a report on which model to take for which latency, and for which cost."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from arogya_bench.comparison.costs import API, COST
from arogya_bench.comparison.front_draws import FROM_INTERVAL
from arogya_bench.comparison.pareto import LATENCY, NOT_RANKED
from arogya_bench.report import pareto_chart
from arogya_bench.report.columns import Column, Row, any_value, latency, local_only, measured, model_name, text
from arogya_bench.report.section import Section, group_notes
from arogya_bench.report.speed_findings import describe_front
from arogya_bench.report.wording import UNDEFINED, format_percent, format_with_interval, is_undefined
from arogya_bench.statistics.notes import join_notes

NOT_BEATEN = "no model is beaten by another on both axes"
NOT_CONSIDERED = "no model is considered, for the reasons in the notes"


def pareto_section(rows: Sequence[Row], metric: str, best: str) -> Section:
    """List which models no other beats on two axes at once."""
    columns = (
        text("model"),
        Column(header=f"{metric} [95 % CI]", format_cell=lambda row: format_with_interval(row, "value")),
        local_only(latency(LATENCY, "p50 (ms)")),
        measured(COST, "USD/1,000 images", bounds=False),
        _on_front("on_front", "on the front"),
        _share("p_on_front"),
        replace(text("dominated_by", "beaten by"), empty_reason=_not_beaten(rows, "on_front")),
        replace(_on_front("on_cost_front", "on the cost front"), detail=True),
    )
    return Section(
        name="pareto",
        title=f"Which model for which latency: {metric} against the median time",
        note=f"On the front: no other model is at least as good in {metric} and as fast. The estimates decide; where "
        "the intervals of two models overlap, their order may be chance: P(front) is the share of resamples in which a "
        "model is on the front, with groups resampled for the metric and rounds for the latency"
        f"{_drawn_otherwise(rows)}. The cost front is the same with the cost.",
        columns=columns,
        records=rows,
        plot=partial(pareto_chart.plot_pareto, rows, metric, best=best),
        finding=partial(describe_front, rows, metric),
        footnotes=_reasons(rows),
    )


def cost_front_section(rows: Sequence[Row], metric: str, best: str) -> Section:
    """List which models no other beats by the metric and by cost, if one of them is behind an API."""
    priced = [row for row in rows if not is_undefined(row[COST])]
    columns = (
        text("model"),
        Column(header=f"{metric} [95 % CI]", format_cell=lambda row: format_with_interval(row, "value")),
        measured(COST, "USD/1,000 images"),
        _on_front("on_cost_front", "on the cost front"),
        _share("p_on_cost_front"),
        replace(text("cost_dominated_by", "beaten by"), empty_reason=_not_beaten(rows, "on_cost_front")),
    )
    return Section(
        name="cost-front",
        title=f"Which model for which cost: {metric} against USD per 1,000 images",
        note=f"On the cost front: no other model is at least as good in {metric} and as cheap. Local models and those "
        "behind APIs stand here together, since a cost is a cost; their latencies do not. P(front) is the share of "
        "draws in which a model is on it: of groups for the metric, and of each cost from its interval.",
        columns=columns,
        records=priced if len(priced) > 1 and any(row.get("kind") == API for row in priced) else (),
        plot=partial(pareto_chart.plot_pareto, rows, metric, best=best, by=pareto_chart.BY_COST),
        finding=partial(describe_front, rows, metric, by=pareto_chart.BY_COST),
    )


def _on_front(key: str, header: str) -> Column:
    return Column(header=header, format_cell=lambda row: _yes_or_no(row[key]), empty_reason=NOT_CONSIDERED)


def _share(key: str) -> Column:
    def format_cell(row: Row) -> str:
        return format_percent(row.get(key))

    return Column(
        header="P(front)",
        format_cell=format_cell,
        numeric=True,
        key=key,
        term="p_on_front",
        empty_reason=NOT_CONSIDERED,
    )


def _not_beaten(rows: Sequence[Row], key: str) -> str:
    return NOT_BEATEN if any_value(rows, key) else NOT_CONSIDERED


def _drawn_otherwise(rows: Sequence[Row]) -> str:
    """For which models no rounds are resampled."""
    names = [model_name(row) for row in rows if f"latency: {FROM_INTERVAL}" in str(row.get("p_rests_on"))]
    return f" (of {', '.join(names)} from its interval)" if names else ""


def _reasons(rows: Sequence[Row]) -> tuple[str, ...]:
    """Why models are not considered."""
    return group_notes([(model_name(row), _reason(str(row["note"]))) for row in rows if row["note"]], of=len(rows))


def _reason(note: str) -> str:
    if not note.startswith(NOT_RANKED):
        return f"not considered, since {note}"
    others = note.removeprefix(NOT_RANKED).removeprefix("; ")
    return join_notes(NOT_RANKED, f"not considered, since {others}" if others else "")


def _yes_or_no(value: object) -> str:
    return UNDEFINED if value is None else "yes" if value else "no"

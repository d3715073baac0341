"""The section of a report on limits: which model is shown to keep which one."""

from collections.abc import Sequence
from dataclasses import replace

from arogya_bench.comparison.limit_outcomes import ELIGIBLE, EXCLUDED, UNDECIDED
from arogya_bench.report.columns import Column, Row, text
from arogya_bench.report.section import Section
from arogya_bench.report.wording import UNDEFINED, format_significant, is_undefined


def limits_section(rows: Sequence[Row]) -> Section:
    """List every limit of every model; the terminal has one row per model."""
    columns = (
        text("model"),
        text("limit"),
        Column(header="value [95 % CI]", format_cell=_value),
        text("verdict"),
        Column(header="why", format_cell=lambda row: str(row["reason"]), wraps=True),
    )
    section = Section(
        name="limits",
        title="Limits",
        note="The bound counts, not the estimate. Eligible: the whole interval keeps the limit. Excluded: the whole "
        "interval misses it. Undecided: more data would decide.",
        columns=columns,
        records=rows,
    )
    return replace(section, brief_form=_by_model(section))


def _by_model(section: Section) -> Section:
    """The outcome of each model in one row, with every limit that it is not shown to keep."""
    by_model: dict[str, list[Row]] = {}
    for row in section.records:
        by_model.setdefault(str(row["model"]), []).append(row)
    columns = (text("model"), text("verdict"), text("shown"), section.columns[-1])
    return replace(section, columns=columns, records=[_summary(model, own) for model, own in by_model.items()])


def _summary(model: str, rows: Sequence[Row]) -> Row:
    open_rows = [row for row in rows if row["verdict"] != ELIGIBLE]
    verdicts = {row["verdict"] for row in rows}
    return {
        "model": model,
        "verdict": next(verdict for verdict in (EXCLUDED, UNDECIDED, ELIGIBLE) if verdict in verdicts),
        "shown": f"{len(rows) - len(open_rows)} of {len(rows)}",
        "reason": "; ".join(dict.fromkeys(str(row["reason"]) for row in open_rows)),
    }


def _value(row: Row) -> str:
    value, low, high = (row[key] for key in ("value", "value.ci_low", "value.ci_high"))
    if is_undefined(value):
        return UNDEFINED
    if is_undefined(low) and is_undefined(high):
        return format_significant(value)
    return f"{format_significant(value)} [{format_significant(low, of=value)}, {format_significant(high, of=value)}]"

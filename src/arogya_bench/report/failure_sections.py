"""The sections of a report on where models fail: subgroups and degraded images."""

from collections.abc import Mapping, Sequence

from arogya_bench.report.columns import Column, Row, interval, number, p_value, percent, text
from arogya_bench.report.robustness_sections import constant_footnotes
from arogya_bench.report.section import Section, omission_note, row_footnotes
from arogya_bench.report.wording import UNDEFINED, format_count, format_number, is_undefined

MAX_ROWS = 60  # of a table of a page


def subgroup_gap_section(rows: Sequence[Row]) -> Section:
    """Show the worst part of each metadata column, and how far it is behind the best."""
    columns = (
        text("model"),
        text("column"),
        text("metric"),
        text("worst", "worst part"),
        interval("worst_estimate", "its value"),
        Column(header="groups", format_cell=lambda row: format_count(row["worst_groups"])),
        text("best", "best part"),
        interval("gap"),
        p_value("p_value", "p"),
    )
    return Section(
        name="subgroup-gaps",
        title="Worst subgroups",
        note="Interval and p of a gap allow for the choice of the worst and the best part. Columns were not chosen "
        "beforehand: a gap is a hint, to be confirmed on other cases.",
        columns=columns,
        records=rows,
        detail=True,
        footnotes=row_footnotes(rows, lambda row: f"{row['model']} by {row['column']}"),
    )


def subgroup_section(rows: Sequence[Row]) -> Section:
    """Show every part of the metadata columns."""
    columns = (
        text("model"),
        text("column"),
        text("subgroup"),
        text("metric"),
        Column(header="cases", format_cell=lambda row: format_count(row["cases"])),
        Column(header="groups", format_cell=lambda row: format_count(row["groups"])),
        interval("estimate", "value"),
        interval("difference", "to all others", signed=True),
        p_value("p_adjusted", "p, adjusted"),
    )
    return Section(
        name="subgroups",
        title="Subgroups",
        note="Each part of a metadata column against all other cases; p is adjusted over the parts and metrics of the "
        "column (Benjamini and Hochberg). Parts of fewer than 10 groups have no value." + omission_note(rows, MAX_ROWS),
        columns=columns,
        records=rows[:MAX_ROWS],
        detail=True,
        footnotes=row_footnotes(rows[:MAX_ROWS], lambda row: f"{row['model']} by {row['column']}"),
    )


def degradation_section(rows: Sequence[Row], conditions: Sequence[Row] = ()) -> Section:
    """Show how fast each model falls off; one that no condition changes is named once.

    Args:
        rows: Of the table ``degradation``.
        conditions: Of the table ``robustness``, which says what the severity of each augmentation is.
    """
    scales = {str(row["augmentation"]): str(row["scale"]) for row in conditions if not is_undefined(row.get("scale"))}
    varying, constant = _split_constant(rows)
    columns = (
        text("model"),
        text("augmentation"),
        percent("retained", "retained"),
        Column(header="critical severity", format_cell=lambda row: _critical(row, scales)),
        number("floor"),
        text("worst_condition", "worst condition"),
        interval("value", "its value"),
        Column(header="ECE clean, degraded", format_cell=_calibration),
        Column(header="rank", format_cell=lambda row: format_count(row["rank"])),
    )
    metric = str(rows[0]["metric"]) if rows else ""
    return Section(
        name="degradation",
        title="Degradation curves",
        note=f"{metric}: the share that is retained, on average over the severities of an augmentation or over all "
        "conditions; the severity at which it first falls below the floor; and the worst condition. The rank is that "
        "by the share retained under all conditions, of models that are shown to be better than guessing.",
        columns=columns,
        records=varying,
        detail=True,
        footnotes=(
            *constant_footnotes([(str(row["model"]), row["clean"]) for row in constant]),
            *row_footnotes(varying, lambda row: f"{row['model']} under {row['augmentation']}"),
        ),
    )


def _split_constant(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of models that some condition changes, and of those that none does; all are of the first if none is."""
    changed = {str(row["model"]) for row in rows if is_undefined(row["drop"]) or row["drop"] != 0}
    if not changed:
        return list(rows), []
    return [row for row in rows if row["model"] in changed], [row for row in rows if row["model"] not in changed]


def _critical(row: Row, scales: Mapping[str, str]) -> str:
    if is_undefined(row["critical_severity"]):
        return UNDEFINED
    severity, scale = format_number(row["critical_severity"]), scales.get(str(row["augmentation"]))
    if row["severity_scale"] == "level":
        return f"{severity} (number of the severity)"
    return f"{scale}: {severity}" if scale else severity


def _calibration(row: Row) -> str:
    if is_undefined(row["ece_clean"]):
        return UNDEFINED
    return f"{format_number(row['ece_clean'])}, {format_number(row['ece_mean'])}"

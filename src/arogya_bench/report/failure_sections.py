"""The sections of a report on where models fail: subgroups, degraded images, single cases."""

from collections.abc import Sequence

from arogya_bench.report.columns import Column, Row, interval, number, p_value, percent, text
from arogya_bench.report.section import Section, omission_note, row_footnotes
from arogya_bench.report.wording import UNDEFINED, format_count, format_number, is_undefined

MAX_ROWS = 60  # of a table of a page
MAX_MISTAKES = 5  # of each model on a page; the table of the comparison has twenty


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


def degradation_section(rows: Sequence[Row]) -> Section:
    """Show how fast each model falls off."""
    columns = (
        text("model"),
        text("augmentation"),
        percent("retained", "retained"),
        Column(header="critical severity", format_cell=_critical),
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
        "by the share retained under all conditions.",
        columns=columns,
        records=rows,
        detail=True,
        footnotes=row_footnotes(rows, lambda row: f"{row['model']} under {row['augmentation']}"),
    )


def errors_section(rows: Sequence[Row]) -> Section:
    """Show the most confident mistakes of each model."""
    columns = (
        text("model"),
        text("case_id", "case"),
        text("group_id", "group"),
        text("target", "truth"),
        text("predicted"),
        number("confidence"),
        Column(
            header="other models that miss it",
            format_cell=lambda row: f"{row['other_models_wrong']} of {row['other_models']}",
        ),
    )
    return Section(
        name="errors",
        title="Most confident mistakes",
        note="The first to look at: a wrong label, an artefact, or a blind spot. The confidence is the mean over the "
        "seeds, 0 for one that is right.",
        columns=columns,
        records=[row for row in rows if row["position"] <= MAX_MISTAKES],
        detail=True,
    )


def missed_section(rows: Sequence[Row]) -> Section:
    """Show the cases that every model misses."""
    columns = (
        text("case_id", "case"),
        text("group_id", "group"),
        text("target", "truth"),
        text("predicted"),
        number("confidence"),
    )
    size = ""
    if rows:
        first = rows[0]
        listed = f"; {len(rows)} are listed" if first["total"] > len(rows) else ""
        size = f"{first['total']} cases, {100 * first['share']:.1f} % of all, for {first['models']} models{listed}. "
    return Section(
        name="missed-by-all",
        title="Cases that every model misses",
        note=f"{size}No choice among these models helps here: look at the labels and the images.",
        columns=columns,
        records=rows,
        detail=True,
    )


def _critical(row: Row) -> str:
    if is_undefined(row["critical_severity"]):
        return UNDEFINED
    scale = " (number of the severity)" if row["severity_scale"] == "level" else ""
    return f"{format_number(row['critical_severity'])}{scale}"


def _calibration(row: Row) -> str:
    if is_undefined(row["ece_clean"]):
        return UNDEFINED
    return f"{format_number(row['ece_clean'])}, {format_number(row['ece_mean'])}"

"""The sections of a report on single classes, probabilities and decisions."""

from collections.abc import Sequence
from functools import partial

from arogya_bench.report import findings, quality_charts
from arogya_bench.report.columns import Column, Row, interval, number, text
from arogya_bench.report.detail_charts import plot_reliabilities
from arogya_bench.report.section import Section, omission_note, row_footnotes
from arogya_bench.report.wording import UNDEFINED, format_count, format_number, format_percent, is_undefined

MAX_ROWS = 60  # of a table of a page
NONE_REACHES = "none reaches it"
KNOWN_PREVALENCE = "Their intervals take it as known, and are narrower than the interval of the precision."


def per_class_section(rows: Sequence[Row]) -> Section:
    """Show each class of each model against the rest."""
    columns = (
        text("model"),
        text("class"),
        Column(header="cases", format_cell=lambda row: format_count(row["cases"])),
        Column(header="groups", format_cell=lambda row: format_count(row["groups"])),
        interval("sensitivity", "sensitivity (recall)"),
        interval("specificity"),
        interval("precision"),
        interval("f1", "F1"),
        interval("auroc", "AUROC"),
    )
    return Section(
        name="per-class",
        title="Each class against the rest",
        note="A class with few groups has a wide interval, which a mean over classes hides. Several seeds are averaged."
        + omission_note(rows, MAX_ROWS),
        columns=columns,
        records=rows[:MAX_ROWS],
        detail=True,
        footnotes=row_footnotes(rows[:MAX_ROWS], lambda row: f"{row['model']} for {row['class']}"),
    )


def calibration_section(rows: Sequence[Row], bins: Sequence[Row], leaderboard: Sequence[Row] = ()) -> Section:
    """Show whether probabilities can be read as such; the leaderboard says which models are better than guessing."""
    guessing = {str(row["model"]) for row in leaderboard if row.get("above_chance") is False}
    columns = (
        text("model"),
        text("outcome"),
        interval("ece", "ECE"),
        number("ece_by_chance", "ECE by chance"),
        interval("slope"),
        interval("intercept", signed=True),
        interval("in_the_large", "predicted \N{MINUS SIGN} observed", signed=True),
        interval("nll", "log loss"),
        interval("brier", "Brier score"),
    )
    return Section(
        name="calibration",
        title="Calibration",
        note="Slope and intercept of a logistic recalibration: 1 and 0 if probabilities can be read as such; a slope "
        "below 1 stands for probabilities that are too extreme. ECE by chance is that of a calibrated model with the "
        "same confidences on as many cases.",
        columns=columns,
        records=rows,
        plot=partial(plot_reliabilities, bins),
        finding=partial(findings.describe_reliabilities, bins, guessing),
        detail=True,
        footnotes=row_footnotes(rows, lambda row: str(row["model"])),
    )


def operating_section(rows: Sequence[Row]) -> Section:
    """Show the rates at thresholds that were locked on validation."""
    prevalences = list(dict.fromkeys(_prevalence(row) for row in rows))
    at = f"a prevalence of {prevalences[0]}" if len(prevalences) == 1 else "the prevalence beside them"
    columns = (
        text("model"),
        text("positive_class", "positive"),
        Column(header="decision", format_cell=_decision),
        Column(header="threshold", format_cell=_threshold),
        interval("sensitivity"),
        interval("specificity"),
        interval("ppv", "PPV"),
        interval("npv", "NPV"),
        *([Column(header="prevalence", format_cell=_prevalence)] if len(prevalences) > 1 else []),
    )
    return Section(
        name="operating-points",
        title="Operating points",
        note="Thresholds are chosen on the validation split and locked; the default decision is the most probable "
        f"class. PPV and NPV are those at {at}. {KNOWN_PREVALENCE}{omission_note(rows, MAX_ROWS)}",
        columns=columns,
        records=rows[:MAX_ROWS],
        detail=True,
        footnotes=row_footnotes(
            rows[:MAX_ROWS], lambda row: f"{row['model']} by {_decision(row)}{_for_class(row, rows)}"
        ),
    )


def net_benefit_section(rows: Sequence[Row]) -> Section:
    """Show whether acting on a model is better than acting on all cases or on none."""
    prevalences = list(dict.fromkeys(_prevalence(row) for row in rows))
    columns = (
        text("model"),
        text("positive_class", "positive"),
        Column(
            header="acting from a probability of", format_cell=lambda row: format_percent(row["threshold_probability"])
        ),
        interval("net_benefit", "net benefit"),
        number("treat_all", "acting on all"),
        interval("advantage", signed=True),
        *([Column(header="prevalence", format_cell=_prevalence)] if len(prevalences) > 1 else []),
    )
    prevalence = f" At a prevalence of {prevalences[0]}." if len(prevalences) == 1 else ""
    return Section(
        name="net-benefit",
        title="Net benefit",
        note="True positives per case, less false positives at the rate of exchange that the threshold probability "
        f"implies; acting on none is 0. The advantage is over the better of acting on all and on none.{prevalence}"
        f"{omission_note(rows, MAX_ROWS)}",
        columns=columns,
        records=rows[:MAX_ROWS],
        plot=partial(quality_charts.plot_net_benefit, rows),
        finding=partial(findings.describe_net_benefit, rows),
        detail=True,
        footnotes=row_footnotes(rows[:MAX_ROWS], lambda row: str(row["model"])),
    )


def froc_section(rows: Sequence[Row]) -> Section:
    """Show how many lesions a detector finds at how many false alarms."""
    columns = (text("model"), text("false_positives_per_image", "false positives per image"), interval("sensitivity"))
    size = f"{rows[0]['lesions']} lesions in {rows[0]['images']} images. {rows[0]['criterion']}. " if rows else ""
    return Section(
        name="froc",
        title="Lesions found at a rate of false alarms (FROC)",
        note=f"{size}The last row of a model is the mean over the rates.",
        columns=columns,
        records=rows,
        detail=True,
        footnotes=row_footnotes(rows, lambda row: str(row["model"])),
    )


def _decision(row: Row) -> str:
    if row["target"] == "default":
        return "default decision"
    return f"{row['target']} \N{GREATER-THAN OR EQUAL TO} {float(row['target_value']):g}"


def _for_class(row: Row, rows: Sequence[Row]) -> str:
    """Which class a note is about, where the rows are about several."""
    several = len({str(own["positive_class"]) for own in rows}) > 1
    return f" for {row['positive_class']}" if several else ""


def _threshold(row: Row) -> str:
    """The threshold of each fit; none where no probability on validation reaches the aim."""
    if not row["thresholds"]:
        return UNDEFINED
    found = str(row["thresholds"]).split(", ")
    return NONE_REACHES if set(found) == {"inf"} else ", ".join("none" if own == "inf" else own for own in found)


def _prevalence(row: Row) -> str:
    if is_undefined(row["prevalence"]):
        return UNDEFINED
    return f"{format_number(row['prevalence'])} ({row['prevalence_of']})"

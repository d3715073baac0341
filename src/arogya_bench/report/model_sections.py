"""The chapter of a report on each model in detail: what it is, its classes, mistakes, probabilities and decisions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from arogya_bench.analysis.calibration import TOP_LABEL
from arogya_bench.report.columns import Column, Row, interval, number, text
from arogya_bench.report.confusions import confusion_cells
from arogya_bench.report.detail_charts import plot_confusion, plot_reliability, plot_roc
from arogya_bench.report.detail_findings import describe_confusion, describe_reliability, describe_roc
from arogya_bench.report.model_facts import fact_rows
from arogya_bench.report.quality_sections import (
    calibration_section,
    froc_section,
    net_benefit_section,
    operating_section,
    per_class_section,
)
from arogya_bench.report.section import Section, row_footnotes
from arogya_bench.report.structure import SectionGroup
from arogya_bench.report.wording import format_count, format_percent, format_with_interval, is_undefined

Tables = Mapping[str, Sequence[Row]]
SIDE_BY_SIDE = "All models side by side"
SHADES = (0.05, 0.25, 0.5, 0.75)  # shares of a class from which a cell of a confusion matrix is shaded more
DEFAULT_DECISION = "default"
DETAIL = "detail"  # begins the names of the groups on one model


def model_groups(tables: Tables, metric: str) -> tuple[SectionGroup, ...]:
    """All models side by side, then each model in detail, the best first.

    Args:
        tables: Of the dataset.
        metric: The deciding one.
    """
    described = tables["models"]
    beside = SectionGroup(
        name="all",
        title=SIDE_BY_SIDE if described else "",
        sections=(
            per_class_section(tables["per_class"]),
            calibration_section(tables["calibration"], tables["reliability"], tables["leaderboard"]),
            operating_section(tables["operating_points"]),
            net_benefit_section(tables["net_benefit"]),
            froc_section(tables["froc"]),
        ),
    )
    return (beside, *(_model_group(tables, row, metric, place) for place, row in enumerate(described, start=1)))


def _model_group(tables: Tables, model: Row, metric: str, place: int) -> SectionGroup:
    name = str(model["model"])
    own = {table: [row for row in tables[table] if row["model"] == name] for table in OWN_TABLES}
    return SectionGroup(
        name=f"{DETAIL}-{place}",
        title=name,
        sentences=tuple(_sentences(model, own, metric, len(tables["leaderboard"]))),
        sections=(
            facts_section(model),
            class_section(own["per_class"]),
            confusion_section(own["confusion"]),
            roc_section(own["roc"], own["per_class"], own["precision_recall"]),
            reliability_section(own["reliability"]),
            _without_model(operating_section(own["operating_points"]), name),
            _without_model(froc_section(own["froc"]), name),
        ),
    )


OWN_TABLES = (
    "leaderboard",
    "per_class",
    "confusion",
    "roc",
    "precision_recall",
    "reliability",
    "operating_points",
    "froc",
)


def _sentences(model: Row, own: Tables, metric: str, models: int) -> Iterator[str]:
    """What the model is, where it stands, whether it beats guessing, and what it finds by default."""
    yield str(model["description"])
    for row in own["leaderboard"]:
        place = "without a rank" if is_undefined(row["rank"]) else f"rank {row['rank']} of {models}"
        yield f"On clean images: {metric} {format_with_interval(row, metric)}, {place}."
    yield str(model["chance"])
    decisions = [row for row in own["operating_points"] if row["target"] == DEFAULT_DECISION]
    if len(decisions) == 1 and not is_undefined(decisions[0]["sensitivity"]):
        yield _describe_decision(decisions[0])


def _describe_decision(row: Row) -> str:
    found, left = (format_percent(row[name]) for name in ("sensitivity", "specificity"))
    return (
        f"Where it takes the most probable class, it finds {found} of the {row['positives']} cases of "
        f"{row['positive_class']} (sensitivity), and calls {left} of the {row['negatives']} other cases negative "
        "(specificity)."
    )


def facts_section(model: Row) -> Section:
    """Say what a model is; a row of the table ``models``."""
    columns = (
        text("fact", "what"),
        Column(
            header="as its runs say",
            format_cell=lambda row: str(row["value"]),
            wraps=True,
            links_of=lambda row: tuple(row["links"]),
        ),
    )
    return Section(
        name="facts",
        title="What it is and how it was trained",
        note="All of it from what its runs logged.",
        columns=columns,
        records=fact_rows(model),
        detail=True,
    )


def class_section(rows: Sequence[Row]) -> Section:
    """Show each class of one model against the rest; rows of the table ``per_class``."""
    columns = (
        text("class"),
        Column(header="cases", format_cell=lambda row: format_count(row["cases"]), numeric=True, key="cases"),
        Column(header="groups", format_cell=lambda row: format_count(row["groups"]), numeric=True, key="groups"),
        interval("sensitivity", "sensitivity (recall)"),
        interval("specificity"),
        interval("precision"),
        interval("f1", "F1"),
    )
    return Section(
        name="classes",
        title="Each class",
        note="Each class against the rest. A class with few groups has a wide interval, which a mean over classes "
        "hides.",
        columns=columns,
        records=rows,
        detail=True,
        footnotes=row_footnotes(rows, lambda row: str(row["class"])),
    )


def confusion_section(rows: Sequence[Row]) -> Section:
    """Show which class one model takes for which; rows of the table ``confusion``."""
    cells, left_out = confusion_cells(rows)
    answers = list(dict.fromkeys(str(cell["predicted"]) for cell in cells))
    records: dict[str, dict[str, Any]] = {}
    for cell in cells:
        records.setdefault(str(cell["true"]), {})[str(cell["predicted"])] = cell
    others = f" Without {left_out} other classes, which have fewer wrong answers." if left_out else ""
    return Section(
        name="confusion",
        title="Confusion matrix",
        note="Test cases by their class (rows) and the answer (columns), with their share of the class. Several seeds "
        f"are averaged.{others}",
        columns=(text("true", "true class"), *(_answer(name) for name in answers)),
        records=[{"true": true, "cells": of_class} for true, of_class in records.items()],
        plot=partial(plot_confusion, rows),
        finding=partial(describe_confusion, rows),
        detail=True,
    )


def _answer(name: str) -> Column:
    """A column of a confusion matrix, shaded by the share of the true class."""

    def share(record: Mapping[str, Any]) -> float:
        value = record["cells"].get(name, {}).get("share")
        return 0.0 if is_undefined(value) else float(str(value))

    def format_cell(record: Mapping[str, Any]) -> str:
        cell = record["cells"].get(name)
        if cell is None:
            return "0"
        count = f"{float(cell['count']):,.1f}".removesuffix(".0")
        return f"{count} ({format_percent(cell['share'])})" if cell["count"] else count

    def tone(record: Mapping[str, Any]) -> str:
        shade = sum(share(record) >= least for least in SHADES)
        return f"shade-{shade}" if shade else ""

    return Column(header=name, format_cell=format_cell, tone_of=tone, numeric=True, verbatim=True)


def roc_section(rows: Sequence[Row], classes: Sequence[Row], precisions: Sequence[Row]) -> Section:
    """Show how well the probabilities of one model tell the classes apart.

    Args:
        rows: Of the table ``roc``.
        classes: Of the table ``per_class``, with the intervals.
        precisions: Of the table ``precision_recall``.
    """
    drawn = dict.fromkeys(str(row["class"]) for row in rows)
    average = {str(row["class"]): row["average_precision"] for row in precisions}
    records = [
        {**row, "average_precision": average.get(str(row["class"]))} for row in classes if str(row["class"]) in drawn
    ]
    return Section(
        name="roc",
        title="ROC curve",
        note="Sensitivity against 1 \N{MINUS SIGN} specificity at every threshold. On the dashed diagonal is guessing. "
        "Several seeds are averaged.",
        columns=(text("class"), interval("auroc", "AUROC"), number("average_precision", "average precision")),
        records=records,
        plot=partial(plot_roc, rows),
        finding=partial(describe_roc, rows),
        detail=True,
        footnotes=row_footnotes(rows, lambda row: str(row["class"])),
    )


def reliability_section(rows: Sequence[Row]) -> Section:
    """Show what is observed at each probability of one model; rows of the table ``reliability``."""
    columns = (
        Column(
            header="stated probability",
            format_cell=lambda row: f"{float(row['low']):.1f} to {float(row['high']):.1f}",
            numeric=True,
            key="low",
        ),
        Column(header="cases", format_cell=lambda row: format_count(row["cases"]), numeric=True, key="cases"),
        number("probability", "mean"),
        interval("observed"),
    )
    outcome = str(rows[0]["outcome"]) if rows else ""
    what = (
        "the answer is right" if outcome == TOP_LABEL else f"what is stated{f' of {outcome}' if outcome else ''} is so"
    )
    return Section(
        name="reliability",
        title="Reliability of its probabilities",
        note=f"How often {what}. Calibrated probabilities lie on the diagonal.",
        columns=columns,
        records=rows,
        plot=partial(plot_reliability, rows),
        finding=partial(describe_reliability, rows),
        detail=True,
    )


def _without_model(section: Section, name: str) -> Section:
    """The section without its first column, which names the model, and without its name in the footnotes."""
    footnotes = (note.replace(f"{name} by ", "").replace(f"{name}: ", "") for note in section.footnotes)
    return replace(section, columns=section.columns[1:], footnotes=tuple(footnotes))

"""Sections on what was read: variants of models, folds of a cross-validation, and what is not compared."""

from collections.abc import Sequence

from arogya_bench.report.columns import Column, Row, interval, number, p_value, text
from arogya_bench.report.section import Section, row_footnotes
from arogya_bench.report.wording import MINUS, format_number


def variants_section(rows: Sequence[Row]) -> Section:
    """The variants of each model, and which of them the validation split chose."""
    metric = rows[0]["metric"] if rows else ""
    columns = (
        text("model"),
        text("hyperparameters"),
        number("validation", f"{metric} on validation"),
        Column(header="chosen", format_cell=lambda row: "yes" if row["chosen"] else ""),
    )
    return Section(
        name="variants",
        title="Variants that were tried",
        note="Rows that differ in hyperparameters only: the one with the best score on the validation split stands in "
        "the other tables. The test split had no part in the choice. All of them: compare --variants all.",
        columns=columns,
        records=rows,
        footnotes=row_footnotes(rows, lambda row: str(row["model"])),
    )


def folds_section(rows: Sequence[Row]) -> Section:
    """Summarise the primary metric over cross-validation folds."""
    columns = (
        text("model"),
        Column(header="splits", format_cell=lambda row: f"{row['splits']} of {row['expected']}"),
        number("mean"),
        number("sd", "standard deviation"),
        Column(
            header="range", format_cell=lambda row: f"{format_number(row['lowest'])} to {format_number(row['highest'])}"
        ),
    )
    metric = rows[0]["metric"] if rows else ""
    return Section(
        name="folds",
        title=f"Variation of {metric} over folds",
        note="The standard deviation is not a standard error, because the training data of folds overlap.",
        columns=columns,
        records=rows,
    )


def fold_pairs_section(rows: Sequence[Row]) -> Section:
    """The pairs of models over folds, each of which has a training set of its own."""
    metric = rows[0]["metric"] if rows else ""
    columns = (
        Column(header="pair", format_cell=_pair_name),
        text("folds"),
        interval("difference", "mean difference [95 % CI]", signed=True),
        p_value("p", "p"),
    )
    return Section(
        name="fold_pairs",
        title="Pairs of models over folds",
        note=f"Mean difference in {metric} over folds, by the t-test that corrects for overlapping training sets "
        "(Nadeau and Bengio 2003): whether one way of training is better than the other, where the pairwise comparison "
        "is about these fits on other patients. p is of one pair by itself.",
        columns=columns,
        records=rows,
        detail=True,
        footnotes=row_footnotes(rows, _pair_name),
    )


def not_compared_section(rows: Sequence[Row]) -> Section:
    """What stands apart from the rest of its dataset."""
    return Section(
        name="not_compared",
        title="Not compared with the others",
        note="These models have finished evaluations that cannot be compared with those of the dataset named beside "
        "them.",
        columns=(text("model"), text("other_dataset", "not compared with"), text("reason")),
        records=rows,
    )


def _pair_name(row: Row) -> str:
    return f"{row['a']} {MINUS} {row['b']}"

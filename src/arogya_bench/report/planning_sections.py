"""The section of a report on what these test cases can show, and what more of them could."""

from collections.abc import Sequence

from arogya_bench.report.columns import Column, Row, any_value, number
from arogya_bench.report.section import Section, row_footnotes
from arogya_bench.report.wording import MINUS, format_count, format_p_value, format_percent

BY_ACCURACY = (
    "The rest is by accuracy: the difference that 80 % of studies with these cases would show, and the cases that "
    "would show a difference of {margin}, in groups as large and as alike as here."
)
NOT_BY_ACCURACY = (
    "How many cases would show a difference is planned by accuracy, of which these models have none: no class of a "
    "case is predicted."
)


def planning_section(rows: Sequence[Row], overall: Sequence[Row], metric: str) -> Section:
    """List for each pair how large a difference must be to be seen here, and how many cases the margin needs."""
    margin = rows[0]["margin"] if rows else 0
    by_accuracy = any_value(rows, "accuracy_difference")
    columns = (
        Column(header="pair", format_cell=_pair_name),
        Column(header="P(not better)", format_cell=lambda row: format_p_value(row["false_claim"])),
        *(_accuracy_columns(margin) if by_accuracy else ()),
    )
    rest = BY_ACCURACY.format(margin=f"{margin:g}") if by_accuracy else NOT_BY_ACCURACY
    return Section(
        name="planning",
        title="What these cases can show",
        note=f"P(not better): the share of resamples in which the second model is as good in {metric}. {rest} "
        f"{_overall(overall)}",
        columns=columns,
        records=rows,
        detail=True,
        footnotes=row_footnotes(rows, _pair_name),
    )


def _accuracy_columns(margin: float) -> tuple[Column, ...]:
    return (
        Column(header="difference in accuracy", format_cell=lambda row: _signed(row["accuracy_difference"])),
        Column(header="only one model right", format_cell=lambda row: format_percent(row["discordant_share"])),
        Column(header="as many independent cases", format_cell=lambda row: format_count(row["effective_cases"])),
        number("detectable_difference", "visible difference"),
        Column(header=f"cases for {margin:g}", format_cell=lambda row: format_count(row["cases_for_margin"])),
    )


def _pair_name(row: Row) -> str:
    return f"{row['a']} {MINUS} {row['b']}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"


def _overall(tests: Sequence[Row]) -> str:
    """The test of all models at once."""
    return "".join(
        f"All {test['models']} models together, by accuracy: p = {format_p_value(test['p_value'])} ({test['test']}"
        f"{'; ' + str(test['note']) if test['note'] else ''}).".replace("= <", "<")
        for test in tests
    )

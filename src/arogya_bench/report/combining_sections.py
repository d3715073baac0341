"""The sections of a report on what several rows, datasets or publications say together."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from arogya_bench.report.columns import Column, Row, any_value, interval, model_name, number, p_value, text
from arogya_bench.report.combining_charts import plot_critical_difference
from arogya_bench.report.findings import describe_critical_difference
from arogya_bench.report.section import Section, row_footnotes
from arogya_bench.report.wording import (
    UNDEFINED,
    format_bounds,
    format_count,
    format_number,
    format_p_value,
    is_undefined,
)

SHOWN_ENSEMBLES = 10
NOT_SEPARATED = (
    " Models whose mean ranks differ by less than the critical difference (Nemenyi), with which all pairs are tested "
    "at once, are not separated."
)


def ensembles_section(rows: Sequence[Row], metric: str) -> Section:
    """List the ensembles with the highest scores, each against the best of its members."""
    shown = rows[:SHOWN_ENSEMBLES]
    more = f" These are the first {len(shown)} of {len(rows)}; ensembles.csv has all." if len(rows) > len(shown) else ""
    columns = (
        replace(text("ensemble"), wraps=True),
        text("rule"),
        interval("value", metric),
        text("best_member", "best member"),
        interval("difference", signed=True),
        p_value("p_value", "p"),
        p_value("p_adjusted", "p, all (Holm)"),
        text("conclusion"),
    )
    return Section(
        name="ensembles",
        title="Ensembles of two and three models",
        note=f"{metric} of models that answer together, computed from their stored predictions: by the mean of their "
        "probabilities (mean), or of three by majority (vote). The difference is to the best member on the same cases. "
        "Models that may be recommended and are better than guessing are combined: all of them, unless a note below "
        f"says how they were chosen.{more}",
        columns=columns,
        records=shown,
        detail=True,
        footnotes=row_footnotes(shown, lambda row: f"{row['ensemble']} ({row['rule']})"),
    )


def literature_section(rows: Sequence[Row], *, elsewhere: bool = False) -> Section:
    """List the numbers of publications; ``elsewhere`` names their datasets, which the comparison does not have."""
    columns = (
        *([text("dataset")] if elsewhere else []),
        text("model"),
        text("metric"),
        Column(header="value", format_cell=_published_value),
        Column(header="cases", format_cell=lambda row: format_count(row["cases"])),
        Column(header="year", format_cell=lambda row: format_count(row["year"])),
        replace(text("source"), wraps=True),
        replace(text("caveat"), wraps=True),
    )
    return Section(
        name="literature-elsewhere" if elsewhere else "literature",
        title="Literature on other datasets" if elsewhere else "Literature",
        note="Numbers of publications, as they state them. They come from other training, and perhaps from other "
        "cases: they are not ranked, not tested against the models above, and not in the verdict.",
        columns=columns,
        records=rows,
        footnotes=row_footnotes(rows, lambda row: f"{row['model']} on {row['dataset']}"),
    )


def across_datasets_section(rows: Sequence[Row]) -> Section:
    """List the mean ranks of the models over the datasets."""
    several_metrics = len({row["metric"] for row in rows}) > 1
    critical = (
        number("critical_difference", "critical difference", digits=2),
        replace(text("not_separated_from", "not separated from"), wraps=True),
    )
    separates = any_value(rows, "critical_difference")
    columns = (
        *([text("metric")] if several_metrics else []),
        text("model"),
        Column(header="mean rank [95 % CI]", format_cell=_mean_rank),
        Column(header="datasets", format_cell=lambda row: format_count(row["datasets"])),
        *(critical if separates else ()),
    )
    return Section(
        name="across-datasets",
        title="Mean ranks over datasets",
        note="Rank 1 is the best on a dataset; only models with a result on every dataset are ranked. "
        f"{_friedman_sentence(rows)}{NOT_SEPARATED if separates else ''}",
        columns=columns,
        records=rows if any_value(rows, "mean_rank") else (),
        plot=partial(plot_critical_difference, rows),
        finding=partial(describe_critical_difference, rows),
        footnotes=row_footnotes(rows, model_name),
    )


def _published_value(row: Row) -> str:
    value = format_number(row["value"])
    ends = format_bounds(row["value.ci_low"], row["value.ci_high"])
    return value if ends == UNDEFINED else f"{value} {ends}"


def _mean_rank(row: Row) -> str:
    if is_undefined(row["mean_rank"]):
        return "not ranked"
    low, high = row["mean_rank.ci_low"], row["mean_rank.ci_high"]
    return f"{row['mean_rank']:.2f} [{low:.2f}, {high:.2f}]"


def _friedman_sentence(rows: Sequence[Row]) -> str:
    """The test of each metric."""
    tests = {str(row["metric"]): row["friedman_p"] for row in rows if not is_undefined(row["friedman_p"])}
    named = [f"{metric}: p = {format_p_value(p)}".replace("= <", "<") for metric, p in tests.items()]
    return f"Friedman's test of whether the models differ at all: {', '.join(named)}." if named else ""

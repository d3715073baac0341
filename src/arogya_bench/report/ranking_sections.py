"""The sections about the ranking: how sure it is, where it changes, and which models err together."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from arogya_bench.analysis.agreement import ALL
from arogya_bench.report.columns import Column, Row, any_value, model_name, number, text
from arogya_bench.report.findings import describe_ranks
from arogya_bench.report.ranking_charts import plot_ranks
from arogya_bench.report.section import Section, row_footnotes
from arogya_bench.report.wording import (
    MINUS,
    UNDEFINED,
    format_chance,
    format_count,
    format_number,
    format_percent,
    is_undefined,
)

TO = "\u2013"  # between the ends of a range
TOP = 3
CORRECTED = (
    "The best of several models looks better than it is: corrected is what it would reach on cases that it was not "
    "chosen by."
)
IN_NOTES = "for the reasons in the notes"


def rank_columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    """Two narrow columns of the leaderboard; none in comparisons of earlier versions, or where nothing is known."""
    if not any_value(rows, "rank.ci_low") and not any_value(rows, "p_best"):
        return ()
    return (
        Column(header="rank (95\u00a0%)", format_cell=_rank_range, detail=True),
        Column(header="P(best)", format_cell=lambda row: format_chance(row.get("p_best")), term="p_best"),
    )


def ranks_section(rows: Sequence[Row], metric: str) -> Section:
    """List rank intervals, ties and the optimism of the best model."""
    ranked = sum(not is_undefined(row.get("rank")) for row in rows)
    top = Column(header="P(among 3 best)", format_cell=lambda row: format_chance(row.get("p_top_3")), term="p_top_3")
    columns = (
        text("model"),
        *((top,) if ranked > TOP else ()),  # fewer are all among them
        text("tie_group", "ties"),
        replace(_number("optimism_corrected", f"{metric}, corrected"), empty_reason=IN_NOTES),
        replace(_number("optimism", "optimism"), empty_reason=IN_NOTES),
    )
    corrected = f" {CORRECTED}" if any_value(rows, "optimism_corrected") else ""
    return Section(
        name="ranks",
        title="Ties, and how good the best one is",
        note="Over resamples of the test cases, of several seeds the mean, among the models that can be recommended; "
        "ranks and P(best) stand on the leaderboard. Models that share a letter are not shown to differ."
        f"{corrected}",
        columns=columns,
        records=rows if ranked > 1 else (),
        plot=partial(plot_ranks, rows),
        finding=partial(describe_ranks, rows),
        detail=True,
        footnotes=row_footnotes(rows, model_name),
    )


def _number(key: str, header: str) -> Column:
    """A column of numbers that comparisons of earlier versions do not have."""
    return Column(header=header, format_cell=lambda row: format_number(row.get(key)), numeric=True, key=key, term=key)


def rank_stability_section(rows: Sequence[Row]) -> Section:
    """List how far the ranking stays the same where something else than the model changes."""
    columns = (
        text("source", "over what"),
        Column(header="n", format_cell=lambda row: format_count(row.get("n"))),
        Column(header="Kendall's tau (lowest)", format_cell=_tau),
        Column(header="same order", format_cell=lambda row: format_percent(row.get("same_order"))),
        Column(header="rank of the leader", format_cell=_leader_range),
        text("first", "ranked first"),
    )
    leader = rows[0]["leader"] if rows else ""
    return Section(
        name="rank-stability",
        title="Stability of the ranking",
        note=f"How often the ranking, and {leader} as the first of the models that can be recommended, stay the same. "
        "Tau is 1 for the same order and \u22121 for the reverse; of resamples the lowest is the 2.5 % quantile.",
        columns=columns,
        records=[row for row in rows if row.get("n")],
        detail=True,
        footnotes=row_footnotes(rows, lambda row: str(row["source"])),
    )


def margins_section(rows: Sequence[Row], metric: str, unit: str) -> Section:
    """List the size of the differences, and what they say about the margin."""
    columns = (
        Column(header="pair", format_cell=_pair_name),
        Column(header="effect size", format_cell=lambda row: format_number(row.get("effect_size"), digits=2)),
        Column(header="worst loss", format_cell=lambda row: format_number(row.get("worst_loss"))),
        text("non_inferior", "not worse"),
        text("equivalent"),
        Column(header=f"{unit}s that would decide", format_cell=_needed),
    )
    known = [row for row in rows if not is_undefined(row.get("margin")) and not is_undefined(row.get("worst_loss"))]
    kinds = ", ".join(dict.fromkeys(str(row["effect_size_kind"]) for row in known))
    margin = float(str(known[0]["margin"])) if known else 0.0
    return Section(
        name="margins",
        title="Size of the differences",
        note=f"Worst loss: how much {metric} may lose if the second model is taken in place of the first, with 97.5 % "
        f"confidence; not worse is shown if that is below the margin of {margin:g}, equivalent if the difference lies "
        f"within the margin on both sides. Effect size: {kinds}. The last column has the number of {unit}s at which "
        "80 % of studies would show a difference as large as this one, by itself.",
        columns=columns,
        records=known,
        detail=True,
    )


def agreement_section(rows: Sequence[Row]) -> Section:
    """List on which cases models are right and wrong together."""
    columns = (
        Column(header="models", format_cell=lambda row: ALL if row["a"] == ALL else f"{row['a']}, {row['b']}"),
        Column(header="both right", format_cell=lambda row: format_percent(row.get("both_correct"))),
        Column(header="both wrong", format_cell=lambda row: format_percent(row.get("both_wrong"))),
        Column(header="only first right", format_cell=lambda row: format_percent(row.get("only_a_correct"))),
        Column(header="only second right", format_cell=lambda row: format_percent(row.get("only_b_correct"))),
        number("error_kappa", "kappa of errors", digits=2),
    )
    return Section(
        name="agreement",
        title="Which models err together",
        note="Shares of the test cases. Kappa is 0 where two models err independently, and 1 where they err on the "
        "same cases: models with a low one complement each other.",
        columns=columns,
        records=rows,
        detail=True,
        footnotes=row_footnotes(rows, lambda row: ALL if row["a"] == ALL else _pair_name(row)),
    )


def _rank_range(row: Row) -> str:
    low, high = row.get("rank.ci_low"), row.get("rank.ci_high")
    if is_undefined(low) or is_undefined(high):
        return UNDEFINED
    return _range(low, high)


def _leader_range(row: Row) -> str:
    return _range(row.get("leader_rank_low"), row.get("leader_rank_high"))


def _range(low: object, high: object) -> str:
    first, last = format_count(low), format_count(high)
    return first if first == last else f"{first}{TO}{last}"


def _tau(row: Row) -> str:
    if is_undefined(row.get("tau")):
        return UNDEFINED
    return f"{format_number(row['tau'], digits=2)} ({format_number(row['tau_low'], digits=2)})".replace("-", MINUS)


def _needed(row: Row) -> str:
    if not str(row["conclusion"]).startswith("no difference"):
        return "shown"
    return format_count(row.get("groups_needed"))


def _pair_name(row: Row) -> str:
    return f"{row['a']} {MINUS} {row['b']}"

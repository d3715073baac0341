"""The sections of a report: titles, notes, tables and charts, defined once for all output."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from arogya_bench.report import charts
from arogya_bench.report.columns import Column, Row, interval, number, p_value, percent, text
from arogya_bench.report.wording import MINUS, format_bounds, format_count, format_number, format_percent
from arogya_bench.runtime.console import plural

if TYPE_CHECKING:
    import altair as alt

    Plot = Callable[[], "alt.TopLevelMixin | None"]

TERMINAL_METRICS = 2  # secondary metrics in the brief leaderboard
MAX_MODELS_WITH_SHARE = 4  # beyond it, the robustness overview shows only values


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with a table and possibly a chart.

    Attributes:
        name: Identifies the section in file names.
        note: How to read the table.
        footnotes: Notes on single rows, with their names.
        records: What the columns format, one per row.
        plot: Draws the chart; called on demand, because it imports Altair.
        detail: Whether the terminal omits the section.
    """

    name: str
    title: str
    note: str
    columns: tuple[Column, ...]
    records: Sequence[Any]
    plot: "Plot | None" = None
    detail: bool = False
    footnotes: tuple[str, ...] = ()

    @property
    def headers(self) -> list[str]:
        """The headers of all columns."""
        return [column.header for column in self.columns]

    @property
    def rows(self) -> list[list[str]]:
        """The formatted cells."""
        return [[column.format_cell(record) for column in self.columns] for record in self.records]

    @property
    def chart(self) -> "alt.TopLevelMixin | None":
        """The chart; None if the section has none, or nothing to draw."""
        return self.plot() if self.plot else None

    def brief(self) -> "Section":
        """Return the section with fewer and narrower columns, for a terminal."""
        columns = (column.brief or column for column in self.columns if not column.detail)
        return replace(self, columns=tuple(columns))


def leaderboard_section(rows: Sequence[Row], metric: str, secondary_metrics: Sequence[str]) -> Section:
    """Rank the models on clean images, with the primary and the secondary metrics."""
    in_brief = secondary_metrics[-TERMINAL_METRICS:]
    columns = (
        text("rank", "#"),
        text("model"),
        interval(metric),
        *(replace(interval(name, brief=number(name)), detail=name not in in_brief) for name in secondary_metrics),
        percent("robustness_score", "robustness"),
        number("latency_p50_ms", "p50 (ms)", digits=1),
        number("cost_per_1k_images_usd", "USD/1,000", digits=2),
    )
    size = f"{rows[0]['cases']} test cases in {rows[0]['groups']} independent groups" if rows else ""
    return Section(
        name="leaderboard",
        title="Leaderboard on clean images",
        note=f"{size}. Overlapping intervals do not imply that models are equal; see the pairwise "
        f"comparison. p50 is the median latency; cost is per 1,000 images.",
        columns=columns,
        records=rows,
        plot=partial(charts.plot_leaderboard, rows, metric),
        footnotes=_footnotes(rows, lambda row: str(row["model"])),
    )


def seeds_section(rows: Sequence[Row], metric: str) -> Section:
    """List the training seeds of each model and the spread between them."""
    columns = (
        text("model"),
        text("seeds"),
        number(metric, f"mean {metric}"),
        number("seed_sd", "standard deviation"),
        text("seed_values", "values"),
    )
    several = any(row.get("seed_sd") is not None for row in rows)
    return Section(
        name="seeds",
        title="Training seeds",
        note=f"{metric} of every seed. The spread between seeds is in every interval and test. A model with one "
        "seed stands for that fit; one whose seeds are 'any' does not depend on them.",
        columns=columns,
        records=rows if several else (),
    )


def pairwise_section(rows: Sequence[Row], metric: str) -> Section:
    """List the paired tests."""
    columns = (
        Column(header="pair", format_cell=_pair_name),
        interval("difference", signed=True),
        p_value("p_value", "p", detail=True),
        Column(header="all pairs [95 % CI]", format_cell=_simultaneous_interval),
        p_value("p_adjusted", "p, all pairs"),
        Column(header="discordant", format_cell=lambda row: format_count(row.get("discordant_groups")), detail=True),
        p_value("mcnemar_p", "McNemar p (accuracy)", detail=True),
        text("conclusion"),
    )
    pairs = rows[0]["family"] if rows else 0
    return Section(
        name="pairwise",
        title="Pairwise comparison (paired)",
        note=f"Difference in {metric} on the same cases, better model first. The interval and p are of one pair by "
        f"itself; the conclusion follows from those for {plural(pairs, 'pair')} at once. A difference that is not "
        "shown is not evidence of equality.",
        columns=columns,
        records=rows,
        plot=partial(charts.plot_pairwise, rows, metric),
        footnotes=_footnotes(rows, _pair_name),
    )


def _pair_name(row: Row) -> str:
    return f"{row['a']} {MINUS} {row['b']}"


def _simultaneous_interval(row: Row) -> str:
    return format_bounds(row.get("difference.simultaneous_low"), row.get("difference.simultaneous_high"))


def _footnotes(rows: Sequence[Row], name_of: Callable[[Row], str]) -> tuple[str, ...]:
    """Each distinct note once, with the rows that it concerns."""
    concerned: dict[str, list[str]] = {}
    for row in rows:
        if row.get("note"):
            concerned.setdefault(str(row["note"]), []).append(name_of(row))
    return tuple(
        f"{'All' if len(names) == len(rows) > 1 else ', '.join(names)}: {note}." for note, names in concerned.items()
    )


def robustness_section(rows: Sequence[Row], leaderboard: Sequence[Row], metric: str) -> Section:
    """Tabulate models against conditions; the chart starts at the clean values."""
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    with_share = len(models) <= MAX_MODELS_WITH_SHARE
    by_condition: dict[str, dict[str, str]] = {}
    for row in rows:
        share = f" ({format_percent(row['score'])})" if with_share else ""
        cells = by_condition.setdefault(str(row["condition"]), {})
        cells[str(row["model"])] = f"{format_number(row['value'])}{share}"
    retained = " and the fraction of the clean score that is retained" if with_share else ""
    return Section(
        name="robustness",
        title="Robustness to image degradation",
        note=f"{metric} under each condition{retained}.",
        columns=tuple(
            Column(header=header, format_cell=itemgetter(index)) for index, header in enumerate(["condition", *models])
        ),
        records=[
            [condition, *(cells.get(model, "missing") for model in models)] for condition, cells in by_condition.items()
        ],
        plot=partial(charts.plot_robustness, rows, leaderboard, metric),
    )


def robustness_detail_section(rows: Sequence[Row], metric: str) -> Section:
    """List value and change of each model under each condition, with intervals."""
    columns = (
        text("model"),
        text("condition"),
        interval("value", metric),
        interval("change", signed=True),
        percent("score", "retained"),
    )
    return Section(
        name="robustness-detail",
        title="Change from clean images",
        note=f"{metric} under each condition, the paired change from clean images, and the "
        "fraction of the clean score that is retained. A mean over conditions can hide a single "
        "one in which a model fails.",
        columns=columns,
        records=rows,
        detail=True,
        footnotes=_footnotes(rows, lambda row: f"{row['model']} under {row['condition']}"),
    )


def missing_section(rows: Sequence[Row]) -> Section:
    """List the cells without a finished run and their errors."""
    columns = tuple(map(text, ("model", "condition", "seed", "status", "cause", "message")))
    return Section(
        name="missing",
        title="Missing cells",
        note="These combinations of model, condition and seed have no finished run and are in no other table.",
        columns=columns,
        records=rows,
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

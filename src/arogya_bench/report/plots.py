"""The charts of a comparison by method, for notebooks: ``comparison.plot.robustness()``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.table_frames import to_records
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.figures.prepared import Drawable, PreparedChart
from arogya_bench.report import charts, detail_charts, pareto_chart, quality_charts, speed_charts
from arogya_bench.report.api_charts import plot_api_times
from arogya_bench.report.chapters import rows_of
from arogya_bench.report.columns import Row
from arogya_bench.report.combining_charts import plot_critical_difference
from arogya_bench.report.offline_charts import show_offline
from arogya_bench.report.pair_map import plot_pair_map
from arogya_bench.report.ranking_charts import plot_ranks
from arogya_bench.report.robustness_chart import plot_robustness

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True, kw_only=True, repr=False)
class ComparisonPlots:
    """Charts of Altair, which show themselves in a notebook, also without network, and can be changed and saved.

    With several datasets, ``dataset`` says which; ``model`` is by default the first of the leaderboard. A chart
    without anything to draw is a ``ConfigError`` that says which table is empty.

    Attributes:
        tables: Of the comparison.
    """

    tables: ComparisonTables

    def leaderboard(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return the deciding metric of each model with its interval."""
        rows = self._rows("leaderboard", dataset)
        return _to_altair(charts.plot_leaderboard(rows, self._metric(dataset)), "leaderboard")

    def pairwise(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return the paired differences with the intervals for all pairs at once."""
        return _to_altair(charts.plot_pairwise(self._rows("pairwise", dataset), self._metric(dataset)), "pairwise")

    def pair_map(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return a heat map of the paired differences."""
        return _to_altair(plot_pair_map(self._rows("pairwise", dataset), self._metric(dataset)), "pairwise")

    def ranks(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return 95 % of the ranks of each model over resamples, and how often it is first."""
        return _to_altair(plot_ranks(self._rows("ranks", dataset)), "ranks")

    def robustness(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return the deciding metric against the severity of each augmentation."""
        board = self._rows("leaderboard", dataset)
        chart = plot_robustness(self._rows("robustness", dataset), board, self._metric(dataset))
        return _to_altair(chart, "robustness")

    def pareto(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return the deciding metric against the latency, with the front."""
        best = str(self._facts(dataset)["direction"])
        chart = pareto_chart.plot_pareto(self._rows("pareto", dataset), self._metric(dataset), best=best)
        return _to_altair(chart, "pareto")

    def cost_front(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return the deciding metric against the cost of 1,000 images, with the front."""
        best, by = str(self._facts(dataset)["direction"]), pareto_chart.BY_COST
        chart = pareto_chart.plot_pareto(self._rows("pareto", dataset), self._metric(dataset), best=best, by=by)
        return _to_altair(chart, "pareto")

    def throughput(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return images per second against the batch size."""
        return _to_altair(speed_charts.plot_throughput(self._rows("throughput", dataset)), "throughput")

    def cost(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return the cost of 1,000 images of each model."""
        return _to_altair(speed_charts.plot_cost(self._rows("cost", dataset)), "cost")

    def api_times(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return what the time of an answer consists of, of each model behind an API."""
        return _to_altair(plot_api_times(self._rows("api", dataset)), "api")

    def net_benefit(self, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return the net benefit of each model against the threshold probability."""
        return _to_altair(quality_charts.plot_net_benefit(self._rows("net_benefit", dataset)), "net_benefit")

    def reliability(self, model: str | None = None, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return what is observed against the probability: of one model, or a panel for each."""
        rows = self._rows("reliability", dataset)
        if model is None:
            return _to_altair(detail_charts.plot_reliabilities(rows), "reliability")
        return _to_altair(detail_charts.plot_reliability(_rows_of_model(rows, model)), "reliability")

    def roc(self, model: str | None = None, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return the ROC curves of one model."""
        return _to_altair(detail_charts.plot_roc(self._rows_of_one("roc", model, dataset)), "roc")

    def confusion(self, model: str | None = None, dataset: str | None = None) -> "alt.TopLevelMixin":
        """Return the confusion matrix of one model."""
        return _to_altair(detail_charts.plot_confusion(self._rows_of_one("confusion", model, dataset)), "confusion")

    def critical_difference(self) -> "alt.TopLevelMixin":
        """Return the mean ranks over ten datasets or more, with Nemenyi's critical difference."""
        return _to_altair(plot_critical_difference(to_records(self.tables.across_datasets)), "across_datasets")

    def __repr__(self) -> str:
        """The charts by name, one line each."""
        methods = {name: method for name, method in vars(type(self)).items() if name[0] != "_" and callable(method)}
        lines = [f"  {name}(): {str(method.__doc__).removeprefix('Return ')}" for name, method in methods.items()]
        return "\n".join(["Charts:", *lines])

    def _facts(self, dataset: str | None) -> dict[str, Any]:
        facts: dict[str, dict[str, Any]] = {str(entry["dataset"]): entry for entry in self.tables.about["datasets"]}
        if dataset is None and len(facts) == 1:
            return next(iter(facts.values()))
        names = ", ".join(facts)
        if dataset is None:
            raise ConfigError(f"The comparison has several datasets: {names}.", fix="name one: dataset=…")
        if dataset not in facts:
            hint = did_you_mean(dataset, facts)
            raise ConfigError(f"The comparison has no dataset {dataset!r}.{hint}", fix=f"choose one of {names}.")
        return facts[dataset]

    def _metric(self, dataset: str | None) -> str:
        return str(self._facts(dataset)["metric"])

    def _rows(self, table: str, dataset: str | None) -> list[Row]:
        rows = rows_of(self.tables, table, str(self._facts(dataset)["dataset"]))
        if not rows:
            raise _nothing_to_draw(table)
        return rows

    def _rows_of_one(self, table: str, model: str | None, dataset: str | None) -> list[Row]:
        rows = self._rows(table, dataset)
        return _rows_of_model(rows, model or str(self._rows("leaderboard", dataset)[0]["model"]))


def _rows_of_model(rows: Sequence[Row], model: str) -> list[Row]:
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    if model not in models:
        hint = did_you_mean(model, models)
        raise ConfigError(f"The table has no model {model!r}.{hint}", fix=f"choose one of {', '.join(models)}.")
    return [row for row in rows if row["model"] == model]


def _to_altair(chart: Drawable | None, table: str) -> "alt.TopLevelMixin":
    import altair as alt

    if isinstance(chart, PreparedChart):
        return show_offline(chart.to_altair())
    if not isinstance(chart, alt.TopLevelMixin):
        raise _nothing_to_draw(table)
    return show_offline(chart)


def _nothing_to_draw(table: str) -> ConfigError:
    return ConfigError(
        f"There is nothing to draw: the table {table} has no value that this chart shows.",
        fix=f"look at comparison.{table}; docs/tables.md says when it has rows.",
    )

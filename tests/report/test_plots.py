import altair as alt
import pytest

from arogya_bench.api import Comparison
from arogya_bench.comparison.table_frames import TABLES
from arogya_bench.errors import ConfigError
from arogya_bench.figures.evaluation import to_svg
from arogya_bench.report.plots import ComparisonPlots

OF_MODELS = ("reliability", "roc", "confusion")
WITHOUT_MEASUREMENT = ("leaderboard", "pairwise", "pair_map", "ranks", "robustness", "net_benefit", *OF_MODELS)


@pytest.fixture(scope="module")
def plots(comparison):
    return ComparisonPlots(tables=comparison)


@pytest.mark.parametrize("name", WITHOUT_MEASUREMENT)
def test_each_name_returns_a_chart_of_altair(plots, name):
    chart = getattr(plots, name)()

    assert chart.to_dict()["$schema"].startswith("https://vega.github.io/schema/vega-lite")
    assert to_svg(chart).startswith("<svg")


@pytest.mark.parametrize("name", ["leaderboard", "robustness", "roc"])
def test_a_notebook_shows_a_chart_without_network(plots, name):
    for chart in (getattr(plots, name)(), getattr(plots, name)().properties(background="white")):
        shown = chart._repr_mimebundle_()["text/html"]

        assert "<svg" in shown
        assert "<script" not in shown


def test_a_renderer_of_the_users_choice_shows_charts(plots):
    with alt.renderers.enable("png"):
        shown = plots.leaderboard()._repr_mimebundle_()

    assert "image/png" in (shown[0] if isinstance(shown, tuple) else shown)


@pytest.mark.parametrize("name", ["reliability", "roc"])
def test_a_chart_of_one_model_is_not_that_of_another(plots, name):
    assert to_svg(getattr(plots, name)("opencv")) != to_svg(getattr(plots, name)("prior"))


@pytest.mark.parametrize("name", OF_MODELS)
def test_a_chart_of_one_model_names_those_there_are(plots, name):
    with pytest.raises(ConfigError, match="no model 'opencvv'") as error:
        getattr(plots, name)("opencvv")
    assert "choose one of opencv, prior" in str(error.value)


def test_a_table_without_rows_is_named(plots):
    with pytest.raises(ConfigError, match="the table throughput has no value") as error:
        plots.throughput()
    assert "comparison.throughput" in str(error.value)
    with pytest.raises(ConfigError, match="the table across_datasets"):
        plots.critical_difference()


def test_several_datasets_need_a_name(twofold):
    plots = ComparisonPlots(tables=twofold)

    with pytest.raises(ConfigError, match="several datasets: synthetic-60x3, clinic"):
        plots.leaderboard()
    with pytest.raises(ConfigError, match="Did you mean 'clinic'"):
        plots.leaderboard("clinics")
    assert "opencv" in to_svg(plots.leaderboard("clinic"))


def test_the_accessor_prints_every_chart(comparison):
    tables = Comparison(about=comparison.about, **{name: getattr(comparison, name) for name in TABLES})

    printed = repr(tables.plot)

    charts = [name for name in dir(tables.plot) if not name.startswith("_") and name != "tables"]
    assert len(charts) == 15
    assert all(f"  {name}(): " in printed for name in charts)

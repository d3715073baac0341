"""What results show of themselves in a notebook: verdict, leaderboard, charts in words too, and where the runs are."""

from dataclasses import replace
from xml.etree import ElementTree

import pandas as pd
import pytest

from arogya_bench.figures import theme
from arogya_bench.report.notebook import MAX_CHARTED, MAX_ROWS, comparison_html, runs_link, sweep_html

SVG = "{http://www.w3.org/2000/svg}svg"
CELLS = [("opencv", "clean", 0.5), ("prior", "clean", 0.25), *[("opencv", f"blur_{n}", 0.4) for n in range(MAX_ROWS)]]


@pytest.fixture(scope="module")
def evaluations():
    rows = [
        {"dataset": "clinic", "model": model, "condition": condition, "seed": 42, "f1_macro": value}
        | {"f1_macro.ci_low": value - 0.1, "f1_macro.ci_high": value + 0.1}
        for model, condition, value in reversed(CELLS)
    ]
    return pd.DataFrame(rows)


def parsed(html):
    return ElementTree.fromstring(html)


def test_a_comparison_shows_its_charts_and_says_what_they_show(comparison):
    html = comparison_html(comparison)

    charts = list(parsed(html).iter(SVG))
    assert [chart.get("role") for chart in charts] == ["img", "img"]
    assert "opencv" in charts[0].get("aria-label")
    assert len(html) < 150_000


def test_metrics_have_the_names_of_the_field(comparison):
    html = comparison_html(comparison)

    assert "macro F1 [95 % CI]" in html
    assert "Leaderboard by macro F1" in html
    assert "f1_macro" not in html


def test_charts_are_on_white_unless_the_notebook_is_dark(comparison):
    html = comparison_html(comparison)

    (name, light, dark), *_ = theme.VARIABLES
    assert f"var(--chart-{name}, {light})" in html
    rule = html.partition("<style>")[2].partition("</style>")[0]
    assert "[data-jp-theme-light=false] .arogya-bench" in rule
    assert f"--chart-{name}: {dark};" in rule


def test_many_datasets_keep_their_tables_without_charts(comparison):
    names = ("verdict", "leaderboard", "robustness")
    copies = {
        name: pd.concat([getattr(comparison, name).assign(dataset=f"clinic {n}") for n in range(MAX_CHARTED + 2)])
        for name in names
    }

    html = parsed(comparison_html(replace(comparison, **copies)))

    assert len(list(html.iter("table"))) == MAX_CHARTED + 2
    assert len(list(html.iter(SVG))) == 2 * MAX_CHARTED


def test_a_sweep_shows_clean_evaluations_first_and_says_how_many_there_are(evaluations):
    html = parsed(sweep_html("Sweep", evaluations, evaluations.head(0), metric="f1_macro", store=None, run_id="r"))

    cells = [cell.text for cell in html.iter("td")]
    assert cells[1:3] == ["prior", "clean"]
    assert f"The first {MAX_ROWS} of {len(CELLS)} rows." in "".join(html.itertext())
    (chart,) = html.iter(SVG)
    assert "opencv" in chart.get("aria-label")


def test_cells_that_failed_are_listed_with_their_cause(evaluations):
    failed = pd.DataFrame([{"model": "cnn <1>", "cause": "MemoryError", "message": "no room"}])

    html = parsed(sweep_html("Sweep", evaluations.head(0), failed, metric="f1_macro", store=None, run_id="r"))

    assert {"cnn <1>", "MemoryError"} <= {cell.text for cell in html.iter("td")}
    assert list(html.iter(SVG)) == []


def test_runs_of_a_server_are_linked_at_its_address(store):
    served = replace(store, uri="http://user:secret@mlflow.hospital:5000/", experiment_id="7")

    link = parsed(runs_link(served, "abc"))[0]

    assert link.get("href") == "http://mlflow.hospital:5000/#/experiments/7/runs/abc?workflowType=machine_learning"


def test_runs_of_a_local_store_are_linked_with_the_command_that_shows_them(store):
    text = "".join(parsed(runs_link(store)).itertext())

    assert text.startswith("The runs in MLflow, after mlflow ui")

"""What `import arogya_bench` gives: sweeps and evaluations from Python, and how their results show themselves."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import arogya_bench
from arogya_bench.analysis.table_rows import bounds
from arogya_bench.comparison.table_frames import TABLES, to_table
from arogya_bench.errors import ConfigError
from arogya_bench.models.prior import Prior
from arogya_bench.sweeps.sweep_end import SweepEnd
from arogya_bench.tracking.runs import start_run

SMALL = {"dataset.cases": 120, "dataset.classes": 3, "dataset.image_size": 32, "statistics.resamples": 2000}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda image: image, "model is a function, which is no adapter: it has no 'adapter_name'."),
        (len, "model is the function len"),
        (Prior, "model is the class Prior, and not an object of it."),
        (np.zeros(3), "model is a value of the type ndarray"),
        (None, "model is a value of the type NoneType"),
    ],
)
def test_a_model_that_is_no_adapter_is_refused_in_words(model, message):
    with pytest.raises(ConfigError) as refused:
        arogya_bench.evaluate(model, "synthetic")

    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": 3}, "dataset is a value of the type int, which is no source of cases"),
        ({"dataset": "images/good"}, "'images/good' is neither a folder nor an option"),
        ({"augmentation": ["clean"]}, "augmentation is a value of the type list, and evaluate tests one condition."),
        ({"overrides": "image_size=64"}, "overrides is 'image_size=64', which is no list of texts."),
        ({"overrides": 3}, "overrides is 3, which is no list of texts."),
        ({"tracking_uri": 3}, "tracking_uri is of the type int, and not a text."),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ConfigError) as refused:
        arogya_bench.evaluate("prior", **{"dataset": "synthetic", **arguments})

    assert str(refused.value).startswith(message)


def test_an_experiment_is_a_name():
    with pytest.raises(ConfigError, match="experiment is of the type DataFrame, which is no name"):
        arogya_bench.compare(pd.DataFrame({"a": [1]}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": 3}, "metric is of the type int, and not a text."),
        ({"limits": [1]}, "limits is of the type list, and not a file or a mapping."),
        ({"prices": 3}, "prices is of the type int, and not a file or PriceList."),
        ({"literature": 3}, "literature is of the type int, and not a file or a list."),
        ({"margin": "a"}, "margin is of the type str, and not a number."),
        ({"where": 3}, "where is of the type int, and not a text."),
        ({"sweep": 3}, "sweep is of the type int, and not a text."),
        ({"run_ids": [3]}, "run_ids is of the type list, and not a list of texts."),
        ({"tracking_uri": 3}, "tracking_uri is of the type int, and not a text."),
    ],
)
def test_a_wrong_argument_of_a_comparison_is_named(arguments, message):
    with pytest.raises(ConfigError) as refused:
        arogya_bench.compare("study", **arguments)

    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("run_id", [3, None, ["a"]])
def test_predictions_are_loaded_by_one_run_id(run_id):
    with pytest.raises(ConfigError, match="run_id is"):
        arogya_bench.load_predictions(run_id)


def test_a_folder_of_images_is_evaluated_by_its_path(tmp_path, monkeypatch, store):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0)
    for number in range(60):
        file = Path("Bilder (1), a=b") / ("good", "bad")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(file)

    found = arogya_bench.evaluate(
        "prior",
        "Bilder (1), a=b",
        tracking_uri=store.uri,
        overrides={"statistics.resamples": 2000, "tracking.experiment": store.experiment},
    )

    assert (found.dataset, found.predictions.classes) == ("Bilder (1), a=b", ("bad", "good"))
    assert repr(found).startswith("Evaluation(prior on Bilder (1), a=b, clean, 6 cases: f1_macro 0.333 [")
    assert "c00" not in repr(found)
    table = found.scores.table().set_index("metric")
    assert table.loc["accuracy", "ci_low"] <= table.loc["accuracy", "value"] == 0.5
    html = ElementTree.fromstring(f"<div>{found._repr_html_()}</div>")
    assert {"accuracy", "f1_macro"} <= {cell.text for cell in html.iter("td")}


def interval(*ends):
    return dict(zip(bounds("f1_macro"), ends, strict=True))


def test_a_comparison_shows_its_verdict_in_full():
    reason = "opencv is better than prior on 36 patients: " + "the difference is shown, " * 9
    rows = {
        "verdict": [{"dataset": "a & b", "metric": "f1_macro", "reason": reason}],
        "leaderboard": [
            {"dataset": "a & b", "rank": 1, "model": "opencv", **interval(0.5, 0.25, 0.75)},
            {"dataset": "a & b", "rank": 2, "model": "prior <1>", **interval(0.25, None, None)},
        ],
        "missing": [{"dataset": "a & b", "model": "cnn"}],
    }
    tables = {name: to_table(name, [{"note": "", **row} for row in rows.get(name, [])]) for name in TABLES}
    comparison = arogya_bench.Comparison(about={"experiment": "study"}, **tables)

    html = ElementTree.fromstring(f"<div>{comparison._repr_html_()}</div>")

    assert any(reason in text for text in html.itertext())
    cells = [cell.text for cell in html.iter("td")]
    assert cells[:3] == ["1", "opencv", "0.500 [0.250, 0.750]"]
    assert cells[4:6] == ["prior <1>", "0.250 [no interval]"]
    assert "1 cell is missing" in "".join(html.itertext())
    assert repr(comparison) == f"Comparison of study\na & b: {reason}"


def test_a_sweep_lists_the_cells_that_did_not_finish(logged, store):
    parent = start_run(store, "sweep", {"arogya.kind": "sweep"})
    child = {"mlflow.parentRunId": parent}
    finished = logged("a", tags={**child, "arogya.cell_key": "1"})
    logged("a", tags={**child, "arogya.cell_key": "1"}, status="FAILED")  # a worker was lost; then it was retried
    failed = logged("b", tags={**child, "arogya.cell_key": "2", "arogya.error": "ModelError"}, status="FAILED")
    earlier = logged("c", tags={"arogya.cell_key": "3"})
    logged("d", tags={"arogya.cell_key": "4"})

    ended = SweepEnd(exit_code=3, store=store, run_id=parent, cells=frozenset("123"))

    assert ended.evaluations() == [finished, earlier]
    (row,) = ended.failures()
    assert (row["model"], row["condition"], row["seed"]) == ("b", "clean", "42")
    assert (row["status"], row["cause"], row["run_id"]) == ("FAILED", "ModelError", failed)


@pytest.mark.slow
def test_a_sweep_from_python_gives_tables(store):
    asked = {
        "model": ["prior", "opencv"],
        "seed": [1, 2],
        "experiment": store.experiment,
        "tracking_uri": store.uri,
        "overrides": SMALL,
    }

    first = arogya_bench.run(**asked)
    again = arogya_bench.run(**{**asked, "model": "opencv"})

    assert (first.state, first.exit_code, len(first.run_ids)) == ("finished", 0, 4)
    assert set(again.run_ids) < set(first.run_ids)  # nothing is computed twice
    assert set(first.evaluations["seed"]) == {1, 2}
    assert first.evaluations["f1_macro"].dtype == "float64"
    board = first.leaderboard.set_index("model")
    assert set(board.loc["opencv", "run_ids"]) == set(again.run_ids)
    assert list(again.compare().leaderboard["model"]) == ["opencv"]
    assert repr(first).startswith("Sweep(finished: 4 evaluations;")
    html = ElementTree.fromstring(f"<div>{first._repr_html_()}</div>")
    assert {"prior", "opencv"} <= {cell.text for cell in html.iter("td")}

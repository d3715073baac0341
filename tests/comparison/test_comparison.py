import json
import os
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pypdf import PdfReader

from arogya_bench import Comparison, compare, load_predictions
from arogya_bench.comparison.comparison import RESAMPLES
from arogya_bench.comparison.table_frames import TABLES
from arogya_bench.errors import ConfigError, TrackingError
from arogya_bench.metrics.classification import INTERVAL_METRICS, METRICS
from arogya_bench.metrics.flags import OBSERVED_CLASS_METRICS
from arogya_bench.report.content import build_report
from arogya_bench.report.document import render_pdf
from arogya_bench.report.page import render_html
from arogya_bench.report.terminal import print_comparison
from arogya_bench.tracking.artifacts import local_folders
from arogya_bench.tracking.runs import search_runs

AGAIN = """
import sys
from pathlib import Path
from arogya_bench import compare
uri, out = sys.argv[1], Path(sys.argv[2])
comparison = compare("study", tracking_uri=uri)
comparison.to_json(out / "comparison.json")
comparison.to_csv(out / "tables")
comparison.to_html(out / "report.html")
"""


def written(comparison, folder):
    folder.mkdir()
    comparison.to_json(folder / "comparison.json")
    comparison.to_csv(folder / "tables")
    comparison.to_html(folder / "report.html")
    return contents(folder)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_same_runs_give_the_same_bytes_without_images_and_weights(study, tmp_path):
    """A fresh process, another hash seed, an empty cache: MLflow alone decides every byte."""
    before = written(compare("study", tracking_uri=study.uri), tmp_path / "before")
    for run in search_runs(study, "tags.`arogya.kind` = 'fit'"):
        (model,) = (folder for folder in local_folders(run, store=study) if str(folder) != run.artifact_uri)
        shutil.rmtree(model)
    (tmp_path / "after").mkdir()
    elsewhere = {"AROGYA_CACHE": str(tmp_path / "no-cache"), "PYTHONHASHSEED": "7"}

    subprocess.run(
        [sys.executable, "-c", AGAIN, study.uri, str(tmp_path / "after")],
        env={**os.environ, **elsewhere},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )

    assert contents(tmp_path / "after") == before
    assert len(before) == 2 + len(TABLES)
    assert not (tmp_path / "no-cache").exists()


def test_intervals_are_those_that_the_run_was_logged_with(comparison, finished):
    for row in comparison.leaderboard.to_dict("records"):
        (run,) = search_runs(
            finished,
            "tags.`arogya.condition` = 'clean' and tags.`arogya.kind` = 'evaluation' and "
            f"tags.`arogya.model` = '{row['model']}'",
        )
        for name in set(INTERVAL_METRICS) & set(METRICS):
            # A resample may predict a class that it has no case of, and a small class borrows its spread.
            if name in OBSERVED_CLASS_METRICS or METRICS[name].averaged_over != "cases":
                assert row.get(f"{name}.as_logged", row[name]) == pytest.approx(
                    run.metrics.get(name, np.nan), abs=1e-12, nan_ok=True
                )
                continue
            for key in (name, f"{name}.ci_low", f"{name}.ci_high"):
                logged = run.metrics.get(key, np.nan)  # prior has values and no intervals
                shown = np.nan if row[key] is None else row[key]  # a column that none has
                assert shown == pytest.approx(logged, abs=1e-12, nan_ok=True)


def test_degraded_values_are_those_that_the_run_was_logged_with(comparison, finished):
    runs = search_runs(finished, "tags.`arogya.augmentation` = 'gaussian_noise'")

    rows = comparison.robustness.to_dict("records")

    found = {(row["model"], row["condition"]): row["value"] for row in rows}
    expected = {(run.tags["arogya.model"], run.tags["arogya.condition"]): run.metrics["f1_macro"] for run in runs}
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_comparison_says_how_it_was_made(comparison):
    about = comparison.about

    assert (about["experiment"], about["metric"], about["direction"]) == ("study", "f1_macro", "high")
    assert (about["resamples"], about["evaluations"]) == (RESAMPLES, 6)
    assert [each["dataset"] for each in about["datasets"]] == ["synthetic-60x3"]


def test_json_holds_no_number_that_json_does_not_know(comparison):
    def refuse(name):
        raise AssertionError(name)

    stored = json.loads(comparison.to_json(), parse_constant=refuse)

    assert list(stored) == ["about", *TABLES]


def test_what_is_read_back_gives_the_same_page(comparison, tmp_path):
    comparison.to_html(tmp_path / "before.html")

    again = Comparison.from_json(comparison.to_json())
    again.to_html(tmp_path / "after.html")

    assert again.to_json() == comparison.to_json()
    assert list(again.missing.columns) == list(comparison.missing.columns)
    assert (tmp_path / "after.html").read_bytes() == (tmp_path / "before.html").read_bytes()


def test_csv_has_a_file_per_table(comparison, tmp_path):
    comparison.to_csv(tmp_path / "new" / "tables")

    files = {path.name for path in (tmp_path / "new" / "tables").iterdir()}
    assert files == {f"{name}.csv" for name in TABLES}
    board = pd.read_csv(tmp_path / "new" / "tables" / "leaderboard.csv")
    np.testing.assert_allclose(board["f1_macro"], comparison.leaderboard["f1_macro"].astype(float))


def test_nothing_missing_is_an_empty_table_with_its_columns(comparison):
    assert len(comparison.missing) == 0
    assert {"dataset", "model", "condition", "status", "cause"} <= set(comparison.missing.columns)


def test_an_unknown_metric_names_the_nearest(store):
    with pytest.raises(ConfigError, match=r"'f1_marco'\. Did you mean 'f1_macro'\?") as refusal:
        compare("study", tracking_uri=store.uri, metric="f1_marco")

    assert "auroc_macro_ovr" in refusal.value.fix


def test_an_experiment_without_evaluations_is_refused(store):
    with pytest.raises(TrackingError, match="no finished evaluation"):
        compare("study", tracking_uri=store.uri)


def test_a_filter_leaves_rows_out(logged, store):
    logged("a")
    logged("b", draw=1)

    found = compare("study", tracking_uri=store.uri, where="tags.`arogya.model` = 'b'")

    assert list(found.leaderboard["model"]) == ["b"]


@pytest.fixture
def one_failed(logged, store, roster):
    """Two models finished on one dataset; on another they failed."""
    failure = {"arogya.error": "MemoryError", "arogya.error_message": "no room\nfor the kernel"}
    for draw, name in enumerate("ab"):
        logged(name, draw=draw)
        logged(name, source=roster(name="clinic", digest="c" * 32), status="FAILED", tags=failure)
    return compare("study", tracking_uri=store.uri)


def test_a_dataset_on_which_everything_failed_is_listed(one_failed):
    (failed,) = one_failed.about["datasets_without_result"]
    missing = one_failed.missing[one_failed.missing["dataset"] == "clinic"]

    assert failed["dataset"] == "clinic"
    assert failed["reason"] == "No evaluation finished (2 failed). MemoryError: no room"
    assert list(missing["model"]) == ["a", "b"]
    assert set(missing["cause"]) == {"MemoryError"}
    assert list(one_failed.verdict["dataset"]) == ["roster"]


def test_a_dataset_on_which_everything_failed_is_in_every_output(one_failed, tmp_path, capsys):
    one_failed.to_csv(tmp_path)
    print_comparison(one_failed)
    terminal = " ".join(capsys.readouterr().out.split())

    for text in (terminal, " ".join(render_html(one_failed).split())):
        assert "Without a result, because no evaluation finished: clinic." in text
        assert "No evaluation finished (2 failed). MemoryError: no room" in text
    assert "clinic" in (tmp_path / "missing.csv").read_text()
    again = Comparison.from_json(one_failed.to_json())
    assert [each.dataset for each in build_report(again).datasets] == ["roster", "clinic"]
    with BytesIO(render_pdf(one_failed)) as file:
        pages = [" ".join(page.extract_text().split()) for page in PdfReader(file).pages]
    assert "no evaluation finished: clinic." in pages[0]
    assert "No evaluation finished (2 failed)" in " ".join(pages)


def test_a_dataset_that_fails_is_new_evidence(logged, store, roster):
    logged("a")
    before = compare("study", tracking_uri=store.uri).about["key"]
    logged("a", source=roster(name="clinic", digest="c" * 32), status="FAILED")

    assert compare("study", tracking_uri=store.uri).about["key"] != before


def test_the_filter_is_part_of_the_comparison_and_of_its_key(logged, store):
    logged("a")
    where = "tags.`arogya.model` = 'a'"

    unfiltered = compare("study", tracking_uri=store.uri)
    filtered = compare("study", tracking_uri=store.uri, where=f" {where} ")

    assert (unfiltered.about["where"], filtered.about["where"]) == ("", where)
    assert unfiltered.about["evaluations"] == filtered.about["evaluations"] == 1
    assert unfiltered.about["key"] != filtered.about["key"]
    assert json.loads(filtered.to_json())["about"]["where"] == where


def test_a_comparison_of_an_earlier_version_has_no_filter(comparison):
    stored = json.loads(comparison.to_json())
    del stored["about"]["where"]

    again = Comparison.from_json(json.dumps(stored))

    assert again.about["where"] == ""
    assert "filter" not in build_report(again).subtitle


def test_two_contents_are_compared_apart(logged, store, roster):
    for digest in ("a" * 32, "b" * 32):
        for draw, name in enumerate("xy"):
            logged(name, draw=draw, source=roster(digest=digest))

    found = compare("study", tracking_uri=store.uri)

    assert found.verdict["dataset"].nunique() == 2
    assert list(found.leaderboard["rank"]) == [1, 2, 1, 2]
    assert list(found.pairwise["family"]) == [1, 1]


def test_another_metric_ranks_and_tests_by_that_metric(logged, store):
    logged("strong", skill=4.0)
    logged("weak", skill=0.0, draw=1)

    found = compare("study", tracking_uri=store.uri, metric="nll")

    assert list(found.leaderboard["model"]) == ["strong", "weak"]
    assert found.about["direction"] == "low"
    assert set(found.pairwise["metric"]) == {"nll"}


def test_new_evidence_has_a_new_key(logged, store):
    logged("a")
    before = compare("study", tracking_uri=store.uri).about["key"]
    logged("a", draw=1)

    assert compare("study", tracking_uri=store.uri).about["key"] != before


def test_a_failure_is_new_evidence(logged, store):
    logged("a")
    before = compare("study", tracking_uri=store.uri).about["key"]
    logged("b", status="FAILED")

    assert compare("study", tracking_uri=store.uri).about["key"] != before


def test_the_same_evidence_has_the_same_key(logged, store):
    logged("a")
    before = compare("study", tracking_uri=store.uri).about["key"]

    assert compare("study", tracking_uri=store.uri).about["key"] == before


def test_the_default_store_is_that_of_the_folder(logged, store, tmp_path, monkeypatch):
    logged("a")
    monkeypatch.chdir(tmp_path)

    assert list(compare("study").leaderboard["model"]) == ["a"]


def test_the_variable_of_mlflow_names_the_store(logged, store, tmp_path, monkeypatch):
    run_id = logged("a")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)

    assert list(compare("study").leaderboard["model"]) == ["a"]
    assert len(load_predictions(run_id)) == 72


def test_the_predictions_of_an_evaluation_are_its_test_cases(finished, comparison):
    (run,) = search_runs(finished, "tags.`arogya.condition` = 'clean' and tags.`arogya.model` = 'opencv'")

    table = load_predictions(run.run_id, tracking_uri=finished.uri)

    assert len(table) == comparison.leaderboard["cases"].iloc[0]
    assert {"case_id", "group_id", "site", "target", "predicted", "p_alder"} <= set(table.columns)


def test_the_predictions_of_a_fit_are_its_validation_cases(finished):
    run = search_runs(finished, "tags.`arogya.kind` = 'fit'")[0]

    table = load_predictions(run.run_id, tracking_uri=finished.uri)

    stored = Path(run.artifact_uri) / "predictions_validation.parquet"
    pd.testing.assert_frame_equal(table, pd.read_parquet(stored))


def test_a_run_without_predictions_says_so(finished):
    (sweep,) = search_runs(finished, "tags.`arogya.kind` = 'sweep'")

    with pytest.raises(TrackingError, match=r"no artifact 'predictions\.parquet'"):
        load_predictions(sweep.run_id, tracking_uri=finished.uri)


def test_predictions_of_an_unknown_run_are_refused(finished):
    with pytest.raises(TrackingError, match="nothing-like-it"):
        load_predictions("nothing-like-it", tracking_uri=finished.uri)


def test_looking_for_predictions_makes_no_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(TrackingError, match="no MLflow store"):
        load_predictions("some-run")

    assert list(tmp_path.iterdir()) == []

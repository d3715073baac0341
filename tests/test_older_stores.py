"""Stores of earlier versions can still be read."""

import json
import sqlite3
import tarfile
from pathlib import Path

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

import arogya_bench
from arogya_bench import Comparison
from arogya_bench.cli.compare import run_report
from arogya_bench.comparison.table_frames import TABLES
from arogya_bench.serving import ServedModel
from arogya_bench.tracking.artifacts import fetch_model_files
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.store import open_store

# Written by the last commit before the keys lost their module paths: two models, 60 synthetic cases,
# clean images and one noise.
ARCHIVE = Path(__file__).parent / "older_stores" / "0.1.0.tar.gz"
MADE_IN = "/older-store"


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """The folder of the store, with the absolute paths of its artifacts corrected."""
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    with sqlite3.connect(folder / "mlflow.db") as database:
        for table, column in (
            ("experiments", "artifact_location"),
            ("runs", "artifact_uri"),
            ("logged_models", "artifact_location"),
        ):
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (MADE_IN, str(folder)))
    return folder


@pytest.fixture(scope="module")
def uri(older):
    return f"sqlite:///{older / 'mlflow.db'}"


# Columns whose method this version changed: intervals, tests, sentences, the class set of macro averages.
CHANGED = (
    ".ci_low", ".ci_high", "p_value", "p_adjusted", "method", "conclusion", "reason", "note", "worst_condition",
    "seeds", "seeded", "seed_values", "family", "rank",
)  # fmt: skip


def unchanged_columns(again, before):
    kept = [column for column in before if column in again and not column.endswith(CHANGED)]
    return [column for column in kept if f"{column}.as_logged" not in again]


def sort_models(table):
    """Models that share a place were once in the order of their runs, and are in that of their names now."""
    if "models" in table:
        return table.assign(models=[", ".join(sorted(names.split(", "))) for names in table["models"]])
    if "a" in table:
        tied = table["difference"] == 0
        swapped = table.rename(
            columns={"a": "b", "b": "a", "only_a_correct": "only_b_correct", "only_b_correct": "only_a_correct"}
        )
        return table.where(~tied | (table["a"] < table["b"]), swapped[table.columns])
    keys = [key for key in ("dataset", "model", "condition") if key in table]
    return table.sort_values(keys).reset_index(drop=True) if "model" in keys else table


def test_a_comparison_of_an_older_store_has_the_same_values(older, uri):
    text = (older / "reports" / "comparison.json").read_text()
    written, stored = Comparison.from_json(text), json.loads(text)

    compared = arogya_bench.compare("study", tracking_uri=uri)

    for name in (name for name in TABLES if name in stored):  # later versions added the others
        again, before = (
            sort_models(getattr(tables, name)) for tables in (Comparison.from_json(compared.to_json()), written)
        )
        columns = unchanged_columns(again, before)
        assert len(columns) >= min(5, len(before.columns) // 2)
        assert_frame_equal(again[columns], before[columns])
    for again, before in zip(compared.about["datasets"], written.about["datasets"], strict=True):
        known = {key: again[key] for key in before}  # later versions say more
        assert {**known, "summary": before["summary"], "gate_findings": []} == {**before, "gate_findings": []}


def test_a_logged_comparison_of_an_older_store_is_exported(uri, tmp_path):
    store = open_store(uri, "study", create=False)
    (run,) = search_runs(store, "tags.`arogya.kind` = 'comparison'")

    code = run_report("study", tracking_uri=uri, run_id=run.run_id, formats=["html", "csv"], out=tmp_path)

    assert code == 0
    assert "only_a_correct" in (tmp_path / "tables" / "pairwise.csv").read_text()
    assert "Methods" in (tmp_path / "report.html").read_text()


def test_tags_of_an_older_store_have_their_current_names(uri):
    store = open_store(uri, "study", create=False)

    runs = search_runs(store, "tags.`arogya.kind` = 'evaluation'")

    assert runs
    for run in runs:
        assert {"arogya.cell_key", "arogya.fit_key", "arogya.model_config_digest"} <= set(run.tags)
        assert not {"arogya.cell", "arogya.fit", "arogya.row"} & set(run.tags)


def test_predictions_of_an_older_store_are_loaded(uri):
    store = open_store(uri, "study", create=False)
    (run,) = search_runs(store, "tags.`arogya.condition` = 'clean' and tags.`arogya.model` = 'opencv'")

    predictions = arogya_bench.load_predictions(run.run_id, tracking_uri=uri)

    assert list(predictions.columns[:2]) == ["case_id", "group_id"]
    assert set(predictions["predicted"]) <= set(predictions["target"]) | {"class_0"}


def test_models_of_an_older_store_are_served(uri):
    store = open_store(uri, "study", create=False)
    image = np.full((32, 32, 3), 99, np.uint8)

    for run in search_runs(store, "tags.`arogya.kind` = 'fit'"):
        with fetch_model_files(run, store=store) as folder:
            assert "target" in json.loads((folder / "adapter.json").read_text())
            served = ServedModel(folder)
            np.testing.assert_allclose(served.predict([image]).sum(axis=1), 1)

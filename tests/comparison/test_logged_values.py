"""Logged values come straight from the runs."""

import shutil
from pathlib import Path

import pytest

from arogya_bench import list_evaluations
from arogya_bench.errors import TrackingError
from arogya_bench.tracking.runs import get_run, search_runs


def test_the_values_and_bounds_are_those_of_the_runs(study):
    for run in search_runs(study, "tags.`arogya.kind` = 'evaluation'"):
        shutil.rmtree(Path(run.artifact_uri))  # no file is read

    table = list_evaluations("study", tracking_uri=study.uri)

    assert sorted(zip(table["model"], table["condition"], strict=True)) == [
        (model, condition)
        for model in ("opencv", "prior")
        for condition in ("clean", "gaussian_noise_0.1", "gaussian_noise_0.3")
    ]
    row = table.iloc[2]
    metrics = get_run(study.uri, row["run_id"]).metrics
    for name in ("accuracy", "accuracy.ci_low", "accuracy.ci_high", "f1_macro"):
        assert row[name] == metrics[name]


def test_the_newest_run_of_a_cell_counts_and_failed_ones_do_not(logged, store):
    logged("a")
    newest = logged("a")
    logged("b", status="FAILED")

    table = list_evaluations("study", tracking_uri=store.uri)

    assert list(table["run_id"]) == [newest]


def test_without_a_finished_evaluation_there_is_nothing_to_list(store):
    with pytest.raises(TrackingError, match="no finished evaluation"):
        list_evaluations("study", tracking_uri=store.uri)


def test_the_command_writes_them_and_logs_nothing(study, command):
    ended = command("compare", "--logged", "study", "--where", "tags.`arogya.condition` = 'clean'")

    assert ended.code == 0
    assert "2 evaluations" in ended.out + ended.err
    assert not search_runs(study, "tags.`arogya.kind` = 'comparison'")

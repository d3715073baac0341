import json
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from arogya_bench.errors import TrackingError
from arogya_bench.tracking import artifacts
from arogya_bench.tracking.items import (
    Curves,
    DatasetInput,
    Folder,
    Params,
    ParquetTable,
    Scalars,
    TableView,
    Tags,
    Text,
)
from arogya_bench.tracking.mlflow_run import check_mlflow_run, take_over_mlflow_run
from arogya_bench.tracking.runs import close_on_error, get_run, search_runs, start_run, tag_experiment, write_items
from arogya_bench.tracking.store import open_store


@pytest.fixture
def run(store):
    """A run that has begun, and what to do with it."""
    run_id = start_run(store, "a run", {"arogya.kind": "evaluation"})
    return SimpleNamespace(
        id=run_id,
        write=lambda *items: write_items(store, run_id, items),
        read=lambda: get_run(store.uri, run_id),
        history=lambda name: store.client.get_metric_history(run_id, name),
    )


def stop(store, run_id, error):
    with pytest.raises(type(error)), close_on_error(store, run_id):
        raise error


def test_a_run_starts_with_its_tags_and_its_parent(store, run):
    child = start_run(store, "a child", {"arogya.kind": "fit"}, parent=run.id)

    found = get_run(store.uri, child)

    assert (found.name, found.status) == ("a child", "RUNNING")
    assert found.tags["arogya.kind"] == "fit"
    assert found.tags["mlflow.parentRunId"] == run.id


def test_a_run_does_not_name_the_user(run):
    assert set(run.read().tags) == {"arogya.kind", "arogya.process", "mlflow.runName"}


def test_a_run_named_in_the_environment_is_left_alone(store, run, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", run.id)

    assert start_run(store, "another", {}) != run.id


def test_the_run_of_mlflow_is_adopted_once(store, run, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", run.id)

    assert take_over_mlflow_run(store) == run.id
    assert take_over_mlflow_run(store) is None


def test_a_run_of_another_experiment_is_not_adopted(store, run, monkeypatch):
    other = open_store(store.uri, "another", create=True)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.id)

    assert take_over_mlflow_run(other) is None


@pytest.mark.parametrize(("status", "allowed"), [("RUNNING", True), ("FINISHED", False), ("KILLED", False)])
def test_a_run_that_has_ended_is_left_over_in_the_shell(store, run, monkeypatch, status, allowed):
    store.client.update_run(run.id, status=status)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.id)

    with nullcontext() if allowed else pytest.raises(TrackingError, match=r"(?s)MLFLOW_RUN_ID.*ended.*unset"):
        check_mlflow_run(store.uri)


@pytest.mark.parametrize("run_id", ["0123456789abcdef0123456789abcdef", "no/run id"])
@pytest.mark.parametrize("database", ["mlflow.db", "nowhere.db"])
def test_a_run_that_is_not_there_names_the_variable(store, tmp_path, monkeypatch, run_id, database):
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)

    with pytest.raises(TrackingError, match=r"(?s)MLFLOW_RUN_ID names the run.*Fix: unset MLFLOW_RUN_ID"):
        check_mlflow_run(f"sqlite:///{tmp_path}/{database}")


def test_everything_that_an_evaluation_leaves_arrives(run):
    rows = pd.DataFrame({"case_id": [f"c{i}" for i in range(10_000)], "p": np.linspace(0, 1, 10000)})
    metrics = {f"metric_{i}": i / 60 for i in range(60)}

    run.write(Scalars(values=metrics), ParquetTable(file="predictions.parquet", rows=rows))

    assert run.read().metrics == metrics


def test_params_are_kept_as_words(run):
    run.write(Params(values={"C": 1.0, "gamma": None, "classes": ("a", "b")}))

    assert run.read().params == {"C": "1.0", "gamma": "None", "classes": "('a', 'b')"}


def test_more_than_a_batch_takes_is_written_in_parts(run):
    params = {f"param_{i:03}": i for i in range(150)}
    metrics = {f"metric_{i:04}": float(i) for i in range(1500)}
    tags = {f"tag_{i:03}": "x" for i in range(150)}

    run.write(Params(values=params), Scalars(values=metrics), Tags(values=tags))

    found = run.read()
    assert len(found.params) == 150
    assert found.metrics == metrics
    assert tags.items() <= found.tags.items()


def test_a_curve_has_one_step_per_epoch(run):
    run.write(Curves(epochs=[{"loss": 0.9}, {"loss": 0.5}, {"loss": 0.4}]))

    assert [(each.step, each.value) for each in run.history("loss")] == [(1, 0.9), (2, 0.5), (3, 0.4)]


def test_a_long_tag_or_param_is_marked_as_cut(run):
    run.write(Tags(values={"arogya.notes": "x" * 8001, "arogya.full": "x" * 8000}), Params(values={"p": "x" * 6001}))

    assert run.read().params["p"].endswith("(cut)")
    found = run.read().tags
    assert len(found["arogya.notes"]) == 8000
    assert found["arogya.notes"].endswith("(cut)")
    assert found["arogya.full"] == "x" * 8000


def test_a_view_is_kept_in_the_form_that_mlflow_shows(store, run):
    run.write(TableView(file="view.json", rows=pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})))

    with artifacts.fetch_artifact(run.read(), "view.json", uri=store.uri) as path:
        assert path.read_text() == '{"columns":["a","b"],"data":[[1,"x"],[2,"y"]]}'
    assert run.read().tags["mlflow.loggedArtifacts"] == '[{"path": "view.json", "type": "table"}]'


def test_files_keep_their_folders(store, run, tmp_path):
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "net.bin").write_bytes(b"\x00\x01")

    run.write(
        Text(file="figures/roc.svg", text="<svg/>"),
        Folder(name="weights", path=tmp_path / "fit"),
        Folder(name="", path=tmp_path / "fit"),
    )

    for file, content in (("figures/roc.svg", b"<svg/>"), ("weights/net.bin", b"\x00\x01"), ("net.bin", b"\x00\x01")):
        with artifacts.fetch_artifact(run.read(), file, uri=store.uri) as path:
            assert path.read_bytes() == content


def test_the_dataset_is_an_input_of_the_run(store, run):
    run.write(DatasetInput(name="lesions", digest="d" * 32, source="drawn", context="test", profile={"cases": 9}))

    (found,) = store.client.get_run(run.id).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("lesions", "d" * 32)
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "test")]
    assert found.dataset.profile == '{"cases": 9}'


def test_an_error_closes_the_run_as_failed_with_its_cause(store, run):
    stop(store, run.id, ValueError("no such class"))

    found = run.read()
    assert (found.status, found.tags["arogya.error"]) == ("FAILED", "ValueError")
    assert found.tags["arogya.error_message"] == "no such class"
    assert "in stop" in found.tags["arogya.traceback"]
    assert found.end_time is not None


def test_ctrl_c_closes_the_run_as_killed(store, run):
    stop(store, run.id, KeyboardInterrupt())

    found = run.read()
    assert (found.status, found.tags["arogya.error_message"]) == ("KILLED", "KeyboardInterrupt")


def test_a_long_traceback_keeps_its_end(store, run):
    stop(store, run.id, ValueError("x" * 9000 + " the cause"))

    assert run.read().tags["arogya.traceback"].rstrip().endswith("the cause")


def test_a_failure_gives_no_password_away(store):
    from dataclasses import replace

    secret = replace(store, uri="http://nurse:hush@127.0.0.1:5000")
    run_id = start_run(store, "a run", {})

    stop(secret, run_id, OSError("POST http://nurse:hush@127.0.0.1:5000/api failed"))

    assert "hush" not in str(get_run(store.uri, run_id).tags)


def test_a_search_reads_page_after_page(store, monkeypatch):
    monkeypatch.setattr("arogya_bench.tracking.runs.PAGE_SIZE", 2)
    made = [start_run(store, f"run {i}", {"arogya.kind": "fit"}) for i in range(5)]

    found = search_runs(store, "tags.`arogya.kind` = 'fit'")

    assert [run.run_id for run in found] == made


def test_a_search_leaves_deleted_runs_out(store, run):
    store.client.delete_run(run.id)

    assert search_runs(store, "") == []


def test_a_filter_that_mlflow_cannot_read_is_the_problem(store):
    with pytest.raises(TrackingError, match="Invalid") as refusal:
        search_runs(store, "tags.kind == fit or", fix="correct the filter.")

    assert refusal.value.fix == "correct the filter."


def test_a_run_that_is_not_there_is_named(store):
    with pytest.raises(TrackingError, match="nothing-like-it") as refusal:
        get_run(store.uri, "nothing-like-it")

    assert "mlflow ui" in refusal.value.fix


def test_a_file_that_is_not_there_is_named(store, run):
    with (
        pytest.raises(TrackingError, match=r"has no artifact 'weights'"),
        artifacts.fetch_artifact(run.read(), "weights", uri=store.uri),
    ):
        pass


@pytest.mark.parametrize("folder", ["with space", "50%20off", "site #2", "naïve"])
def test_artifacts_are_found_in_a_folder_of_any_name(store, tmp_path, folder):
    root = tmp_path / folder
    experiment_id = store.client.create_experiment("elsewhere", str(root))
    run_id = store.client.create_run(experiment_id).info.run_id
    write_items(store, run_id, [Text(file="note.txt", text="here")])

    with artifacts.fetch_artifact(get_run(store.uri, run_id), "note.txt", uri=store.uri) as path:
        assert path.read_text() == "here"


def test_the_experiment_can_be_tagged(store):
    tag_experiment(store, {"mlflow.note.content": "What this is."})

    tags = store.client.get_experiment(store.experiment_id).tags
    assert tags["mlflow.note.content"] == "What this is."


def test_nothing_to_write_writes_nothing(run):
    run.write()

    assert (run.read().metrics, run.read().params) == ({}, {})


def test_json_that_is_too_long_for_a_tag_is_still_json(run):
    flags = {f"metric_{k}": "left out: " + ", ".join(map(str, range(900))) for k in range(20)}

    run.write(Tags(values={"arogya.flags": json.dumps(flags)}))

    assert set(json.loads(run.read().tags["arogya.flags"])) == set(flags)

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial

import pytest
import yaml

from arogya_bench import evaluate
from arogya_bench.errors import ConfigError, TrackingError
from arogya_bench.models.prior import Prior
from arogya_bench.tracking import artifacts
from arogya_bench.tracking.runs import RunRecord, search_runs, start_run
from arogya_bench.tracking.store import open_store

NOISE = ("augmentation=gaussian_noise", "augmentation.gaussian_noise.severities=[0.1,0.3]")


@dataclass(frozen=True, kw_only=True)
class Logged:
    """The runs of a store by kind, newest last."""

    runs: list[RunRecord]

    def of(self, kind):
        return [run for run in self.runs if run.tags.get("arogya.kind") == kind]

    def statuses(self, kind):
        return [run.status for run in self.of(kind)]


def logged(store):
    return Logged(runs=search_runs(store, ""))


@pytest.fixture(scope="module")
def grid(command_in, tiny, tmp_path_factory):
    """A finished sweep of two models and two seeds, made in a new store; for reading only."""
    folder = tmp_path_factory.mktemp("grid")
    words = (word for word in tiny if not word.startswith("model="))
    ended = command_in(folder, "run", "-m", *words, "model=prior,opencv", "seed=1,2")
    store = open_store(f"sqlite:///{folder}/mlflow.db", "study", create=False)
    return folder, ended, logged(store)


def test_a_sweep_makes_one_cell_for_every_combination(grid):
    _, ended, found = grid

    cells = {(run.tags["arogya.model"], run.tags["arogya.seed"]) for run in found.of("evaluation")}

    assert ended.code == 0
    assert found.statuses("evaluation") == ["FINISHED"] * 4
    assert cells == {("prior", "1"), ("prior", "2"), ("opencv", "1"), ("opencv", "2")}


def test_the_runs_of_a_sweep_are_children_of_one_parent(grid):
    _, _, found = grid
    (parent,) = found.of("sweep")

    parents = {run.tags["mlflow.parentRunId"] for kind in ("fit", "evaluation") for run in found.of(kind)}

    assert parent.status == "FINISHED"
    assert parents == {parent.run_id}


def test_the_parent_says_what_was_asked_for(grid):
    _, _, found = grid
    (parent,) = found.of("sweep")

    assert "model=prior,opencv seed=1,2" in parent.tags["arogya.overrides"]
    assert parent.tags["arogya.model"] == "opencv, prior"


def test_a_sweep_says_what_it_does_and_where_to_look(grid):
    _, ended, _ = grid

    assert "4 jobs, 4 fits: 4 cells to evaluate, 0 already in MLflow." in ended.err
    assert "4 cells evaluated, 0 reused, 0 failed." in ended.err
    assert "Browse the results: mlflow ui\n" in ended.err
    assert "Compare: arogya-bench compare study" in ended.err


def test_a_sweep_says_how_far_it_is_and_ends_with_its_scores(grid):
    _, ended, _ = grid
    lines = [line for line in ended.err.splitlines() if line.startswith("✓ opencv")]

    assert all(re.search(r" · seed \d · f1_macro 0\.\d{3} .*1 cell in ", line) for line in lines), lines
    assert lines[-1].count("job 4 of 4") == 1
    assert "model" in ended.out
    assert len(re.findall(r"(prior|opencv)\s+│ [12]\s+│\s+0\.\d{3} ", ended.out)) == 4, ended.out
    assert not re.search("[\x1b\r]", ended.out + ended.err)


def said(ended, why):
    """The words of the command that a sweep named at its end."""
    (line,) = [each for each in ended.err.splitlines() if each.startswith(f"{why}: ")]
    return shlex.split(line.removeprefix(f"{why}: "))


def test_the_commands_that_a_sweep_names_find_a_store_elsewhere(command, tiny, tmp_path):
    (tmp_path / "a [ward]").mkdir()
    uri = f"sqlite:///{tmp_path}/a [ward]/other.db"
    ended = command("run", *tiny, f"tracking.uri='{uri}'")

    program, *words = said(ended, "Compare")
    compared = command(*words)

    assert program == "arogya-bench"
    assert compared.code == 0, compared.err
    assert said(ended, "Browse the results") == ["mlflow", "ui", "--backend-store-uri", uri]
    assert "mlflow.db" not in ended.left


def test_the_store_that_the_environment_names_needs_no_naming(command, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")

    ended = command("run", *tiny)

    assert said(ended, "Compare") == ["arogya-bench", "compare", "study"]
    assert said(ended, "Browse the results")[2:] == ["--backend-store-uri", f"sqlite:///{tmp_path}/other.db"]


def test_a_sweep_leaves_a_store_and_its_artifacts_and_nothing_else(grid):
    _, ended, _ = grid

    assert {"mlflow.db", "mlruns"} <= set(ended.left)
    assert "outputs" not in ended.left


def test_the_same_command_does_nothing_twice(command, store, tiny):
    command("run", *tiny)

    again = command("run", *tiny)

    assert again.code == 0
    assert "0 cells to evaluate, 1 already in MLflow." in again.err
    assert "0 cells evaluated, 1 reused, 0 failed." in again.err
    assert len(logged(store).of("evaluation")) == 1


def test_a_larger_command_does_only_what_is_missing(command, store, tiny):
    command("run", *tiny)

    again = command("run", "-m", *tiny, "seed=42,43")

    assert "1 cell evaluated, 1 reused, 0 failed." in again.err
    assert len(logged(store).of("evaluation")) == 2


def test_without_resume_everything_is_made_again(command, store, tiny):
    command("run", *tiny)

    again = command("run", *tiny, "sweep.resume=false")

    assert "1 cell evaluated" in again.err
    assert len(logged(store).of("evaluation")) == 2


def test_two_sweeps_share_an_experiment_and_keep_their_parents(command, store, tiny):
    command("run", *tiny, "seed=1")
    command("run", *tiny, "seed=2")

    found = logged(store)

    assert found.statuses("sweep") == ["FINISHED", "FINISHED"]
    assert {run.tags["mlflow.parentRunId"] for run in found.of("evaluation")} == {
        run.run_id for run in found.of("sweep")
    }


def test_jobs_that_are_one_cell_are_run_once(command, store, tiny):
    ended = command("run", "-m", *tiny, "image_size=32,64")

    assert ended.code == 0
    assert "2 jobs, 1 fit: 1 cell to evaluate" in ended.err
    assert "1 cell evaluated, 0 reused, 0 failed." in ended.err
    assert len(logged(store).of("evaluation")) == 1


def test_an_experiment_of_the_user_sweeps_without_a_flag(command, store, tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("options")
    (folder / "experiment").mkdir()
    (folder / "experiment" / "seeds.yaml").write_text(
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      seed: 1,2\n", encoding="utf-8"
    )

    ended = command("run", *tiny, "experiment=seeds", "--config-dir", str(folder))

    assert ended.code == 0
    assert {run.tags["arogya.seed"] for run in logged(store).of("evaluation")} == {"1", "2"}


def test_the_command_line_beats_the_sweep_of_an_experiment(command, store, tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("options")
    (folder / "experiment").mkdir()
    (folder / "experiment" / "seeds.yaml").write_text(
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      seed: 1,2\n", encoding="utf-8"
    )

    command("run", *tiny, "experiment=seeds", "seed=9", "--config-dir", str(folder))

    assert [run.tags["arogya.seed"] for run in logged(store).of("evaluation")] == ["9"]


def test_a_root_config_of_the_user_runs_from_a_relative_folder(command, store, tiny, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "study.yaml").write_text(
        "defaults: [config, _self_]\nseed: 5\nhydra:\n  searchpath: [pkg://arogya_bench.conf]\n", encoding="utf-8"
    )

    ended = command("run", *tiny, "--config-path", "own", "--config-name", "study")

    assert ended.code == 0, ended.err
    assert [run.tags["arogya.seed"] for run in logged(store).of("evaluation")] == ["5"]


@pytest.fixture(scope="module")
def accident(command_in, options, tiny, tmp_path_factory):
    """A sweep in which one model raises in its fit and one predicts no numbers."""
    folder = tmp_path_factory.mktemp("accident")
    words = [word for word in tiny if not word.startswith("model=")]
    models = "model=raising,prior,notnumbers"
    ended = command_in(folder, "run", "-m", *words, models, *NOISE, "--config-dir", str(options))
    store = open_store(f"sqlite:///{folder}/mlflow.db", "study", create=False)
    return ended, logged(store)


def of_model(found, model):
    return [run for run in found.of("evaluation") if run.tags["arogya.model"] == model]


def test_a_job_that_fails_leaves_the_others_alone(accident):
    ended, found = accident

    assert ended.code == 3
    assert [run.status for run in of_model(found, "prior")] == ["FINISHED"] * 2
    assert "2 cells evaluated, 0 reused, 4 failed." in ended.err


@pytest.mark.parametrize(
    ("model", "cause", "message"),
    [("raising", "RuntimeError", "the [fan] stopped"), ("notnumbers", "ModelError", "values that are not finite")],
)
def test_every_cell_of_a_failed_job_is_a_failed_run_with_its_cause(accident, model, cause, message):
    _, found = accident

    runs = of_model(found, model)

    assert [run.status for run in runs] == ["FAILED"] * 2
    assert {run.tags["arogya.condition"] for run in runs} == {"gaussian_noise_0.1", "gaussian_noise_0.3"}
    assert {run.tags["arogya.error"] for run in runs} == {cause}
    assert all(message in run.tags["arogya.error_message"] for run in runs)
    assert all("Traceback" in run.tags["arogya.traceback"] for run in runs)


def test_a_sweep_with_failures_is_failed(accident):
    _, found = accident

    assert found.statuses("sweep") == ["FAILED"]
    assert sorted(found.statuses("fit")) == ["FAILED", "FAILED", "FINISHED"]


def test_failures_are_a_table_on_standard_error(accident):
    ended, _ = accident

    lines = [line for line in ended.err.splitlines() if "raising · gaussian_noise_0.1" in line]

    assert "Not finished" in ended.err
    assert len(lines) == 1
    assert "FAILED" in lines[0]
    assert "the [fan] stopped" in lines[0]
    assert "raising" not in ended.out


def test_no_further_job_starts_after_as_many_failures_as_are_allowed(command, store, options, tiny):
    words = ("-m", *tiny, "model=raising,prior,opencv", "sweep.max_failures=1", "--config-dir", str(options))

    ended = command("run", *words)

    runs = of_model(logged(store), "prior")
    assert ended.code == 3
    assert [run.tags["arogya.error"] for run in runs] == ["TooManyFailures"]
    assert "1 job failed, and sweep.max_failures=1" in runs[0].tags["arogya.error_message"]
    assert "run the same command again" in ended.err.splitlines()[-1]
    assert "arogya-bench compare" not in ended.err


@pytest.mark.parametrize("words", [("sweep.max_failures=0",), ("sweep.max_failures=2", "hydra/launcher=slurm")])
def test_a_limit_of_failures_that_cannot_be_kept_is_refused(command, tiny, words):
    ended = command("run", "--dry-run", *tiny, *words)

    assert (ended.code, ended.left) == (2, [])
    assert "sweep.max_failures=" in ended.err


def test_a_failed_job_is_tried_again_by_the_same_command(command, store, options, tiny):
    words = (*tiny, "model=raising", "--config-dir", str(options))
    first = command("run", *words)

    again = command("run", *words)

    assert (first.code, again.code) == (3, 3)
    assert logged(store).statuses("evaluation") == ["FAILED", "FAILED"]


def test_a_model_that_ends_the_program_ends_only_its_job(command, store, options, tiny):
    ended = command("run", "-m", *tiny, "model=leaving,prior", "--config-dir", str(options))

    assert ended.code == 3
    assert "1 cell evaluated, 0 reused, 1 failed." in ended.err
    assert "no licence" in ended.err
    assert logged(store).statuses("sweep") == ["FAILED"]


def test_data_that_go_bad_during_a_job_leave_a_failed_run_for_each_cell(
    command, store, options, tiny, tmp_path_factory
):
    cache = tmp_path_factory.mktemp("cache")
    words = (*tiny, *NOISE, f"dataset.cache={cache}", "model=spoiling", f"+model.cache={cache}")

    ended = command("run", *words, "--config-dir", str(options))

    runs = logged(store).of("evaluation")
    assert ended.code == 3
    assert "0 cells evaluated, 0 reused, 2 failed." in ended.err
    assert [run.status for run in runs] == ["FAILED", "FAILED"]
    assert {run.tags["arogya.error_message"] for run in runs} == {"the disk failed"}


def test_a_secret_reaches_no_run_no_file_and_no_message(command, store, options, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_PLACE", "xyzzy-plugh-42")  # its name says nothing, the field's does
    key = "+model.api_key=${oc.env:SOME_PLACE}"

    ended = command("run", *tiny, "model=telling", key, "--config-dir", str(options))
    fine = command("run", *tiny, "model=prior", "seed=1")

    runs = logged(store).of("evaluation")
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert (ended.code, fine.code) == (3, 0)
    assert {run.tags.get("arogya.error_message") for run in runs} == {None, "401 for the key ***"}
    assert [path for path in left if b"xyzzy-plugh-42" in path.read_bytes()] == []
    assert "xyzzy" not in ended.err


def test_a_key_that_changes_makes_no_new_cell(command, store, options, tiny, tmp_path):
    words = (*tiny, "model=keyed", "--config-dir", str(options))
    command("run", *words, "+model.api_key=first-key")

    again = command("run", *words, "+model.api_key=second-key")

    assert "0 cells to evaluate, 1 already in MLflow." in again.err
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left
    assert [path for path in left if b"first-key" in path.read_bytes()] == []


def test_files_that_cannot_be_written_leave_no_sweep_open(command, store, tiny, tmp_path):
    command("run", *tiny)
    (files,) = (tmp_path / "mlruns").iterdir()
    shutil.rmtree(files)
    files.touch()  # a file where the experiment keeps its folders

    ended = command("run", *tiny, "seed=2")

    assert ended.code == 3
    assert "The store failed" in ended.err
    assert logged(store).statuses("sweep") == ["FINISHED", "FAILED"]
    assert "RUNNING" not in {run.status for run in logged(store).runs}


def test_a_launcher_that_breaks_leaves_a_failed_sweep(command, store, tiny):
    ended = command("run", "-m", *tiny, "hydra.sweep.dir=mlflow.db/inside")

    assert ended.code == 3
    assert "0 cells evaluated, 0 reused, 1 failed." in ended.err
    (cell,) = logged(store).of("evaluation")
    assert (cell.status, cell.tags["arogya.error"]) == ("KILLED", "WorkerLost")
    assert "NotADirectoryError" in cell.tags["arogya.error_message"]
    assert logged(store).statuses("sweep") == ["FAILED"]


def test_a_run_of_mlflow_is_adopted_as_the_parent(command, store, tiny, monkeypatch):
    adopted = start_run(store, "from mlflow run", {})
    monkeypatch.setenv("MLFLOW_RUN_ID", adopted)

    ended = command("run", *tiny)

    found = logged(store)
    (cell,) = found.of("evaluation")
    assert ended.code == 0
    assert "MLFLOW_RUN_ID" not in os.environ
    assert cell.tags["mlflow.parentRunId"] == adopted
    assert [run.run_id for run in found.of("sweep")] == [adopted]


def test_a_run_that_the_store_does_not_have_cannot_be_the_parent(command, store, tiny, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)

    ended = command("run", *tiny)

    assert ended.code == 2
    assert "0" * 32 in ended.err
    assert "Fix: " in ended.err
    assert logged(store).runs == []


def wait_for(path, process):
    end = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_running(store, options, tiny, tmp_path):
    words = ("run", "-m", *tiny, "model=prior,slow,opencv", "--config-dir", str(options))
    process = subprocess.Popen(
        [sys.executable, "-m", "arogya_bench.cli.main", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # A suite that was started in the background hands its deafness to Ctrl-C on.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(tmp_path / "fitting", process)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    found = logged(store)
    assert process.returncode == 130
    assert "run the same command again to resume" in err
    assert "Traceback" not in err
    assert found.statuses("sweep") == ["KILLED"]
    assert sorted(found.statuses("fit")) == ["FINISHED", "KILLED"]
    assert found.statuses("evaluation") == ["FINISHED"]


def test_one_cell_is_evaluated_from_python(store, tiny):
    made = evaluate("prior", "synthetic", tracking_uri=store.uri, seed=7, overrides=[*tiny, "seed=7"])

    (run,) = logged(store).of("evaluation")
    assert (made.model, made.condition, made.run_id) == ("prior", "clean", run.run_id)
    assert run.tags["arogya.seed"] == "7"


def test_adapters_are_evaluated_from_python(store, source, tmp_path):
    made = evaluate(
        Prior(),
        source,
        augmentation="gaussian_noise_0.1",
        tracking_uri=store.uri,
        overrides=[f"tracking.experiment={store.experiment}", "statistics.resamples=2000"],
    )

    (run,) = logged(store).of("evaluation")
    with artifacts.fetch_artifact(run, "config.yaml", uri=store.uri) as path:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (made.model, made.condition) == ("Prior", "gaussian_noise_0.1")
    assert config["model"] == {"_target_": "arogya_bench.models.prior.Prior"}
    assert config["dataset"]["cases"] == 60


@pytest.mark.parametrize(
    ("augmentation", "message"),
    [
        ("gaussian_noise", "is not one condition"),
        ("all", "is not one condition"),
        ("gaussian_noise_0.7", "is not one condition"),
        ("clean_5", "is not one condition"),
        ("gausian_noise_0.1", "Did you mean 'gaussian_noise'"),
    ],
)
def test_a_name_that_is_not_one_condition_is_an_error(augmentation, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        evaluate("prior", "synthetic", augmentation=augmentation)


def test_an_unknown_model_is_an_error():
    with pytest.raises(ConfigError, match="Did you mean 'prior'"):
        evaluate("priar", "synthetic")


def test_evaluating_into_a_store_that_is_no_database_is_an_error(tmp_path, tiny):
    (tmp_path / "mlflow.db").write_text("a diary", encoding="utf-8")

    with pytest.raises(TrackingError, match="is not a SQLite database"):
        evaluate("prior", "synthetic", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", overrides=tiny)

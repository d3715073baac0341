import importlib
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from arogya_bench.errors import TrackingError
from arogya_bench.evaluation.fitting import find_or_fit
from arogya_bench.evaluation.job import prepare
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.models.prior import Prior
from arogya_bench.scoring.label_table import predictions_from_table
from arogya_bench.tracking import artifacts
from arogya_bench.tracking.runs import finish_run, get_run, search_runs, start_run

FITS = "tags.`arogya.kind` = 'fit'"


@dataclass(frozen=True, kw_only=True)
class Learner(Prior):
    """Counts classes, and says that it did so in epochs."""

    adapter_name = "test_learner"
    adapter_version = 1

    def fit(self, *data, **options):
        report = super().fit(*data, **options)
        return replace(
            report,
            curves=({"validation_loss": 0.9}, {"validation_loss": 0.4}),
            best_epoch=2,
            notes=("stopped early", "two rare classes"),
        )


@dataclass(frozen=True, kw_only=True)
class Stumbling(Prior):
    """Stops in the middle of a fit."""

    adapter_name = "test_stumbling"
    adapter_version = 1

    interrupted: bool = False

    def fit(self, *data, **options):
        raise KeyboardInterrupt if self.interrupted else MemoryError("no room for the kernel")


@dataclass(frozen=True, kw_only=True)
class Greedy(Prior):
    """Holds 200 MB for half a second."""

    adapter_name = "test_greedy"
    adapter_version = 1

    def fit(self, *data, **options):
        held = np.ones(25_000_000)
        time.sleep(0.5)
        assert held[-1] == 1
        return super().fit(*data, **options)


@pytest.fixture
def fit(store):
    """Find or make the fit of a job, and give its run."""

    def find(job, parent=None):
        with find_or_fit(prepare(job), store, parent) as found:
            assert found.weights.is_dir()
        return get_run(store.uri, found.run_id)

    return find


def only(store):
    (run,) = search_runs(store, FITS)
    return run


def test_a_fit_is_a_child_of_the_sweep_that_made_it(store, fit, job_of):
    sweep = start_run(store, "sweep", {"arogya.kind": "sweep"})

    run = fit(job_of(), parent=sweep)

    assert run.tags["mlflow.parentRunId"] == sweep
    assert (run.tags["arogya.kind"], run.status) == ("fit", "FINISHED")
    assert run.tags["arogya.fit_key"] == prepare(job_of()).fit_key


def test_a_fit_keeps_what_load_needs(store, fit, job_of):
    model = OpenCVClassifier(image_size=32)
    planned = prepare(job_of("opencv", model))

    run = fit(job_of("opencv", model))

    with artifacts.fetch_model_files(run, store=store) as weights:
        predictor = model.load(weights, classes=planned.dataset.classes, device="cpu")
    assert predictor(list(planned.split.test.images())).shape == (19, 3)


def test_a_fit_keeps_its_predictions_of_the_validation_split(store, fit, job_of):
    import pandas as pd

    run = fit(job_of())

    with artifacts.fetch_artifact(run, "predictions_validation.parquet", uri=store.uri) as path:
        kept = predictions_from_table(pd.read_parquet(path))
    assert kept.case_ids == tuple(case.case_id for case in prepare(job_of()).split.validation.cases)
    assert run.metrics["validation_accuracy"] > 0
    assert run.metrics["fit_seconds"] > 0


def test_a_fit_names_the_data_that_it_saw(store, fit, job_of):
    run = fit(job_of())

    (found,) = store.client.get_run(run.run_id).inputs.dataset_inputs
    assert found.dataset.digest == run.tags["arogya.dataset_digest"]
    assert [tag.value for tag in found.tags] == ["train"]


def test_a_fit_keeps_its_curves_and_its_notes(store, fit, job_of):
    run = fit(job_of("learner", Learner()))

    curve = store.client.get_metric_history(run.run_id, "validation_loss")
    assert [(each.step, each.value) for each in curve] == [(1, 0.9), (2, 0.4)]
    assert run.metrics["best_epoch"] == 2
    assert run.tags["arogya.notes"] == "stopped early; two rare classes"


def test_a_fit_is_found_again(store, fit, job_of):
    made = fit(job_of(noise=(0.1,)))

    assert fit(job_of()).run_id == made.run_id
    assert only(store).run_id == made.run_id


def test_a_fit_is_shared_by_a_copy_of_the_model(store, fit, job_of):
    made = fit(job_of("prior"))

    assert fit(job_of("copy")).run_id == made.run_id


@pytest.mark.parametrize("change", [{"seed": 1}, {"limit": 12}])
def test_another_fit_is_made_for_another_key(fit, job_of, change):
    made = fit(job_of())

    assert fit(job_of(**change)).run_id != made.run_id


def test_a_fit_whose_files_are_gone_is_made_again_and_said(store, fit, job_of, capsys):
    lost = fit(job_of())
    model = store.client.get_logged_model(lost.tags["arogya.model_id"])
    shutil.rmtree(Path(model.artifact_location))

    made = fit(job_of())

    assert made.run_id != lost.run_id
    said = capsys.readouterr().err
    assert lost.run_id in said
    assert "It is fitted again." in said


def test_an_older_fit_serves_where_the_newest_has_lost_its_files(store, fit, job_of):
    older = fit(job_of())
    tags = {**older.tags, "mlflow.runName": "empty"}
    del tags["arogya.model_id"]
    newer = start_run(store, "empty", tags)
    finish_run(store, newer)

    assert fit(job_of()).run_id == older.run_id


def test_an_unfinished_fit_is_not_used(store, fit, job_of):
    first = fit(job_of())
    finish_run(store, first.run_id, "KILLED")

    assert fit(job_of()).run_id != first.run_id


def test_a_fit_that_fails_is_a_failed_run_with_its_cause(store, fit, job_of):
    with pytest.raises(MemoryError):
        fit(job_of("stumbling", Stumbling()))

    run = only(store)
    assert (run.status, run.tags["arogya.error"]) == ("FAILED", "MemoryError")
    assert run.tags["arogya.error_message"] == "no room for the kernel"


def test_ctrl_c_during_a_fit_leaves_a_killed_run(store, fit, job_of):
    with pytest.raises(KeyboardInterrupt):
        fit(job_of("stumbling", Stumbling(interrupted=True)))

    assert only(store).status == "KILLED"


def test_an_error_of_the_user_of_a_fit_is_not_an_error_of_the_fit(store, job_of):
    with pytest.raises(ZeroDivisionError), find_or_fit(prepare(job_of()), store, None):
        raise ZeroDivisionError

    assert only(store).status == "FINISHED"


FOUR = """
import os, sys
from arogya_bench.tracking.store import open_store
from arogya_bench.evaluation.fitting import find_or_fit
from arogya_bench.evaluation.job import prepare
from tests_of_fitting import job

store = open_store(sys.argv[1], "study", create=False)
with find_or_fit(prepare(job()), store, None) as fit:
    print(fit.run_id)
"""

JOB = """
import os, signal, time
from dataclasses import dataclass
from pathlib import Path

from arogya_bench.augmentations.conditions import AugmentationSpec, expand_conditions
from arogya_bench.datasets.synthetic import Synthetic
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.evaluation.job import Job
from arogya_bench.models.prior import Prior
from arogya_bench.types import Training

CLEAN = "arogya_bench.augmentations.photometric.clean"


@dataclass(frozen=True, kw_only=True)
class Stopping(Prior):
    adapter_name = "test_stopping"
    adapter_version = 1
    # Works for a while, and is killed in its second epoch if it is the first to try.
    killed: bool = False

    def fit(self, *data, out, **options):
        first = not (out / "epoch").exists()
        (out / "epoch").write_text("1")
        time.sleep(1.0)
        if self.killed and first:
            os.kill(os.getpid(), signal.SIGKILL)
        (out / "epoch").unlink()
        return super().fit(*data, out=out, **options)


def job(killed=False):
    return Job(
        model_name="stopping", model=Stopping(killed=killed),
        source=Synthetic(cases=60, classes=3, image_size=32),
        training_name="standard", training=Training(),
        conditions=expand_conditions({"clean": AugmentationSpec(function=CLEAN)}),
        split=SplitPolicy(train=0.5, validation=0.2, test=0.3), seed=42, device="cpu",
        limit=None, batch_size=8, resamples=2000, resume=True, tracking_uri=None,
        experiment="study", config={}, threads=1,
    )
"""


@pytest.fixture
def jobs_module(tmp_path, monkeypatch, source):
    """A module that several processes import; the images are drawn before they start."""
    source.load()
    (tmp_path / "tests_of_fitting.py").write_text(JOB, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("tests_of_fitting", None)
    return importlib.import_module("tests_of_fitting")


def started(store, code=FOUR):
    words = [sys.executable, "-c", code, store.uri]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_four_processes_at_once_make_one_fit(store, jobs_module):
    processes = [started(store) for _ in range(4)]

    said = [each.communicate(timeout=240) for each in processes]

    assert [each.returncode for each in processes] == [0] * 4, said
    assert {out.strip() for out, _ in said} == {only(store).run_id}
    assert sum("Waiting for a fit that process" in err for _, err in said) <= 3


def test_a_fit_that_was_killed_goes_on_in_its_own_run(store, jobs_module, capsys):
    """The killed process leaves its lock and its folder; the next one takes both over."""
    killed = started(store, FOUR.replace("job()", "job(killed=True)"))
    killed.communicate(timeout=240)
    left = only(store)

    with find_or_fit(prepare(jobs_module.job(killed=True)), store, None) as fit:
        found = get_run(store.uri, fit.run_id)

    assert killed.returncode == -signal.SIGKILL
    assert left.status == "RUNNING"
    assert (found.run_id, found.status) == (left.run_id, "FINISHED")
    assert "interrupted and resumed 1 time" in found.tags["arogya.notes"]
    assert "Resuming an interrupted fit" in capsys.readouterr().err
    assert found.metrics["fit_seconds"] > 1.0


def test_a_failed_fit_is_taken_up_again_without_its_old_cause(store, fit, job_of):
    with pytest.raises(MemoryError):
        fit(job_of("stumbling", Stumbling()))
    failed = only(store)
    with pytest.raises(KeyboardInterrupt):
        fit(job_of("stumbling", Stumbling(interrupted=True)))
    with pytest.raises(MemoryError):
        fit(job_of("stumbling", Stumbling()))

    runs = search_runs(store, FITS)

    assert [run.status for run in runs] == ["FAILED", "KILLED"]
    assert runs[0].run_id == failed.run_id


def test_a_fit_says_what_it_cost(fit, job_of):
    """The memory is what the fit added to what the process held, whatever that was."""
    held = np.ones(40_000_000)  # 320 MB

    light, heavy = fit(job_of()), fit(job_of("greedy", Greedy()))

    assert held[-1] == 1
    assert light.metrics["fit_ram_increase_mb"] < 100
    assert 190 < heavy.metrics["fit_ram_increase_mb"] < 300
    assert not {"fit_gpu_peak_mb", "fit_ram_peak_mb"} & set(heavy.metrics)


def test_mlflow_can_load_register_and_serve_a_fit(store, fit, job_of, monkeypatch):
    """No pickle: the model names the module that reads it."""
    import mlflow

    model = OpenCVClassifier(image_size=32)
    run = fit(job_of("opencv", model))
    planned = prepare(job_of("opencv", model))
    images = np.stack(list(planned.split.test.images()))[:5]
    with artifacts.fetch_model_files(run, store=store) as weights:
        expected = model.load(weights, classes=planned.dataset.classes, device="cpu")(list(images))

    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    version = mlflow.register_model(f"models:/{run.tags['arogya.model_id']}", "skin")
    loaded = mlflow.pyfunc.load_model(f"models:/skin/{version.version}")
    table = loaded.predict(images)

    assert tuple(table.columns) == planned.dataset.classes
    np.testing.assert_allclose(table.to_numpy(), expected)
    assert loaded.metadata.get_output_schema().input_names() == list(planned.dataset.classes)
    assert loaded.metadata.metadata["classes"] == list(planned.dataset.classes)
    folder = Path(store.client.get_logged_model(run.tags["arogya.model_id"]).artifact_location)
    assert not list(folder.rglob("*.pkl"))
    assert "arogya-bench==" in (folder / "requirements.txt").read_text()


def test_the_model_of_a_run_goes_by_its_run_id_too(store, fit, job_of, monkeypatch):
    import mlflow

    run = fit(job_of())

    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/prior")

    table = loaded.predict(np.zeros((2, 8, 8, 3), np.uint8))
    assert table.to_numpy().sum(axis=1) == pytest.approx([1, 1])


@dataclass(frozen=True, kw_only=True)
class Counting(Prior):
    """Counts how often it was trained, in a file."""

    adapter_name = "test_counting"
    adapter_version = 1

    log: str = ""

    def fit(self, *data, **options):
        with Path(self.log).open("a") as file:
            file.write("x")
        return super().fit(*data, **options)


def test_an_outage_after_the_training_costs_no_second_training(store, fit, job_of, tmp_path):
    """The files of the experiment cannot be written at first; the same command goes on."""
    job = job_of("counting", Counting(log=str(tmp_path / "log")))
    folder = Path(store.client.get_experiment(store.experiment_id).artifact_location)
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the artifacts should lie")
    with pytest.raises((TrackingError, OSError)):
        fit(job)
    folder.unlink()

    run = fit(replace(job, device="auto", threads=2))

    assert run.status == "FINISHED"
    assert (tmp_path / "log").read_text() == "x"
    assert len(search_runs(store, FITS)) == 1

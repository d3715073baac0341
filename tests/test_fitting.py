import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from arogya_bench import tracking
from arogya_bench.fitting import find_or_fit
from arogya_bench.jobs import prepare
from arogya_bench.models.opencv_svm import OpenCVClassifier
from arogya_bench.models.prior import Prior
from arogya_bench.tables import predictions_from

FITS = "tags.`arogya.kind` = 'fit'"


@dataclass(frozen=True, kw_only=True)
class Learner(Prior):
    """Counts classes, and says that it did so in epochs."""

    def fit(self, *data, **options):
        report = super().fit(*data, **options)
        return replace(
            report,
            curves=({"validation_loss": 0.9}, {"validation_loss": 0.4}),
            best_epoch=2,
            notes=("Stopped early.", "Two rare classes."),
        )


@dataclass(frozen=True, kw_only=True)
class Stumbling(Prior):
    """Stops in the middle of a fit."""

    interrupted: bool = False

    def fit(self, *data, **options):
        raise KeyboardInterrupt if self.interrupted else MemoryError("no room for the kernel")


@pytest.fixture
def fit(store):
    """Find or make the fit of a job, and give its run."""

    def find(job, parent=None):
        with find_or_fit(prepare(job), store, parent) as found:
            assert found.weights.is_dir()
        return tracking.get(store.uri, found.run_id)

    return find


def only(store):
    (run,) = tracking.search(store, FITS)
    return run


def test_a_fit_is_a_child_of_the_sweep_that_made_it(store, fit, job_of):
    sweep = tracking.start(store, "sweep", {"arogya.kind": "sweep"})

    run = fit(job_of(), parent=sweep)

    assert run.tags["mlflow.parentRunId"] == sweep
    assert (run.tags["arogya.kind"], run.status) == ("fit", "FINISHED")
    assert run.tags["arogya.fit"] == prepare(job_of()).fit_key


def test_a_fit_keeps_what_load_needs(store, fit, job_of):
    model = OpenCVClassifier(image_size=32)
    prepared = prepare(job_of("opencv", model))

    run = fit(job_of("opencv", model))

    with tracking.artifact(run, "weights", uri=store.uri) as weights:
        predictor = model.load(weights, classes=prepared.dataset.classes, device="cpu")
    assert predictor(list(prepared.split.test.images())).shape == (19, 3)


def test_a_fit_keeps_its_predictions_of_the_validation_split(store, fit, job_of):
    import pandas as pd

    run = fit(job_of())

    with tracking.artifact(run, "predictions_validation.parquet", uri=store.uri) as path:
        kept = predictions_from(pd.read_parquet(path))
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
    assert run.tags["arogya.notes"] == "Stopped early. Two rare classes."


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


def test_a_fit_whose_files_are_gone_is_made_again_and_said(fit, job_of, capsys):
    lost = fit(job_of())
    shutil.rmtree(Path(lost.artifact_uri))

    made = fit(job_of())

    assert made.run_id != lost.run_id
    said = capsys.readouterr().err
    assert lost.run_id in said
    assert "It is fitted again." in said


def test_an_older_fit_serves_where_the_newest_has_lost_its_files(store, fit, job_of):
    older = fit(job_of())
    newer = tracking.start(store, "empty", {**older.tags, "mlflow.runName": "empty"})
    tracking.finish(store, newer)

    assert fit(job_of()).run_id == older.run_id


def test_an_unfinished_fit_is_not_used(store, fit, job_of):
    first = fit(job_of())
    tracking.finish(store, first.run_id, "KILLED")

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

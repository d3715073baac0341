import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from arogya_bench.errors import ModelError
from arogya_bench.evaluation.evaluation import missing_conditions, run_job
from arogya_bench.evaluation.job import prepare
from arogya_bench.evaluation.outputs import ModelOutput
from arogya_bench.evaluation.run_items import evaluation_items
from arogya_bench.figures.run_figures import MLFLOW_NAMES
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.models.prior import Prior
from arogya_bench.scoring.scores import compute_scores
from arogya_bench.tracking import artifacts
from arogya_bench.tracking.items import Tags
from arogya_bench.tracking.runs import finish_run, get_run, search_runs
from arogya_bench.types import Predictions

FITS = "tags.`arogya.kind` = 'fit'"
ALWAYS = {
    "config.yaml",
    "environment.json",
    "gate.json",
    "per_class.json",
    "predictions.json",
    "predictions.parquet",
    "split.csv",
}


@dataclass(frozen=True, kw_only=True)
class Nonsense(Prior):
    """Answers with something that is no probability."""

    adapter_name = "test_nonsense"
    adapter_version = 1

    def load(self, weights, **options):
        predict = super().load(weights, **options)
        return lambda images: predict(images) * np.nan


@pytest.fixture(scope="session")
def runs(finished):
    """Every run of the finished sweep."""
    return search_runs(finished, "")


def of_kind(runs, kind):
    return [run for run in runs if run.tags["arogya.kind"] == kind]


def one(runs, model="opencv", condition="clean"):
    (run,) = [
        run
        for run in of_kind(runs, "evaluation")
        if (run.tags["arogya.model"], run.tags["arogya.condition"]) == (model, condition)
    ]
    return run


def files(run):
    root = Path(run.artifact_uri)
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_a_sweep_holds_its_fits_and_evaluations_one_level_deep(runs):
    (sweep,) = of_kind(runs, "sweep")
    children = of_kind(runs, "fit") + of_kind(runs, "evaluation")

    assert len(of_kind(runs, "fit")) == 2
    assert len(of_kind(runs, "evaluation")) == 6
    assert {run.tags["mlflow.parentRunId"] for run in children} == {sweep.run_id}
    assert {run.status for run in runs} == {"FINISHED"}


def test_an_evaluation_names_the_fit_that_it_used(runs):
    fits = {run.run_id: run.tags["arogya.fit_key"] for run in of_kind(runs, "fit")}

    for run in of_kind(runs, "evaluation"):
        assert fits[run.tags["arogya.fit_run_id"]] == run.tags["arogya.fit_key"]


def test_an_evaluation_says_in_tags_what_people_filter_by(runs):
    tags = one(runs, condition="gaussian_noise_0.3").tags

    expected = {
        "arogya.kind": "evaluation",
        "arogya.model": "opencv",
        "arogya.dataset": "synthetic-60x3",
        "arogya.task": "classification",
        "arogya.augmentation": "gaussian_noise",
        "arogya.condition": "gaussian_noise_0.3",
        "arogya.severity": "0.3",
        "arogya.severity_level": "2",
        "arogya.severity_scale": "standard deviation (0 to 1)",
        "arogya.seed": "42",
        "arogya.training": "standard",
    }
    assert expected.items() <= tags.items()
    assert {"arogya.split", "arogya.cell_key", "arogya.cpu", "arogya.version"} <= set(tags)


def test_clean_images_have_no_severity(runs):
    tags = one(runs).tags

    assert tags["arogya.augmentation"] == "clean"
    assert not {"arogya.severity", "arogya.severity_level", "arogya.severity_scale"} & set(tags)


def test_params_are_few_enough_to_search(runs):
    assert all(len(run.params) <= 20 for run in runs)
    assert one(runs).params["model.image_size"] == "32"


def test_metrics_are_few_and_finite(runs):
    for run in runs:
        assert len(run.metrics) <= 60
        assert all(math.isfinite(value) for value in run.metrics.values())


def test_an_evaluation_has_its_metrics_with_intervals(runs):
    metrics = one(runs).metrics

    for name in ("f1_macro", "accuracy", "auroc_macro_ovr", "ece", "brier", "nll", "mcc"):
        assert metrics[f"{name}.ci_low"] <= metrics[f"{name}.ci_high"]
        assert name in metrics
    assert (metrics["cases"], metrics["groups"]) == (19, 8)


def test_a_degenerate_value_is_flagged(runs):
    flags = json.loads(one(runs, model="prior").tags["arogya.flags"])

    assert "mcc" in flags


def test_an_undefined_metric_is_named_with_its_reason(job_of):
    planned = prepare(job_of())
    benign = Predictions(
        classes=planned.dataset.classes,
        case_ids=("a", "b"),
        group_ids=("a", "b"),
        targets=np.array([0, 0]),
        probabilities=np.full((2, 3), 1 / 3),
    )
    judged = compute_scores(benign, resamples=2000, seed="ab")
    (clean,) = planned.job.conditions

    items = evaluation_items(planned, clean, ModelOutput(predictions=benign), judged)

    (tags,) = [item.values for item in items if isinstance(item, Tags)]
    assert "every case is of the class" in json.loads(tags["arogya.undefined_metrics"])["auroc_macro_ovr"]


def test_the_dataset_is_an_input_of_the_evaluation(finished, runs):
    run = one(runs)

    (found,) = finished.client.get_run(run.run_id).inputs.dataset_inputs
    assert found.dataset.name == "synthetic-60x3"
    assert found.dataset.digest == run.tags["arogya.dataset_digest"]
    assert [tag.value for tag in found.tags] == ["test"]


@pytest.mark.parametrize("model", ["prior", "opencv"])
def test_only_clean_evaluations_have_figures(runs, model):
    drawn = {f"figures/{name}.svg" for name in MLFLOW_NAMES}

    assert files(one(runs, model)) == ALWAYS | drawn | set(MLFLOW_NAMES.values())
    assert files(one(runs, model, "gaussian_noise_0.1")) == ALWAYS


def test_a_fit_keeps_weights_and_evidence(runs, finished):
    for run in of_kind(runs, "fit"):
        kept = files(run)
        assert {"config.yaml", "environment.json", "predictions_validation.parquet"} <= kept
        with artifacts.fetch_model_files(run, store=finished) as folder:
            assert {"adapter.json", "classes.json"} <= {file.name for file in folder.iterdir()}


def test_the_table_of_predictions_has_every_test_case(runs, job_of):
    table = pd.read_parquet(Path(one(runs).artifact_uri) / "predictions.parquet")

    expected = [case.case_id for case in prepare(job_of()).split.test.cases]
    assert list(table["case_id"]) == expected


def test_the_tables_for_people_are_in_the_form_that_mlflow_shows(runs):
    run = one(runs)

    table = json.loads((Path(run.artifact_uri) / "predictions.json").read_text())

    assert set(table) == {"columns", "data"}
    assert len(table["data"]) == 19
    shown = json.loads(run.tags["mlflow.loggedArtifacts"])
    assert {each["path"] for each in shown} == {"predictions.json", "per_class.json"}


def test_no_run_names_a_person_or_a_folder(runs, study_folder):
    for run in runs:
        assert not {"mlflow.user", "mlflow.source.name"} & set(run.tags)
        words = " ".join([*run.tags.values(), *run.params.values()])
        assert str(study_folder) not in words
        assert f"{Path.home()}/" not in words


def test_a_password_in_the_address_of_the_store_is_nowhere(store, job_of):
    address = "http://nurse:hush@127.0.0.1:5000"
    config = {"tracking": {"uri": address}, "seed": 42}

    (made,) = run_job(job_of(noise=(0.1,), clean=False, tracking_uri=address, config=config), store, None)

    for run in search_runs(store, ""):
        assert "hush" not in f"{run.tags} {run.params}"
        for file in files(run):
            assert b"hush" not in (Path(run.artifact_uri) / file).read_bytes()
    assert made.condition == "gaussian_noise_0.1"


def test_an_evaluation_is_handed_back_with_its_predictions(store, job_of):
    (made,) = run_job(job_of(noise=(0.1,), clean=False), store, None)

    run = get_run(store.uri, made.run_id)
    assert (made.model, made.dataset, made.cell_key) == ("prior", "synthetic-60x3", run.tags["arogya.cell_key"])
    assert len(made.predictions.case_ids) == 19
    assert made.scores.scalars() == run.metrics
    assert "mlflow.parentRunId" not in run.tags


def test_what_is_finished_is_not_run_again(study, job_of):
    before = len(search_runs(study, ""))

    assert run_job(job_of(noise=(0.1, 0.3)), study, None) == []
    assert len(search_runs(study, "")) == before


def test_only_what_is_missing_is_run(study, job_of):
    lost = one(search_runs(study, ""), "prior", "gaussian_noise_0.3")
    study.client.delete_run(lost.run_id)

    made = run_job(job_of(noise=(0.1, 0.3)), study, None)

    assert [each.condition for each in made] == ["gaussian_noise_0.3"]
    assert made[0].cell_key == lost.tags["arogya.cell_key"]


@pytest.mark.parametrize("status", ["FAILED", "KILLED", "RUNNING"])
def test_what_did_not_finish_is_still_to_do(study, job_of, status):
    run = one(search_runs(study, ""), "prior", "gaussian_noise_0.1")
    finish_run(study, run.run_id, status)

    todo = missing_conditions(prepare(job_of(noise=(0.1, 0.3))), study)

    assert [each.name for each in todo] == ["gaussian_noise_0.1"]


def test_without_resume_everything_is_run_again_on_the_same_fit(study, job_of):
    before = one(search_runs(study, ""), "prior", "gaussian_noise_0.1")

    (made,) = run_job(job_of(noise=(0.1,), clean=False, resume=False), study, None)

    assert (made.cell_key, made.run_id == before.run_id) == (before.tags["arogya.cell_key"], False)
    assert made.scores.scalars() == before.metrics
    assert len(search_runs(study, FITS)) == 2


def test_one_fit_serves_a_condition_that_is_added_later(study, job_of):
    model = OpenCVClassifier(image_size=32)

    (made,) = run_job(job_of("opencv", model, noise=(0.1, 0.2, 0.3)), study, None)

    assert made.condition == "gaussian_noise_0.2"
    assert len(search_runs(study, FITS)) == 2


def test_a_finished_study_needs_no_weights(study, job_of):
    for run in search_runs(study, FITS):
        shutil.rmtree(Path(run.artifact_uri))

    assert run_job(job_of(noise=(0.1, 0.3)), study, None) == []


def test_another_device_or_batch_size_finds_the_same_cells(study, job_of):
    job = job_of(noise=(0.1, 0.3), device="auto", batch_size=3)

    assert run_job(job, study, None) == []


def test_a_model_that_answers_nonsense_leaves_a_failed_fit_and_no_evaluation(store, job_of):
    with pytest.raises(ModelError, match="not finite"):
        run_job(job_of("nonsense", Nonsense()), store, None)

    (fit,) = search_runs(store, "")
    assert (fit.tags["arogya.kind"], fit.status) == ("fit", "FAILED")
    assert fit.tags["arogya.error"] == "ModelError"

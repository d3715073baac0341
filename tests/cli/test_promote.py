"""The recommended model in the registry of a real store: what is registered, what is written, what is refused."""

import json

import mlflow
import pytest

from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.models.pyfunc import PyFunc
from arogya_bench.tracking.tags import COMPARISON_RUN_ID, FIT_RUN_ID, FORCED, LIMITS, VERDICT

FORCE = ("--model", "opencv", "--force", "the only one that the clinic may host")


@pytest.fixture
def promote(command_in, tmp_path):
    """Run ``arogya-bench promote`` on a store, in a folder without one."""
    (tmp_path / "elsewhere").mkdir()

    def run(store, *words):
        return command_in(tmp_path / "elsewhere", "promote", "study", "--tracking-uri", store.uri, *words)

    return run


def champion(store, name="study", alias="champion"):
    return store.client.get_model_version_by_alias(name, alias)


def test_an_undecided_verdict_is_not_promoted(study, promote):
    ended = promote(study)

    assert ended.code == 2
    assert "The verdict on synthetic-60x3 names no model" in ended.err
    assert study.client.search_registered_models() == []


def test_a_reason_promotes_against_the_verdict_and_is_stored(study, promote, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("limits: {accuracy: {at_least: 0.9}}", encoding="utf-8")

    first, again = (promote(study, *FORCE, "--limits", str(limits)) for _ in range(2))

    assert (first.code, again.code) == (0, 0), first.err
    version = champion(study)
    assert version.version in ("1", 1)  # the same fit is registered once
    assert version.tags[FORCED] == "the only one that the clinic may host"
    assert version.tags[VERDICT].startswith("undecided: ")
    assert json.loads(version.tags[LIMITS])["limits"] == [{"quantity": "accuracy", "at_least": 0.9}]
    assert study.client.get_run(version.tags[COMPARISON_RUN_ID]).data.tags["arogya.kind"] == "comparison"
    assert study.client.get_run(version.tags[FIT_RUN_ID]).data.tags["arogya.model"] == "opencv"
    assert "**Registered against the verdict**" in version.description


@pytest.mark.slow
def test_a_registered_fit_loads_by_its_alias(study, promote, monkeypatch):
    assert promote(study, *FORCE, "--alias", "canary", "--name", "skin").code == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", study.uri)

    model = mlflow.pyfunc.load_model("models:/skin@canary")

    assert model.metadata.metadata["task"] == "classification"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--model", "opencv"), "--model names a model that the verdict need not name"),
        (("--force", "because"), "--force says why, but not what"),
        (("--model", "opencvv", "--force", "because"), "Did you mean 'opencv'?"),
        ((*FORCE, "--dataset", "sinthetic"), "Did you mean 'synthetic-60x3'?"),
        ((*FORCE, "--alias", "bad alias!"), "cannot be an alias"),
        ((*FORCE, "--alias", "v2"), "cannot be an alias"),
        ((*FORCE, "--name", "a/b"), "cannot be the name of a registered model"),
    ],
)
def test_what_cannot_be_meant_is_refused(study, promote, words, problem):
    ended = promote(study, *words)

    assert ended.code == 2
    assert problem in ended.err
    assert study.client.search_registered_models() == []


def test_rows_without_a_model_are_refused(store, logged, promote):
    logged("imported", skill=2.0)
    logged("api", skill=1.0, draw=1, tags={"arogya.api": "gemini"})

    imported = promote(store, "--model", "imported", "--force", "because")
    api = promote(store, "--model", "api", "--force", "because")

    assert (imported.code, api.code) == (2, 2)
    assert "imported has no fitted model in MLflow" in imported.err
    assert "api is a model behind an API" in api.err


@pytest.mark.slow
def test_a_recommended_recipe_is_promoted_with_its_middle_fit_and_a_pyfunc_keeps_its_version(
    store, job_of, promote, monkeypatch
):
    from arogya_bench.datasets.splits import SplitPolicy
    from arogya_bench.datasets.synthetic import Synthetic
    from arogya_bench.evaluation import evaluation

    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    source = Synthetic(cases=300, classes=3, image_size=64, separation=3.0)
    split = SplitPolicy(train=0.3, validation=0.2, test=0.5)
    for seed in (1, 2, 3):
        job = job_of("opencv", OpenCVClassifier(image_size=64), source=source, split=split, seed=seed)
        evaluation.run_job(job, store, None)
    evaluation.run_job(job_of(source=source, split=split), store, None)

    recipe = promote(store)
    assert recipe.code == 0, recipe.err
    uri = "models:/study/1"
    pyfunc = job_of("pyfunc", PyFunc(uri=uri), source=source, split=split)
    evaluation.run_job(pyfunc, store, None)
    registered = promote(store, "--model", "study/1", "--force", "it is the same model", "--alias", "fallback")

    assert "opencv is study, version 1 (registered), with the alias champion." in recipe.err
    assert registered.code == 0, registered.err
    assert str(champion(store, alias="fallback").version) == "1"
    assert len(store.client.search_model_versions("name = 'study'")) == 1

"""Of variants of one model, the validation split chooses one; the test split has no part in it."""

from dataclasses import dataclass

import pytest

from arogya_bench import compare
from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.models.prior import Prior
from arogya_bench.types import Training


@dataclass(frozen=True, kw_only=True)
class Weighted(Prior):
    adapter_name = "test_weighted"
    adapter_version = 1
    weights: str = "none"


def svm(cost):
    return OpenCVClassifier(image_size=32, C=cost)


@pytest.fixture
def rows(store):
    def names():
        (block,) = load_evaluations(store, resamples=2000).blocks
        return sorted(block.row_names.values()), sorted(block.tried.values())

    return names


def test_the_best_on_validation_stands_for_the_family_and_not_the_best_on_test(fitted, store):
    fitted("svm", model=svm(0.1), validation=0.2, skill=3.0, draw=1)
    fitted("svm", model=svm(1.0), validation=3.0, skill=1.0, draw=2)
    fitted("svm", model=svm(10.0), validation=1.2, skill=2.0, draw=3)
    fitted("prior", skill=0.0)

    found = compare("study", tracking_uri=store.uri)

    assert list(found.leaderboard["model"]) == ["svm (C=1.0)", "prior"]
    assert list(found.variants["model"]) == ["svm (C=1.0)", "svm (C=0.1)", "svm (C=10.0)"]
    assert list(found.variants["chosen"]) == [True, False, False]
    assert list(found.variants["hyperparameters"]) == ["C=1.0", "C=0.1", "C=10.0"]
    assert found.variants["validation"][0] > found.variants["validation"][2] > found.variants["validation"][1]


def test_all_variants_stand_side_by_side_on_request(fitted, store):
    fitted("svm", model=svm(0.1), validation=0.2)
    fitted("svm", model=svm(1.0), validation=3.0)

    found = compare("study", tracking_uri=store.uri, variants="all")

    assert sorted(found.leaderboard["model"]) == ["svm (C=0.1)", "svm (C=1.0)"]
    assert found.variants.empty
    assert found.about["key"] != compare("study", tracking_uri=store.uri).about["key"]


def test_the_predictions_of_a_variant_that_was_tried_can_be_read(fitted, store):
    fitted("svm", model=svm(0.1), validation=0.2)
    fitted("svm", model=svm(1.0), validation=3.0)

    (block,) = load_evaluations(store, resamples=2000).blocks
    found = block.evaluated_rows(list(block.tried), CLEAN)

    assert [row.name for row in found.values()] == ["svm (C=0.1)"]


def test_seeds_are_averaged_on_validation(fitted, rows):
    fitted("svm", model=svm(0.1), validation=9.0, seed=1)
    fitted("svm", model=svm(0.1), validation=0.0, seed=2)
    fitted("svm", model=svm(1.0), validation=2.0, seed=1)
    fitted("svm", model=svm(1.0), validation=2.0, seed=2)

    assert rows() == (["svm (C=1.0)"], ["svm (C=0.1)"])


def test_equal_scores_take_the_first_that_was_run_and_say_so(fitted, store):
    fitted("svm", model=svm(10.0))
    fitted("svm", model=svm(0.1))

    found = compare("study", tracking_uri=store.uri).variants

    assert list(found["model"]) == ["svm (C=10.0)", "svm (C=0.1)"]
    assert set(found["note"]) == {"equal on validation: the first that was run is taken"}


@pytest.mark.parametrize(
    "others",
    [
        {"model": svm(0.1), "scores": False},
        {"model": svm(0.1), "training_name": "long"},
        {"model": svm(1.0), "training": Training(epochs=9)},
        {"model": svm(0.1), "tags": {"arogya.api": "gemini"}},
    ],
    ids=["no validation score", "other training", "other epochs", "api"],
)
def test_rows_that_are_no_variants_stay(fitted, rows, others):
    fitted("svm", **{**others, "model": svm(1.0), "training": Training(), "training_name": "standard"})
    fitted("svm", **others)

    names, tried = rows()

    assert (len(names), tried) == (2, [])


def test_weights_are_no_hyperparameter(fitted, rows):
    fitted("net", model=Weighted(weights="none"))
    fitted("net", model=Weighted(weights="imagenet"), validation=3.0)

    names, tried = rows()

    assert (len(names), tried) == (2, [])


def test_evaluations_without_a_fit_have_no_family(logged, rows):
    logged("svm", model=svm(0.1))
    logged("svm", model=svm(1.0))

    assert rows() == (["svm (C=0.1)", "svm (C=1.0)"], [])


def test_a_lower_score_is_better_where_the_metric_says_so(fitted, store):
    fitted("svm", model=svm(0.1), validation=5.0)
    fitted("svm", model=svm(1.0), validation=0.5)

    found = compare("study", tracking_uri=store.uri, metric="brier").variants

    assert list(found["model"]) == ["svm (C=0.1)", "svm (C=1.0)"]
    assert found["validation"][0] < found["validation"][1]


@pytest.mark.slow
def test_a_sweep_over_a_hyperparameter_is_one_row(command, tmp_path):
    overrides = (
        "dataset=synthetic", "dataset.cases=60", "dataset.classes=3", "dataset.image_size=32",
        "statistics.resamples=2000", "tracking.experiment=study",
    )  # fmt: skip
    sweep = command("run", "-m", "model=opencv", "model.image_size=32", "model.C=0.1,1,10", *overrides)

    ended = command("compare", "study")

    assert (sweep.code, ended.code) == (0, 0)
    found = compare("study", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    assert len(found.leaderboard) == 1
    assert len(found.variants) == 3
    assert "Variants that were tried" in ended.out

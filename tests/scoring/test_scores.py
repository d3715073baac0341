import numpy as np
import pytest

from arogya_bench.evaluation.job import prepare
from arogya_bench.metrics.classification import INTERVAL_METRICS, METRICS, TWO_CLASS_METRICS, score
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.scoring.scores import Resampling, compute_scores, point_scores, resample
from arogya_bench.types import Predictions

SEED = "ab" * 16


@pytest.fixture(scope="module")
def predictions(job_of, roster, guessed):
    return guessed(prepare(job_of(source=roster())).split.test, skill=1.0)


def of_one_class():
    return Predictions(
        classes=("benign", "malignant"),
        case_ids=("a", "b", "c"),
        group_ids=("a", "b", "c"),
        targets=np.zeros(3, dtype=np.int64),
        probabilities=np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]]),
    )


def test_values_are_those_of_the_metrics(predictions):
    judged = compute_scores(predictions, resamples=2000, seed=SEED)

    assert judged.values == score(predictions.targets, predictions.probabilities)


def test_what_the_task_judges_by_has_an_interval_around_it(predictions):
    judged = compute_scores(predictions, resamples=2000, seed=SEED)

    assert set(judged.intervals) == set(INTERVAL_METRICS) - set(TWO_CLASS_METRICS)
    assert set(METRICS) <= set(judged.values)
    for name in ("accuracy", "f1_macro", "auroc_macro_ovr", "mcc"):
        assert judged.intervals[name].low < judged.values[name] < judged.intervals[name].high


def test_patients_are_counted_apart_from_images(predictions):
    judged = compute_scores(predictions, resamples=2000, seed=SEED)

    assert judged.cases == len(predictions.case_ids)
    assert judged.groups == len(set(predictions.group_ids)) < judged.cases


def test_scalars_fit_into_one_run_and_are_finite(predictions):
    scalars = compute_scores(predictions, resamples=2000, seed=SEED).scalars()

    assert len(scalars) <= 60
    assert all(np.isfinite(value) for value in scalars.values())
    assert {"f1_macro", "f1_macro.ci_low", "f1_macro.ci_high", "cases", "groups"} <= set(scalars)


def test_a_metric_that_does_not_exist_is_absent_and_has_a_reason():
    judged = compute_scores(of_one_class(), resamples=2000, seed=SEED)

    assert "auroc_macro_ovr" not in judged.scalars()
    assert judged.undefined["auroc_macro_ovr"] == "every case is of the class 'benign'"


def test_a_value_without_an_interval_stands_alone():
    """With a single patient there is nothing to resample."""
    predictions = of_one_class()
    alone = Predictions(**{**vars(predictions), "group_ids": ("a", "a", "a")})

    scalars = compute_scores(alone, resamples=2000, seed=SEED).scalars()

    assert scalars["accuracy"] == pytest.approx(2 / 3)
    assert "accuracy.ci_low" not in scalars


def test_equal_seeds_draw_the_same_patients_for_every_model(job_of, roster, guessed):
    cases = prepare(job_of(source=roster())).split.test

    first = compute_scores(guessed(cases, skill=0.0), resamples=2000, seed=SEED)
    second = compute_scores(guessed(cases, skill=3.0), resamples=2000, seed=SEED)

    assert first.resampling_digests == second.resampling_digests
    assert len(set(first.resampling_digests)) == 2  # of all groups, and within classes


def test_only_metrics_that_do_not_depend_on_class_frequencies_are_resampled_within_classes(predictions):
    names = ["accuracy", "f1_macro", "brier", "balanced_accuracy", "recall_macro", "auroc_macro_ovr"]

    resampled = resample(
        CLASSIFICATION, predictions, names, Resampling(predictions=predictions, resamples=50, seed=SEED)
    )

    within = {name for name, metric in resampled.items() if np.bincount(metric.draws.stratum_of).size > 1}
    assert within == {"balanced_accuracy", "recall_macro", "auroc_macro_ovr"}


def test_point_scores_are_the_values_without_resampling(predictions):
    assert point_scores(predictions) == compute_scores(predictions, resamples=2000, seed=SEED).values


def test_the_classes_have_a_row_each(predictions):
    table = CLASSIFICATION.per_class_table(predictions)

    assert list(table["class"]) == list(predictions.classes)
    assert table["support"].sum() == len(predictions.case_ids)


@pytest.mark.parametrize(("classes", "kept"), [(["mild", "none", "severe"], False), (["G1", "G2", "G3"], True)])
def test_metrics_of_grades_are_left_out_where_nobody_ordered_the_classes(predictions, classes, kept):
    judged = compute_scores(predictions, resamples=2000, seed=SEED).without_grades(classes)

    assert ("kappa_quadratic" in judged.values) == kept
    assert ("kappa_linear" in judged.undefined) != kept
    assert "kappa" in judged.values

import numpy as np
import pytest
from quality_studies import predict, scored, study_of
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from arogya_bench.analysis.per_class import PER_CLASS_COLUMNS, per_class_rows
from arogya_bench.statistics import wilson
from arogya_bench.statistics.delong import auroc_interval


def test_each_class_has_its_own_scores():
    rng = np.random.default_rng(0)
    targets = rng.integers(3, size=300)
    table = rng.dirichlet([1, 1, 1], 300) + 0.6 * np.eye(3)[targets]
    table /= table.sum(axis=1, keepdims=True)

    rows = per_class_rows(study_of({"a": [predict(targets, table)]}))

    assert [row["class"] for row in rows] == ["benign", "malignant", "other"]
    assert tuple(rows[0]) == PER_CLASS_COLUMNS
    for k, row in enumerate(rows):
        own, called = targets == k, table.argmax(axis=1) == k
        assert row["sensitivity"] == pytest.approx(recall_score(own, called))
        assert row["precision"] == pytest.approx(precision_score(own, called))
        assert row["specificity"] == pytest.approx(recall_score(~own, ~called))
        assert row["f1"] == pytest.approx(f1_score(own, called))
        assert row["auroc"] == pytest.approx(roc_auc_score(own, table[:, k]))
        expected = wilson(int((own & called).sum()), int(own.sum()))
        assert (row["sensitivity.ci_low"], row["sensitivity.ci_high"]) == expected.ci


def test_the_interval_of_auroc_agrees_with_delong_where_cases_are_independent():
    targets = np.arange(400) % 2
    score = scored(1, targets, 1.5)

    row = per_class_rows(study_of({"a": [predict(targets, score)]}))[1]

    expected = auroc_interval(targets == 1, score)
    assert row["auroc.ci_low"] == pytest.approx(expected.low, abs=0.003)
    assert row["auroc.ci_high"] == pytest.approx(expected.high, abs=0.003)


def test_patients_with_several_images_widen_the_interval():
    patients = np.repeat(np.arange(40), 10)
    targets = patients % 2
    right = np.random.default_rng(0).random(40)[patients] < 0.8  # all images of a patient, or none
    predictions = predict(targets, np.where(right == (targets == 1), 0.9, 0.1), groups=patients)

    row = per_class_rows(study_of({"a": [predictions]}))[1]

    naive = wilson(int((right & (targets == 1)).sum()), 200)
    assert row["sensitivity.ci_high"] - row["sensitivity.ci_low"] > 2 * (naive.high - naive.low)


def test_a_class_that_is_always_found_has_a_lower_bound_by_its_patients():
    patients = np.repeat(np.arange(60), 2)
    targets = patients % 2

    row = per_class_rows(study_of({"a": [predict(targets, np.where(targets, 0.9, 0.1), groups=patients)]}))[1]

    assert (row["sensitivity"], row["sensitivity.ci_low"]) == (1.0, wilson(30, 30).low)


def test_seeds_are_averaged_and_widen_the_interval():
    targets = np.arange(200) % 2
    seeds = [np.where(np.arange(200) % 10 < wrong, 1 - targets, targets) * 0.8 + 0.1 for wrong in (0, 2, 4)]

    row = per_class_rows(study_of({"a": [predict(targets, seed) for seed in seeds]}))[1]

    of_each = [per_class_rows(study_of({"a": [predict(targets, seed)]}))[1] for seed in seeds]
    assert row["sensitivity"] == pytest.approx(np.mean([one["sensitivity"] for one in of_each]))
    assert row["seeds"] == 3
    assert row["sensitivity.ci_low"] < min(one["sensitivity.ci_low"] for one in of_each)


def test_cases_without_an_answer_are_missed():
    targets = np.arange(100) % 2
    score = np.where(targets, 0.9, 0.1)
    score[1:21:2] = np.nan  # ten of fifty positives

    row = per_class_rows(study_of({"a": [predict(targets, score)]}))[1]

    assert row["sensitivity"] == pytest.approx(0.8)
    assert row["auroc"] is None
    assert "10 cases without an answer count as wrong" in row["note"]


def test_a_class_without_a_case_is_undefined_and_says_so():
    targets = np.arange(60) % 2
    table = np.eye(3)[targets] * 0.8 + 0.1
    table /= table.sum(axis=1, keepdims=True)

    row = per_class_rows(study_of({"a": [predict(targets, table)]}))[2]

    assert (row["cases"], row["sensitivity"], row["f1"], row["auroc"]) == (0, None, None, None)
    assert "no test case" in row["note"]

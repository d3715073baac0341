import numpy as np
import pytest
from quality_studies import predict, scored, study_of

from arogya_bench.analysis.curves import (
    MODEL_POINTS,
    PRECISION_RECALL_COLUMNS,
    ROC_COLUMNS,
    precision_recall_rows,
    roc_rows,
)
from arogya_bench.analysis.per_class import per_class_rows

TARGETS = np.arange(400) % 2


def test_of_two_classes_the_positive_one_has_the_curve():
    rows = roc_rows(study_of({"a": [predict(TARGETS, scored(1, TARGETS))]}))

    assert tuple(rows[0]) == ROC_COLUMNS
    assert {row["class"] for row in rows} == {"malignant"}
    assert len(rows) <= 60
    assert [(row["fpr"], row["tpr"]) for row in (rows[0], rows[-1])] == [(0, 0), (1, 1)]


def test_each_class_has_the_auroc_of_the_table_of_classes():
    rng = np.random.default_rng(0)
    targets = rng.integers(3, size=300)
    seeds = [predict(targets, rng.dirichlet([1, 1, 1], 300)) for _ in range(2)]
    study = study_of({"a": seeds})

    rows = roc_rows(study)

    found = {row["class"]: row["auroc"] for row in rows}
    assert found == {row["class"]: pytest.approx(row["auroc"]) for row in per_class_rows(study)}
    assert len(rows) <= MODEL_POINTS
    assert {row["seeds"] for row in rows} == {2}
    assert tuple(precision_recall_rows(study)[0]) == PRECISION_RECALL_COLUMNS


def test_a_model_without_an_answer_to_a_case_has_no_curve_but_a_reason():
    score = scored(1, TARGETS)
    score[:7] = np.nan

    (row,) = roc_rows(study_of({"a": [predict(TARGETS, score)]}))

    assert (row["fpr"], row["tpr"], row["auroc"]) == (None, None, None)
    assert row["note"] == "7 of 400 cases have no probabilities"

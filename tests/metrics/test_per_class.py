import numpy as np
import pytest

from arogya_bench.metrics.per_class import per_class

THREE = [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.4, 0.5, 0.1], [0.3, 0.6, 0.1]]


def test_one_row_per_class_by_hand():
    rows = per_class([0, 0, 0, 1], THREE, classes=["naevus", "melanoma", "wart"])

    assert rows[0] == {
        "class": "naevus",
        "support": 3,
        "predicted": 2,
        "sensitivity": pytest.approx(2 / 3),
        "specificity": 1.0,
        "precision": 1.0,
        "f1": pytest.approx(0.8),
        "auroc": 1.0,
        "average_precision": 1.0,
        "flag": "fewer than 10 cases",
    }


def test_class_without_cases_has_no_sensitivity_f1_or_auroc():
    row = per_class([0, 0, 0, 1], THREE)[2]

    assert (row["sensitivity"], row["f1"], row["auroc"]) == (None, None, None)


def test_class_that_is_never_predicted_has_no_precision_but_an_f1_of_zero():
    row = per_class([0, 2], predicted=[0, 0], classes=3)[2]

    assert (row["precision"], row["f1"]) == (None, 0.0)


def test_class_that_holds_every_case_has_no_specificity():
    assert per_class([0, 0], predicted=[0, 1])[0]["specificity"] is None


def test_ten_cases_need_no_flag():
    labels = [0, 1] * 10

    assert [row["flag"] for row in per_class(labels, predicted=labels)] == ["", ""]


def test_what_is_odd_about_a_class_is_told():
    rows = per_class([0] * 10, predicted=[0] * 10)

    assert [row["flag"] for row in rows] == ["holds every case", "not in the truth; never predicted"]


def test_a_missing_answer_is_told_beside_each_class():
    rows = per_class([0, 1], [[np.nan, 1.0], [0.2, 0.8]])

    assert rows[0]["auroc"] is None
    assert "1 cases have no probabilities" in rows[0]["flag"]

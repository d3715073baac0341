import numpy as np
import pytest
from rendered import notes, rows
from sklearn.metrics import average_precision_score

from arogya_bench.figures.precision_recall import plot_precision_recall

TARGETS = np.array([1, 0, 1, 0])
SCORES = np.array([0.9, 0.8, 0.6, 0.1])  # of the positives, one outranks all, one is third


def two_columns(scores):
    return np.stack([1 - scores, scores], axis=1)


def test_a_curve_by_hand():
    chart = plot_precision_recall(TARGETS, two_columns(SCORES), ["benign", "malignant"])

    points = {(row["x"], round(row["y"], 4)) for row in rows(chart, "label")}
    assert {(0.0, 1.0), (0.5, 1.0), (0.5, 0.5), (1.0, 0.6667), (1.0, 0.5)} <= points
    assert {row["label"] for row in rows(chart, "label")} == {"malignant (0.833)"}
    assert notes(chart) == "malignant against benign; 4 cases."


@pytest.mark.parametrize("seed", range(3))
def test_each_class_is_named_with_its_average_precision(seed):
    rng = np.random.default_rng(seed)
    targets, probabilities = rng.integers(0, 3, 200), rng.random((200, 3)).round(2)

    chart = plot_precision_recall(targets, probabilities, ["a", "b", "c"])

    expected = {
        f"{name} ({average_precision_score(targets == k, probabilities[:, k]):.3f})" for k, name in enumerate("abc")
    }
    assert {row["label"] for row in rows(chart, "label")} == expected


def test_a_class_without_cases_is_undefined_and_named():
    chart = plot_precision_recall(TARGETS, np.eye(3)[TARGETS], ["a", "b", "c"], unanswered=2)

    assert "Undefined: c (no case)." in notes(chart)
    assert "4 cases with an answer, 2 without" in notes(chart)


def test_of_many_classes_the_worst_are_shown():
    targets = np.arange(40)
    probabilities = np.eye(40)
    probabilities[:5] = 1 / 40

    chart = plot_precision_recall(targets, probabilities, [f"k{k}" for k in range(40)])

    shown = {row["label"].split()[0] for row in rows(chart, "label")}
    assert len(shown) == 30
    assert {f"k{k}" for k in range(5)} <= shown
    assert "30 of 40 classes" in notes(chart)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from arogya_bench.metrics.segmentation import (
    METRICS,
    SEGMENTATION_METRICS_VERSION,
    per_class,
    score,
    score_with_reasons,
)
from arogya_bench.metrics.segmentation_cases import score_cases

EMPTY = np.zeros((6, 8), dtype=bool)
HOW = {"spacing": (1.0, 1.0), "tolerance": 1.0}


def box(top, bottom, left, right):
    mask = EMPTY.copy()
    mask[top:bottom, left:right] = True
    return mask


def random_cases(seed, n=6):
    rng = np.random.default_rng(seed)
    return list(rng.random((n, 6, 8)) < 0.4), list(rng.random((n, 6, 8)) < 0.4)


def test_scores_by_hand():
    """Eight pixels each, four in common, shifted by two of 48 pixels."""
    found = score(box(0, 2, 0, 4), box(0, 2, 2, 6), **HOW)

    assert found["dice"] == 0.5
    assert found["iou"] == pytest.approx(4 / 12)
    assert found["sensitivity"] == found["precision"] == 0.5
    assert found["specificity"] == pytest.approx(36 / 40)
    assert found["hd"] == found["hd95"] == 2.0


def test_distances_are_in_mm():
    found = score(box(0, 2, 0, 4), box(0, 2, 2, 6), spacing=(3.0, 0.5), tolerance=1.0)

    assert found["hd"] == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_agree_with_scikit_learn(seed):
    (target, *_), (predicted, *_) = random_cases(seed)
    flat = target.ravel(), predicted.ravel()

    found = score(target, predicted, **HOW)

    assert found["dice"] == pytest.approx(f1_score(*flat))
    assert found["iou"] == pytest.approx(jaccard_score(*flat))
    assert found["sensitivity"] == pytest.approx(recall_score(*flat))
    assert found["specificity"] == pytest.approx(recall_score(*flat, pos_label=False))
    assert found["precision"] == pytest.approx(precision_score(*flat))


def test_equal_volumes_are_perfect():
    volume = np.random.default_rng(0).random((4, 5, 6)) < 0.3

    found = score(volume, volume, spacing=(3.0, 0.8, 0.8), tolerance=0.0)

    assert found == {name: (1.0 if each.best == "high" else 0.0) for name, each in METRICS.items()}


def test_both_empty_agree_by_convention():
    found = score_with_reasons(EMPTY, EMPTY, **HOW)

    assert [found.values[name] for name in ("dice", "iou", "surface_dice")] == [1.0, 1.0, 1.0]
    assert found.values["hd"] == found.values["hd95"] == 0.0
    assert set(found.flags) == {"dice", "iou", "surface_dice", "hd", "hd95"}
    assert set(found.undefined) == {"sensitivity", "precision"}
    assert found.n_empty == 2


@pytest.mark.parametrize(("target", "predicted"), [(EMPTY, box(0, 1, 0, 1)), (box(0, 1, 0, 1), EMPTY)])
def test_one_empty_is_the_worst(target, predicted):
    found = score_with_reasons(target, predicted, spacing=(3.0, 0.5), tolerance=1.0)

    assert [found.values[name] for name in ("dice", "iou", "surface_dice")] == [0.0, 0.0, 0.0]
    assert found.values["hd"] == found.values["hd95"] == pytest.approx(np.hypot(18.0, 4.0))
    assert set(found.flags) == {"hd", "hd95"}
    assert found.n_empty == 1


def test_empty_truth_hides_no_false_positive_and_has_no_sensitivity():
    found = score_with_reasons(EMPTY, box(0, 1, 0, 1), **HOW)

    assert found.undefined == {"sensitivity": "no pixel in the truth"}
    assert found.values["precision"] == 0.0


def test_full_truth_has_no_specificity():
    found = score_with_reasons(~EMPTY, box(0, 1, 0, 1), **HOW)

    assert set(found.undefined) == {"specificity"}
    assert score(~EMPTY, EMPTY, **HOW)["specificity"] is None


def test_mean_is_over_cases_not_over_pixels():
    targets, predictions = [box(0, 4, 0, 8), box(0, 1, 0, 1)], [box(0, 4, 0, 8), box(5, 6, 7, 8)]

    found = score_cases(targets, predictions, **HOW)

    assert found.values["dice"] == 0.5
    assert found.per_case["dice"].tolist() == [1.0, 0.0]


def test_empty_cases_are_counted_and_their_effect_is_told():
    targets = [EMPTY, box(0, 2, 0, 4), EMPTY]
    predictions = [EMPTY, box(0, 2, 2, 6), box(0, 1, 0, 1)]

    found = score_cases(targets, predictions, **HOW)

    assert (found.both_empty, found.one_empty) == (1, 1)
    assert found.values["dice"] == pytest.approx(0.5)
    assert found.without_both_empty["dice"] == pytest.approx(0.25)
    assert "count as 1: mean 0.5 with them, 0.25 without" in found.flags["dice"]
    assert "image diagonal" in found.flags["hd95"]
    assert "2 of 3 cases left out: no pixel in the truth" in found.flags["sensitivity"]
    assert np.isnan(found.per_case["sensitivity"]).tolist() == [True, False, True]


def test_empty_masks_alone_have_no_other_case():
    found = score_cases([EMPTY] * 2, [EMPTY] * 2, **HOW)

    assert found.values["dice"] == 1.0
    assert found.without_both_empty == {}
    assert "no other case" in found.flags["dice"]
    assert found.undefined["sensitivity"] == "in every case: no pixel in the truth"


def test_cases_without_an_empty_mask_raise_no_flag():
    found = score_cases(*random_cases(0), **HOW, groups=list("aabbcc"))

    assert found.flags == {}
    assert (found.n, found.groups, found.seed, found.note) == (6, 3, None, "")
    assert found.values == found.without_both_empty


def test_case_without_a_patient_is_its_own_group():
    found = score_cases(*random_cases(0), **HOW)

    assert found.groups == 6
    assert found.note


def test_no_cases_have_no_mean():
    found = score_cases([], [], **HOW)

    assert found.values == {}
    assert set(found.undefined.values()) == {"no cases"}
    assert found.per_case["dice"].shape == (0,)


def test_each_case_may_have_its_own_size_and_spacing():
    small, large = np.eye(3, dtype=bool), np.eye(9, dtype=bool)
    spacings = [(1.0, 1.0), (0.5, 2.0)]

    found = score_cases([small, large], [~small, ~large], spacing=spacings, tolerance=1.0)

    expected = [
        score(mask, ~mask, spacing=spacing, tolerance=1.0)["hd"]
        for mask, spacing in zip((small, large), spacings, strict=True)
    ]
    assert found.per_case["hd"].tolist() == expected


@given(order=st.permutations(range(6)))
def test_order_of_cases_changes_no_mean(order):
    targets, predictions = random_cases(3)
    targets[2] = predictions[2] = EMPTY

    found = score_cases([targets[k] for k in order], [predictions[k] for k in order], **HOW)

    assert found.values == score_cases(targets, predictions, **HOW).values


@given(seed=st.integers(0, 10_000))
def test_values_stay_in_their_range(seed):
    (target, *_), (predicted, *_) = random_cases(seed, n=1)

    found = score_with_reasons(target, predicted, **HOW)

    for name, value in found.values.items():
        assert METRICS[name].low <= value <= METRICS[name].high


@given(seed=st.integers(0, 10_000))
def test_swapping_truth_and_prediction_swaps_sensitivity_and_precision(seed):
    (target, *_), (predicted, *_) = random_cases(seed, n=1)

    there, back = score(target, predicted, **HOW), score(predicted, target, **HOW)

    assert there["sensitivity"] == back["precision"]
    for name in ("dice", "iou", "hd", "hd95", "surface_dice"):
        assert there[name] == pytest.approx(back[name])


def test_each_class_stands_against_the_rest():
    truth = np.array([[0, 1, 1], [2, 2, 0]])
    guess = np.array([[0, 1, 2], [2, 2, 0]])

    rows = per_class(truth, guess, classes=["background", "cyst", "tumour"], **HOW)

    assert [row["class"] for row in rows] == ["cyst", "tumour"]
    assert [(row["support"], row["predicted"]) for row in rows] == [(2, 1), (2, 3)]
    assert [row["dice"] for row in rows] == pytest.approx([2 / 3, 4 / 5])
    assert rows[0]["hd"] == score(truth == 1, guess == 1, **HOW)["hd"]
    assert rows[0]["flag"] == ""


def test_class_in_neither_mask_is_flagged():
    labels = np.array([[0, 1], [1, 0]])

    (_, absent) = per_class(labels, labels, classes=3, **HOW)

    assert (absent["class"], absent["dice"], absent["sensitivity"]) == ("2", 1.0, None)
    assert "dice, iou, surface_dice: 1 by convention" in str(absent["flag"])


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([[0, 3]], 3, "label 3"),
        ([[0, -1]], 3, "label -1"),
        ([[0.0, 1.0]], 3, "whole numbers"),
        ([[0, 0]], 1, "none beside"),
    ],
)
def test_labels_outside_the_classes_are_refused(labels, classes, message):
    with pytest.raises(ValueError, match=message):
        per_class(np.array(labels), np.array(labels), classes=classes, **HOW)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"predictions": [EMPTY]}, "2 targets and 1"),
        ({"groups": ["a"]}, "groups"),
        ({"spacing": [(1.0, 1.0)]}, "1 spacings for 2 cases"),
        ({"spacing": ()}, "spacing"),
        ({"tolerance": -1.0}, "tolerance"),
    ],
)
def test_columns_of_other_lengths_are_refused(changed, message):
    given = {"targets": [EMPTY] * 2, "predictions": [EMPTY] * 2, **HOW} | changed

    with pytest.raises(ValueError, match=message):
        score_cases(given.pop("targets"), given.pop("predictions"), **given)


def test_direction_and_range_are_data():
    assert SEGMENTATION_METRICS_VERSION == 1
    assert {name for name, each in METRICS.items() if each.best == "low"} == {"hd", "hd95"}
    assert {name for name, each in METRICS.items() if each.unit == "mm"} == {"hd", "hd95"}
    assert all(METRICS[name].name == name for name in score(EMPTY, EMPTY, **HOW))

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from arogya_bench.metrics.classification import METRICS, metrics_for, score, score_with_reasons

LABELS = {
    "accuracy": sklearn.accuracy_score,
    "balanced_accuracy": sklearn.balanced_accuracy_score,
    "mcc": sklearn.matthews_corrcoef,
}
AVERAGED = {"precision": sklearn.precision_score, "recall": sklearn.recall_score, "f1": sklearn.f1_score}


def tied(seed, *, classes, n=80):
    """Cases of every class, with probabilities in steps of 1/10, so that many tie."""
    rng = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(classes), rng.integers(classes, size=n - classes)])
    drawn = rng.multinomial(10, np.full(classes, 1 / classes), size=n)
    return targets, drawn / 10


def test_two_classes_by_hand():
    """One false alarm and one miss in four cases; 3 of the 4 pairs are in order."""
    probabilities = np.array([[0.1, 0.9], [0.2, 0.8], [0.6, 0.4], [0.9, 0.1]])

    found = score([1, 0, 1, 0], probabilities)

    assert found["accuracy"] == 0.5
    assert found["f1_macro"] == 0.5
    assert found["mcc"] == 0.0
    assert found["auroc_macro_ovr"] == 0.75
    assert found["brier"] == pytest.approx((0.01 + 0.64 + 0.36 + 0.01) / 4)
    assert found["nll"] == pytest.approx(-math.log(0.9 * 0.2 * 0.4 * 0.9) / 4)


def test_three_classes_by_hand():
    """Class 2 is never predicted: it costs precision, recall and F1 a third each."""
    found = score([0, 0, 1, 2], predicted=[0, 0, 1, 1], classes=3)

    assert found["precision_macro"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert found["recall_macro"] == pytest.approx((1 + 1 + 0) / 3)
    assert found["specificity_macro"] == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert found["f1_macro"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert found["f1_weighted"] == pytest.approx((2 * 1 + 2 / 3 + 0) / 4)


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_label_metrics_agree_with_scikit_learn(seed, classes):
    targets, probabilities = tied(seed, classes=classes)
    predicted = np.random.default_rng(seed).integers(classes, size=targets.size)

    found = score(targets, probabilities, predicted)

    expected = {name: function(targets, predicted) for name, function in LABELS.items()}
    for name, function in AVERAGED.items():
        for average in ("macro", "weighted"):
            value = function(targets, predicted, average=average, zero_division=0)
            expected[f"{name}_{average}"] = value
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_probability_metrics_of_many_classes_agree_with_scikit_learn(seed):
    targets, probabilities = tied(seed, classes=4)

    found = score(targets, probabilities)

    for average in ("macro", "weighted"):
        auroc = sklearn.roc_auc_score(targets, probabilities, multi_class="ovr", average=average)
        assert found[f"auroc_{average}_ovr"] == pytest.approx(auroc, abs=1e-12)
    assert found["nll"] == pytest.approx(sklearn.log_loss(targets, probabilities), abs=1e-12)
    assert found["brier"] == pytest.approx(sklearn.brier_score_loss(targets, probabilities))


@pytest.mark.parametrize("seed", range(3))
def test_probability_metrics_of_two_classes_agree_with_scikit_learn(seed):
    targets, probabilities = tied(seed, classes=2)

    found = score(targets, probabilities)

    positive = probabilities[:, 1]
    assert found["auroc_macro_ovr"] == pytest.approx(sklearn.roc_auc_score(targets, positive))
    assert found["auroc_weighted_ovr"] == pytest.approx(found["auroc_macro_ovr"])
    assert found["brier"] == pytest.approx(sklearn.brier_score_loss(targets, positive))


def test_of_two_classes_the_second_wins_a_tie():
    assert score([1], [[0.5, 0.5]])["accuracy"] == 1.0


def test_of_three_classes_the_first_wins_a_tie():
    assert score([0], [[0.4, 0.4, 0.2]])["accuracy"] == 1.0


def test_a_locked_threshold_changes_labels_but_not_calibration():
    targets, probabilities = tied(0, classes=2)

    default, locked = score(targets, probabilities), score(targets, probabilities, targets)

    assert locked["accuracy"] == 1.0
    assert locked["ece"] == default["ece"]


def test_labels_alone_leave_probability_metrics_undefined():
    found = score_with_reasons([0, 1], predicted=[0, 1])

    assert found.undefined == {
        name: "no class probabilities" for name, metric in metrics_for(2).items() if metric.probabilistic
    }


def test_no_cases_leave_every_metric_undefined():
    found = score_with_reasons([], np.empty((0, 3)))

    assert found.undefined == dict.fromkeys(METRICS, "no cases")


def test_auroc_of_a_single_class_is_undefined_with_its_reason():
    found = score_with_reasons([1, 1], [[0.2, 0.8], [0.6, 0.4]], classes=["benign", "malignant"])

    assert found.undefined["auroc_macro_ovr"] == "every case is of the class 'malignant'"


def test_mcc_of_a_constant_prediction_is_zero_and_flagged():
    found = score_with_reasons([0, 1, 1], predicted=[1, 1, 1])

    assert found.values["mcc"] == 0.0
    assert "constant" in found.flags["mcc"]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_kappa_agrees_with_scikit_learn(weights, classes):
    targets, probabilities = tied(3, classes=classes)
    predicted = np.random.default_rng(3).integers(classes, size=targets.size)
    name = f"kappa_{weights}" if weights else "kappa"

    found = score(targets, probabilities, predicted)[name]

    grades = range(classes)
    expected = sklearn.cohen_kappa_score(targets, predicted, weights=weights, labels=grades)
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_grade_that_never_occurs_keeps_its_distance():
    """Grade 2 of 0 to 3 is neither true nor predicted: 3 stays three steps from 0."""
    targets, predicted = [0, 1, 3, 3, 0, 1], [0, 3, 3, 1, 1, 1]

    found = score(targets, predicted=predicted, classes=4)

    expected = sklearn.cohen_kappa_score(targets, predicted, weights="quadratic", labels=range(4))
    squeezed = sklearn.cohen_kappa_score(targets, predicted, weights="quadratic")
    assert found["kappa_quadratic"] == pytest.approx(expected)
    assert abs(found["kappa_quadratic"] - squeezed) > 0.01


def test_kappa_of_one_and_the_same_class_is_undefined():
    found = score_with_reasons([1, 1], predicted=[1, 1])

    assert found.undefined["kappa"] == "every case is of the class '1'"


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_agrees_with_scikit_learn_on_tied_scores(seed):
    targets, probabilities = tied(seed, classes=3)

    found = score(targets, probabilities)["average_precision_macro"]

    truth = np.eye(3)[targets]
    assert found == pytest.approx(sklearn.average_precision_score(truth, probabilities))


def test_positive_class_of_two_has_metrics_of_its_own():
    targets, probabilities = tied(1, classes=2)
    predicted = (probabilities[:, 1] >= 0.5).astype(int)

    found = score(targets, probabilities)

    assert found["sensitivity"] == pytest.approx(sklearn.recall_score(targets, predicted))
    assert found["specificity"] == pytest.approx(sklearn.recall_score(targets, predicted, pos_label=0))
    assert found["precision"] == pytest.approx(sklearn.precision_score(targets, predicted))
    assert found["f1"] == pytest.approx(sklearn.f1_score(targets, predicted))
    assert found["auroc"] == pytest.approx(sklearn.roc_auc_score(targets, probabilities[:, 1]))
    assert found["average_precision"] == pytest.approx(sklearn.average_precision_score(targets, probabilities[:, 1]))
    assert "sensitivity" not in score([0, 1, 2], predicted=[0, 1, 2])


def test_precision_without_a_positive_call_is_undefined_with_its_reason():
    found = score_with_reasons([0, 1], predicted=[0, 0], classes=["benign", "malignant"])

    assert found.undefined["precision"] == "no case is called 'malignant'"


def test_classwise_calibration_error_by_hand():
    """One bin of each class: |1/2 - .7| and |1/2 - .3|, on average .2."""
    found = score([0, 1], [[0.8, 0.2], [0.6, 0.4]], bins=1)

    assert found["ece_classwise"] == pytest.approx(0.2)


def test_adaptive_calibration_error_cuts_cases_into_equal_shares():
    """Sorted by confidence .6 .7 .8 .9 in two bins of two: |1 - 1.3| / 4 and |1 - 1.7| / 4."""
    probabilities = [[0.6, 0.4], [0.3, 0.7], [0.8, 0.2], [0.1, 0.9]]

    found = score([0, 0, 0, 0], probabilities, bins=2)

    assert found["ece_adaptive"] == pytest.approx((0.3 + 0.7) / 4)


def test_cases_of_equal_confidence_are_shared_out_among_equal_bins():
    """Whatever the order of ties, each of two bins holds half of every gap."""
    found = score([0, 0, 0, 1], np.tile([0.6, 0.4], (4, 1)), bins=2)

    assert found["ece_adaptive"] == pytest.approx(abs(3 - 2.4) / 4)


def test_a_case_without_probabilities_counts_as_wrong_and_leaves_no_calibration():
    probabilities = [[0.9, 0.1], [0.2, 0.8], [np.nan, np.nan], [0.7, 0.3]]

    found = score_with_reasons([0, 1, 1, 0], probabilities)

    assert found.values["accuracy"] == 0.75
    assert found.values["sensitivity"] == 0.5
    assert found.values["specificity"] == 1.0
    assert found.undefined["ece"] == "1 of 4 cases have no probabilities"
    assert "1 cases (25.0%) have no answer" in found.flags["accuracy"]


def test_no_answer_on_a_negative_case_is_no_true_negative():
    found = score([0, 0, 1], predicted=[0, -1, 1])

    assert found["specificity"] == 0.5
    assert found["accuracy"] == pytest.approx(2 / 3)


def test_no_answer_is_one_more_predicted_class_of_mcc_and_the_worst_of_kappa():
    found = score([0, 1, 2, 2], predicted=[0, 1, 2, -1], classes=3)

    expected = sklearn.matthews_corrcoef([0, 1, 2, 2], [0, 1, 2, 3])
    assert found["mcc"] == pytest.approx(expected)
    assert found["kappa_quadratic"] < 1


def test_rows_of_logits_are_divided_and_questioned():
    found = score_with_reasons([0, 1], [[3.0, 1.0], [1.0, 3.0]])

    assert found.values["brier"] == pytest.approx(0.25**2)
    assert "2 rows are off by more than 5%: are they probabilities?" in found.flags["brier"]


def test_auroc_of_a_missing_class_is_left_out_and_flagged():
    probabilities = [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.5, 0.4, 0.1]]

    found = score_with_reasons([0, 1, 0], probabilities, classes=["a", "b", "c"])

    assert found.values["auroc_macro_ovr"] == 1.0
    assert "left out, not in the truth: c" in found.flags["auroc_macro_ovr"]


def test_class_in_neither_truth_nor_prediction_is_left_out_and_flagged():
    found = score_with_reasons([0, 1], predicted=[0, 1], classes=3)

    assert found.values["f1_macro"] == 1.0
    assert "in neither truth nor prediction: 2" in found.flags["f1_macro"]


def test_class_predicted_without_a_case_counts_as_zero_and_is_flagged():
    found = score_with_reasons([0, 0], predicted=[0, 1], classes=2)

    assert found.values["recall_macro"] == 0.25
    assert "predicted without a case, counts as 0: 1" in found.flags["recall_macro"]


def test_specificity_of_a_class_that_holds_every_case_is_left_out_and_flagged():
    found = score_with_reasons([0, 0], predicted=[0, 1])

    assert found.values["specificity_macro"] == 0.5
    assert "holds every case: 0" in found.flags["specificity_macro"]


def test_certainty_in_the_wrong_class_has_a_finite_nll_and_a_flag():
    found = score_with_reasons([0, 1], [[0.0, 1.0], [0.0, 1.0]])

    assert found.values["nll"] == pytest.approx(-math.log(2.0**-52) / 2)
    assert found.flags["nll"].startswith("1 probabilities below")


def test_rounded_rows_are_divided_by_their_sum_and_flagged():
    found = score_with_reasons([0, 1], [[0.667, 0.332], [0.25, 0.75]])

    assert found.values["brier"] == pytest.approx(((0.332 / 0.999) ** 2 + 0.25**2) / 2)
    assert found.flags["brier"].startswith("1 rows did not sum to 1")


def test_fewer_than_ten_cases_of_a_class_are_flagged():
    targets = [0] * 9 + [1] * 10

    found = score_with_reasons(targets, predicted=targets)

    assert found.flags["f1_macro"] == "fewer than 10 cases: 0"
    assert found.flags["specificity"] == "fewer than 10 cases: 9"
    assert "sensitivity" not in found.flags


def test_weighted_kappas_say_in_which_order_they_take_the_classes():
    classes = ["mild", "no DR", "severe"]

    found = score_with_reasons([0, 1, 2], predicted=[0, 1, 1], classes=classes)

    assert found.flags["kappa_quadratic"] == "takes the classes for grades in this order: mild, no DR, severe"
    assert "kappa" not in found.flags
    assert "kappa_linear" not in score_with_reasons([0, 1, 2], predicted=[0, 1, 1], classes=["G1", "G2", "G10"]).flags


def test_ordinary_cases_have_no_flags():
    targets, probabilities = tied(0, classes=2)

    found = score_with_reasons(targets, np.clip(probabilities, 0.1, 0.9))

    assert found.flags == {}


def test_every_summary_is_one_sentence():
    assert all(metric.summary.endswith(".") for metric in METRICS.values())


@pytest.mark.parametrize("name", METRICS)
def test_perfect_beats_prior(name):
    targets = np.repeat([0, 1, 2], [20, 15, 12])
    perfect = np.eye(3)[targets]
    prior = np.tile([20 / 47, 15 / 47, 12 / 47], (47, 1))

    best, plain = score(targets, perfect)[name], score(targets, prior)[name]

    assert best >= plain if METRICS[name].best == "high" else best <= plain


columns = st.integers(2, 4).flatmap(
    lambda k: st.lists(
        st.tuples(st.integers(0, k - 1), st.lists(st.integers(1, 5), min_size=k, max_size=k)), min_size=1, max_size=30
    )
)


@given(columns, st.randoms(use_true_random=False))
def test_order_of_cases_changes_nothing(cases, random):
    shuffled = random.sample(cases, len(cases))

    before, after = (
        score([target for target, _ in rows], [np.divide(w, sum(w)) for _, w in rows]) for rows in (cases, shuffled)
    )

    assert after == pytest.approx(before, abs=1e-12)


@given(columns)
def test_every_value_is_in_its_range(cases):
    found = score([target for target, _ in cases], [np.divide(w, sum(w)) for _, w in cases])

    defined = {name: value for name, value in found.items() if value is not None}
    known = metrics_for(2)
    assert all(known[name].low - 1e-12 <= value <= known[name].high + 1e-12 for name, value in defined.items())


def test_permuting_the_class_columns_changes_auroc():
    targets, probabilities = tied(1, classes=3)

    found, permuted = score(targets, probabilities), score(targets, probabilities[:, [1, 2, 0]])

    assert abs(found["auroc_macro_ovr"] - permuted["auroc_macro_ovr"]) > 0.01


def test_a_flag_names_ten_classes_and_counts_the_others():
    names = [f"class {k}" for k in range(40)]

    found = score_with_reasons(np.arange(40), np.full((40, 40), 1 / 40), classes=names)

    first_ten = ", ".join(names[:10])
    assert found.flags["balanced_accuracy"] == f"fewer than 10 cases: {first_ten} and 30 more"
    assert len(found.flags["precision_macro"]) < 400

"""The simulated studies are what their designs say."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm
from sklearn.metrics import f1_score, recall_score, roc_auc_score

from benchmarks.statistics.verdict_calibration import planted_truth
from benchmarks.statistics.verdict_measures import TIE
from benchmarks.statistics.verdict_settings import SETTINGS, ordinary_design, with_difference
from benchmarks.statistics.verdict_studies import RowTruth, StudyDesign, draw_study, fixed_counts, true_value

MANY = 100_000


def correct(row):
    """Whether each fit is right, shape (fits, n)."""
    return np.array([fit.probabilities.argmax(axis=1) == fit.targets for fit in row.predictions])


def share_both_right(correlation, accuracy=0.85):
    return multivariate_normal.cdf([norm.ppf(accuracy)] * 2, cov=[[1, correlation], [correlation, 1]])


def test_accuracy_and_correlation_are_as_planted():
    design = ordinary_design([0.85, 0.85, 0.7], patients=MANY)

    a, b, c = (correct(row)[0] for row in draw_study(design, np.random.default_rng(0)))

    assert [a.mean(), b.mean(), c.mean()] == pytest.approx([0.85, 0.85, 0.7], abs=0.005)
    assert (a & b).mean() == pytest.approx(share_both_right(0.3), abs=0.005)


def test_images_of_a_patient_are_alike_within_and_between_models():
    design = replace(ordinary_design([0.85, 0.85], patients=MANY), images=3, icc=0.6)

    study = draw_study(design, np.random.default_rng(1))

    a, b = (correct(row)[0].reshape(MANY, 3) for row in study)
    assert (a[:, 0] & a[:, 1]).mean() == pytest.approx(share_both_right(0.6), abs=0.005)
    assert (a[:, 0] & b[:, 1]).mean() == pytest.approx(share_both_right(0.3 * 0.6), abs=0.005)
    assert (a[:, 0] & b[:, 0]).mean() == pytest.approx(share_both_right(0.3), abs=0.005)
    assert np.unique(study[0].predictions[0].group_ids).size == MANY
    assert (study[0].predictions[0].targets.reshape(MANY, 3).std(axis=1) == 0).all()


@pytest.mark.parametrize("row_correlation", [0.0, 0.4])
def test_fits_of_a_row_spread_and_err_alike_as_planted(row_correlation):
    row = RowTruth(name="A", recalls=(0.85, 0.85), seeds=300, seed_spread=0.03)
    design = StudyDesign(patients=5_000, shares=(0.5, 0.5), rows=(row,), row_correlation=row_correlation)

    fits = correct(draw_study(design, np.random.default_rng(2))[0])

    sampling = 0.85 * 0.15 / 5_000
    assert fits.mean() == pytest.approx(0.85, abs=0.01)
    assert np.sqrt(fits.mean(axis=1).var() - sampling) == pytest.approx(0.03, abs=0.005)
    expected = np.mean([share_both_right(0.3 + row_correlation, accuracy) for accuracy in (0.82, 0.85, 0.88)])
    assert (fits[::2] & fits[1::2]).mean() == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("shares", [(0.5, 0.3, 0.2), (0.5, 0.5, 0.0)])
@pytest.mark.parametrize("wrong", [None, (0, 1)])
def test_true_values_are_those_of_very_many_patients(shares, wrong):
    row = RowTruth(name="A", recalls=(0.9, 0.7, 0.8), wrong_answers=wrong)
    design = StudyDesign(patients=MANY, shares=shares, rows=(row,))
    (drawn,) = draw_study(design, np.random.default_rng(3))
    targets, probabilities = drawn.predictions[0].targets, drawn.predictions[0].probabilities
    answers, present = probabilities.argmax(axis=1), np.unique(targets)

    measured = {
        "accuracy": (answers == targets).mean(),
        "balanced_accuracy": recall_score(targets, answers, labels=present, average="macro"),
        "f1_macro": f1_score(targets, answers, labels=present, average="macro"),
        "auroc_macro_ovr": np.mean([roc_auc_score(targets == k, probabilities[:, k]) for k in present]),
    }

    assert {name: true_value(design, row, name) for name in measured} == pytest.approx(measured, abs=0.005)


def test_wrong_answers_go_where_they_are_planted():
    rows = tuple(RowTruth(name=str(wrong), recalls=(0.5,) * 4, wrong_answers=wrong) for wrong in (None, (3,)))
    design = StudyDesign(patients=MANY, shares=(0.5, 0.5, 0.0, 0.0), rows=rows)

    spread, given = (row.predictions[0] for row in draw_study(design, np.random.default_rng(4)))

    answers = spread.probabilities.argmax(axis=1)[spread.targets == 0]
    assert np.bincount(answers) / answers.size == pytest.approx([0.5, 1 / 6, 1 / 6, 1 / 6], abs=0.01)
    assert set(given.probabilities.argmax(axis=1)) == {0, 1, 3}
    assert set(given.targets) == {0, 1}


def test_probabilities_sum_to_one_and_a_coin_ranks_at_random():
    coin = RowTruth(name="coin", recalls=(0.9, 0.1))
    constant = RowTruth(name="constant", recalls=(1.0, 0.0))
    design = StudyDesign(patients=MANY, shares=(0.9, 0.1), rows=(coin, constant))

    of_coin, of_constant = (row.predictions[0] for row in draw_study(design, np.random.default_rng(5)))

    assert of_coin.probabilities.sum(axis=1) == pytest.approx(1)
    assert of_coin.probabilities.argmax(axis=1).mean() == pytest.approx(0.1, abs=0.005)
    assert roc_auc_score(of_coin.targets, of_coin.probabilities[:, 1]) == pytest.approx(0.5, abs=0.01)
    assert len(np.unique(of_constant.probabilities, axis=0)) == 1


def test_a_class_mix_is_fixed_or_drawn_anew():
    design = StudyDesign(patients=100, shares=(0.02, 0.49, 0.49), rows=(RowTruth(name="A", recalls=(0.8,) * 3),))

    def counts(design, seed):
        (row,) = draw_study(design, np.random.default_rng(seed))
        return tuple(np.bincount(row.predictions[0].targets, minlength=3))

    assert {counts(replace(design, mix="fixed"), seed) for seed in range(5)} == {(2, 49, 49)}
    drawn = np.array([counts(design, seed) for seed in range(1_000)])
    assert drawn.mean(axis=0) == pytest.approx([2, 49, 49], abs=0.7)
    assert drawn[:, 1].std() == pytest.approx(5, abs=0.5)


def test_fixed_counts_are_whole_and_add_up():
    assert fixed_counts((0.05, 0.2375, 0.2375, 0.2375, 0.2375), 100) == [5, 24, 24, 24, 23]
    assert fixed_counts((1 / 3,) * 3, 300) == [100] * 3


def test_a_difference_is_planted_in_the_second_row():
    first, second = with_difference(ordinary_design([0.85, 0.85]), 0.1).rows

    assert first.recalls == (0.85,) * 3
    assert second.recalls == pytest.approx((0.75,) * 3)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name_in_full)
def test_the_best_row_of_a_setting_is_the_best_in_truth(setting):
    if setting.plants_detectable:
        setting = replace(setting, design=with_difference(setting.design, 0.05))
    if setting.metric == "auroc_macro_ovr":
        setting = replace(setting, metric="accuracy")  # quick, and in the same order

    values = planted_truth(setting).values

    best = {name for name, value in values.items() if value > max(values.values()) - TIE}
    if setting.best is None:
        assert len(best) > 1 or best == {"coin"}
    else:
        assert best == {setting.best}


def test_settings_have_names_of_their_own():
    assert len({setting.name_in_full for setting in SETTINGS}) == len(SETTINGS)

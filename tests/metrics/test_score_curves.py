"""Curves over thresholds keep their area, whoever draws them, and however few points are left."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from arogya_bench.metrics.score_curves import mean_precision_recall, mean_roc, precision_recall, roc


def tied_scores(seed, n=300):
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.3
    return positive, np.round(rng.normal(size=n) + positive, 1)


@pytest.mark.parametrize("seed", range(5))
def test_curves_agree_with_scikit_learn_on_tied_scores(seed):
    positive, scores = tied_scores(seed)

    curve, steps = roc(positive, scores), precision_recall(positive, scores)

    false_rate, true_rate, _ = roc_curve(positive, scores, drop_intermediate=False)
    assert set(zip(curve.x, curve.y, strict=True)) <= set(zip(false_rate, true_rate, strict=True))
    assert curve.area == pytest.approx(roc_auc_score(positive, scores))
    assert steps.area == pytest.approx(average_precision_score(positive, scores))
    precision, recall, _ = precision_recall_curve(positive, scores)
    assert set(zip(steps.x, steps.y, strict=True)) <= set(zip(recall, precision, strict=True))


def test_a_curve_by_hand():
    positive, scores = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.8, 0.1])

    curve, steps = roc(positive, scores), precision_recall(positive, scores)

    assert list(zip(curve.x, curve.y, strict=True)) == [(0, 0), (0, 0.5), (0.5, 1), (1, 1)]
    assert list(zip(steps.x, steps.y, strict=True)) == [(0.5, 1.0), (1.0, pytest.approx(2 / 3))]


def test_few_points_stay_on_the_curve_and_keep_its_ends_and_area():
    curve = roc(*tied_scores(0, n=5_000))

    few = curve.thin(20)

    assert few.x.size <= 20
    assert set(zip(few.x, few.y, strict=True)) <= set(zip(curve.x, curve.y, strict=True))
    assert (few.x[0], few.y[0], few.x[-1], few.y[-1]) == (0, 0, 1, 1)
    assert few.area == curve.area
    assert np.trapezoid(few.y, few.x) == pytest.approx(curve.area, abs=0.01)


def test_the_mean_of_seeds_has_the_mean_of_their_areas():
    rng = np.random.default_rng(0)
    positive = rng.random(60) < 0.4
    seeds = [np.round(rng.normal(size=60) + positive, 1) for _ in range(3)]
    curves, steps = [roc(positive, seed) for seed in seeds], [precision_recall(positive, seed) for seed in seeds]

    mean, mean_steps = mean_roc(curves, 1_000), mean_precision_recall(steps, 1_000)

    expected = np.mean([roc_auc_score(positive, seed) for seed in seeds])
    assert mean.area == pytest.approx(expected)
    assert np.trapezoid(mean.y, mean.x) == pytest.approx(expected)
    assert np.sum(np.diff(mean_steps.x, prepend=0) * mean_steps.y) == pytest.approx(mean_steps.area)


@pytest.mark.parametrize("all_positive", [True, False])
def test_one_class_alone_has_no_roc_curve(all_positive):
    positive, scores = np.full(3, all_positive), np.array([0.1, 0.2, 0.3])

    assert roc(positive, scores) is None
    assert (precision_recall(positive, scores) is not None) == all_positive

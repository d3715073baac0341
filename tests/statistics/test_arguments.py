import numpy as np
import pytest

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.thresholds import at_threshold
from arogya_bench.statistics import (
    auroc_interval,
    bootstrap_ranks,
    clopper_pearson,
    corrected_resampled_t,
    delong,
    draws,
    family,
    interval,
    mcnemar,
    minimum_detectable_difference,
    paired_t,
    predictive_values,
    rankings_side_by_side,
    wilcoxon,
    wilson,
    winner_optimism,
)

TRUTH, SCORES = np.tile([0, 1], 20), np.linspace(0, 1, 40)


def plan(n=40, **more):
    return draws(n, rng=np.random.default_rng(0), resamples=20, **more)


@pytest.mark.parametrize(
    "asked",
    [
        lambda c: wilson(3, 9, confidence=c),
        lambda c: clopper_pearson(3, 9, confidence=c),
        lambda c: paired_t([1, 2, 4], [1, 1, 1], confidence=c),
        lambda c: wilcoxon([1, 2, 4], confidence=c),
        lambda c: corrected_resampled_t([1, 2, 4], test_train_ratio=0.2, confidence=c),
        lambda c: auroc_interval(TRUTH, SCORES, confidence=c),
        lambda c: delong(TRUTH, SCORES, SCORES[::-1], confidence=c),
        lambda c: mcnemar(3, 4, total=9, confidence=c),
        lambda c: interval(0.5, np.linspace(0, 1, 20), None, draws=plan(), confidence=c),
    ],
)
@pytest.mark.parametrize("confidence", [95, 0, float("nan")])
def test_a_confidence_that_is_none_is_refused(asked, confidence):
    with pytest.raises(ValueError, match="confidence is"):
        asked(confidence)


@pytest.mark.parametrize(
    "asked",
    [
        lambda: bootstrap_ranks([1, 2], np.ones((2, 20)), draws=plan(), best="higher"),
        lambda: winner_optimism([1, 2], np.ones((2, 20)), np.ones((2, 20)), draws=plan(), best=""),
        lambda: rankings_side_by_side(np.ones((3, 2)), best="up"),
    ],
)
def test_a_direction_that_is_none_is_refused(asked):
    with pytest.raises(ValueError, match="neither 'high' nor 'low'"):
        asked()


@pytest.mark.parametrize("labels", [TRUTH + 1, TRUTH * 1.5, np.where(TRUTH, np.nan, 0)])
def test_labels_but_0_and_1_have_no_auroc(labels):
    with pytest.raises(ValueError, match="targets must be 0 or 1"):
        auroc_interval(labels, SCORES)


def test_a_single_group_gives_no_ranking():
    with pytest.raises(UndefinedMetric, match="no stratum holds two groups"):
        bootstrap_ranks([1, 2], np.ones((2, 20)), draws=plan(4, groups=["a"] * 4))


def test_patients_that_repeat_need_resamples():
    point = at_threshold(TRUTH, SCORES, 0.5, prevalence=0.1, groups=np.arange(40) // 2)

    with pytest.raises(ValueError, match="use operating_intervals"):
        predictive_values(point)


def test_a_missing_patient_is_refused():
    with pytest.raises(ValueError, match="a group is missing"):
        plan(3, groups=["a", None, "b"])
    with pytest.raises(ValueError, match="a group is missing"):
        plan(3, groups=[1.0, np.nan, np.nan])


def test_a_statistic_that_does_not_exist_has_no_interval():
    with pytest.raises(UndefinedMetric, match="undefined for these cases"):
        interval(float("nan"), np.linspace(0, 1, 20), None, draws=plan())


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (lambda: interval(0.5, np.ones(20), None, draws=plan(), method="bcaa"), "unknown method"),
        (lambda: interval(0.5, np.empty(0), None, draws=plan()), "replicates of shape"),
        (lambda: minimum_detectable_difference(0.1, 100, alpha=5), "alpha is 5"),
        (lambda: minimum_detectable_difference(0.1, 100, power=0.01), "power is"),
        (lambda: family([0.01], alpha=5), "alpha is 5"),
        (lambda: mcnemar(2.5, 1), "integers"),
    ],
)
def test_arguments_without_sense_are_refused(asked, problem):
    with pytest.raises(ValueError, match=problem):
        asked()

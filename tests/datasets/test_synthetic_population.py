"""Invented patients have the structure that the design promises."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from arogya_bench.datasets.synthetic_population import (
    CLASS_MEANS,
    class_priors,
    draw_population,
    estimate_bayes_accuracy,
)


def drawn(cases=2000, *, classes=5, separation=1.0, label_noise=0.07, seed=1):
    return draw_population(
        cases, classes=classes, separation=separation, label_noise=label_noise, rng=np.random.default_rng(seed)
    )


@pytest.fixture(scope="module")
def many():
    return drawn(20_000, classes=10, separation=1.3)


@pytest.mark.parametrize("cases", [6, 7, 50, 501])
def test_there_are_exactly_as_many_photographs_as_asked(cases):
    lesions = drawn(cases, classes=2)

    assert sum(lesion.views for lesion in lesions) == cases


def test_no_lesion_is_without_a_photograph():
    assert min(lesion.views for lesion in drawn()) == 1


@pytest.mark.parametrize("seed", range(20))
def test_every_class_is_drawn_even_for_few_lesions(seed):
    lesions = drawn(60, classes=10, seed=seed)

    assert {lesion.truth for lesion in lesions} == set(range(10))


def test_the_most_frequent_class_is_five_times_as_frequent_as_the_rarest(many):
    counts = Counter(lesion.truth for lesion in many)

    assert counts[0] / counts[9] == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize("classes", [2, 10])
def test_priors_sum_to_one(classes):
    assert class_priors(classes).sum() == pytest.approx(1)


def test_seven_in_a_hundred_lesions_carry_another_class(many):
    wrong = np.mean([lesion.target != lesion.truth for lesion in many])

    assert wrong == pytest.approx(0.07, abs=0.01)


def test_without_label_noise_every_class_is_true():
    assert all(lesion.target == lesion.truth for lesion in drawn(label_noise=0.0))


def test_a_patient_has_one_site_and_one_skin_tone():
    places = {(lesion.patient, lesion.site, lesion.tone) for lesion in drawn()}

    assert len(places) == len({patient for patient, _, _ in places})


def test_patients_and_lesions_are_seen_as_often_as_the_poisson_means_say(many):
    per_patient = len(many) / len({lesion.patient for lesion in many})

    assert per_patient == pytest.approx(1.6, rel=0.03)
    assert np.mean([lesion.views for lesion in many]) == pytest.approx(1.5, rel=0.03)


def test_latents_spread_by_one_around_the_mean_of_their_class(many):
    rest = np.array([lesion.latents - 1.3 * CLASS_MEANS[lesion.truth] for lesion in many])

    assert np.abs(rest.mean(axis=0)).max() < 0.05
    assert rest.std(axis=0) == pytest.approx(1, abs=0.03)


def test_lesions_of_one_patient_resemble_each_other(many):
    pairs = [(a, b) for a, b in pairwise(many) if a.patient == b.patient]

    rest = [[x.latents - 1.3 * CLASS_MEANS[x.truth] for x in pair] for pair in pairs]
    assert np.mean([first * second for first, second in rest]) == pytest.approx(0.35**2, abs=0.03)


def test_the_same_generator_gives_the_same_patients():
    first, second = drawn(100), drawn(100)

    assert [(x.patient, x.target, x.latents.tolist()) for x in first] == [
        (x.patient, x.target, x.latents.tolist()) for x in second
    ]


def ceiling(**changed):
    options = {"classes": 5, "separation": 1.0, "label_noise": 0.0} | changed
    return estimate_bayes_accuracy(**options, rng=np.random.default_rng(1))


def test_the_best_score_for_two_classes_is_that_of_two_normal_distributions():
    half = 0.7 * np.linalg.norm(CLASS_MEANS[0] - CLASS_MEANS[1]) / 2

    found = ceiling(classes=2, separation=0.7)

    assert found.against_truth == pytest.approx(norm.cdf(half), abs=0.01)


def test_the_best_score_grows_with_the_separation():
    scores = [ceiling(separation=s).against_truth for s in (0.5, 1.0, 2.0)]

    assert scores == sorted(scores)


def test_label_noise_lowers_the_score_against_the_given_classes_only():
    clean, noisy = ceiling(), ceiling(label_noise=0.2)

    assert noisy.against_targets < clean.against_targets - 0.1
    assert noisy.against_truth == pytest.approx(clean.against_truth, abs=0.01)

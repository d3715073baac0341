"""The probes keep silent where the label is not given away, and speak where it is."""

import numpy as np
import pytest

from arogya_bench.gate.shortcut_probe import draw_trial, run_probe
from arogya_bench.gate.shortcuts import _build_naive_bayes, _build_tree


def drawn(rng, groups=80, views=2, classes=3):
    """Labels by group, and groups, of cases in pairs."""
    labels = np.repeat(rng.permutation(np.arange(groups) % classes), views)
    return labels, np.repeat(np.arange(groups), views)


def probed(features, labels, groups, rng, classifier=_build_tree):
    return run_probe(features, draw_trial(labels, groups, rng), classifier(features))


def test_under_the_null_no_probe_fires():
    """Of 20 sets, 10 to 40 groups for each of 2 to 4 classes; half a percent is what it may be."""
    fired = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        classes = int(rng.integers(2, 5))
        labels, groups = drawn(rng, groups=classes * int(rng.integers(10, 41)), classes=classes)
        size = rng.lognormal(9, 1, (len(labels), 1))
        fired += probed(size, labels, groups, rng).is_shortcut

    assert fired <= 1


@pytest.mark.parametrize("seed", range(8))
def test_what_a_group_shares_gives_nothing_away_of_another(seed):
    """One camera per patient: a fold that split patients would read the label off the camera."""
    rng = np.random.default_rng(seed)
    labels, groups = drawn(rng, groups=40, views=5)
    border = rng.uniform(0, 255, (40, 3))[groups] + rng.normal(0, 0.1, (len(groups), 3))

    assert not probed(border, labels, groups, rng).is_shortcut


@pytest.mark.parametrize("seed", range(5))
def test_a_folder_that_knows_nothing_does_not_fire(seed):
    rng = np.random.default_rng(seed)
    labels, groups = drawn(rng)
    folder = rng.integers(6, size=(len(labels), 1)).astype(float)

    assert not probed(folder, labels, groups, rng, _build_naive_bayes).is_shortcut


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_shortcut_fires(seed):
    """Files of one class are half as large again."""
    rng = np.random.default_rng(seed)
    labels, groups = drawn(rng, classes=2)
    size = rng.normal(9, 0.2, (len(labels), 1)) + 0.4 * (labels == 1)[:, np.newaxis]

    reading = probed(size, labels, groups, rng)

    assert reading.is_shortcut
    assert reading.chance + 0.1 < reading.low < reading.score


@pytest.mark.parametrize("seed", range(5))
def test_a_site_that_sees_mostly_one_class_fires(seed):
    rng = np.random.default_rng(seed)
    labels, groups = drawn(rng)
    site = np.where(rng.random(len(labels)) < 0.8, labels, rng.integers(3, size=len(labels)))

    assert probed(site[:, np.newaxis].astype(float), labels, groups, rng, _build_naive_bayes).is_shortcut


@pytest.mark.parametrize("seed", range(3))
def test_a_rare_class_does_not_hide_behind_a_common_one(seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [280, 20])
    size = rng.normal(0, 1, (300, 1))

    assert not probed(size, labels, np.arange(300), rng).is_shortcut

"""Generators that are seeded and handed back."""

import random

import numpy as np

from arogya_bench.frameworks.seeds import epoch_rng, temporary_seed


def draw():
    return random.random(), np.random.random()  # noqa: NPY002


def test_equal_seeds_draw_alike_and_the_callers_generators_are_handed_back():
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    undisturbed = draw()
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002

    with temporary_seed(7):
        first = draw()
    with temporary_seed(7):
        second = draw()

    assert first == second
    assert draw() == undisturbed


def test_a_place_of_a_training_has_draws_of_its_own():
    values = {epoch_rng(*place).random() for place in [(1, 1), (1, 2), (2, 1), (1, 1, 0)]}

    assert len(values) == 4
    assert epoch_rng(1, 2).random() == epoch_rng(1, 2).random()

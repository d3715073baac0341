"""Batches, learning rates and class weights."""

import numpy as np
import pytest

from arogya_bench.frameworks.schedule import batch_indices, class_weights, learning_rate_factor


@pytest.mark.parametrize("size", [1, 2, 3, 16, 32])
@pytest.mark.parametrize("count", [2, 3, 17, 33, 64, 65])
def test_every_case_is_in_one_batch_and_no_batch_holds_one_case(count, size):
    batches = batch_indices(count, size, np.random.default_rng(0))

    assert sorted(np.concatenate(batches)) == list(range(count))
    assert min(map(len, batches)) >= 2
    assert max(map(len, batches)) <= max(size + 1, 3)


def test_rate_rises_to_its_peak_and_falls_to_nothing():
    rates = [learning_rate_factor(step, steps=100, warmup=0.1) for step in range(100)]

    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5)
    assert rates[99] < 0.001


def test_rate_without_warmup_starts_at_its_peak():
    assert learning_rate_factor(0, steps=1, warmup=0.0) == 1.0


def test_whole_training_may_be_warmup():
    assert [learning_rate_factor(step, steps=4, warmup=1.0) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_class_weights_by_hand():
    assert class_weights(np.array([0, 1, 1, 1]), 2) == [2.0, pytest.approx(2 / 3)]


def test_class_without_cases_weighs_one():
    assert class_weights(np.array([0, 1]), 3) == [1.0, 1.0, 1.0]

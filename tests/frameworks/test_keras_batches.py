"""What the steps of a Keras training see; TensorFlow has no part in it."""

from dataclasses import replace

import numpy as np
import pytest

from arogya_bench.frameworks.batches import load_split
from arogya_bench.frameworks.keras_batches import KerasPlan
from arogya_bench.types import Training

TRAINING = Training(epochs=4, batch_size=8, learning_rate=0.01, warmup=0.25, flip=False)


@pytest.fixture(scope="module")
def plan(stripes):
    train = load_split(stripes(33, seed=1, size=16), 16)
    return KerasPlan(train=train, training=TRAINING, learning_rate=0.01, class_count=2, seed=3)


def test_an_epoch_shows_every_case_once_in_an_order_of_its_own(plan):
    orders = [np.concatenate(plan.epoch_batches(epoch)) for epoch in (1, 2)]

    assert plan.steps_per_epoch == 5
    assert all(sorted(order) == list(range(33)) for order in orders)
    assert not np.array_equal(*orders)


def test_images_and_targets_are_those_of_the_cases(plan):
    cases = plan.epoch_batches(2)[4]

    images, targets, _ = plan.batch(cases, epoch=2, step=4)

    np.testing.assert_array_equal(images, plan.train.images[cases])
    np.testing.assert_array_equal(targets, plan.train.targets[cases])


def test_the_policy_is_drawn_for_each_epoch_and_follows_from_the_seed(plan):
    turned = replace(plan, training=replace(TRAINING, rotation=20.0))
    cases = np.arange(4)

    one, again, other = (turned.batch(cases, epoch=e, step=0)[0] for e in (1, 1, 2))

    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, plan.train.images[cases])


def test_rare_cases_weigh_more_on_request_and_1_on_average(plan):
    rare = replace(plan.train, targets=np.array([0] * 30 + [1] * 3))
    cases = np.array([0, 1, 2, 32])

    _, _, weighted = replace(plan, train=rare).batch(cases, epoch=1, step=0)
    plain = replace(plan, train=rare, training=replace(TRAINING, class_weights=False))

    assert weighted[3] / weighted[0] == pytest.approx(10)
    assert weighted.mean() == pytest.approx(1)
    assert weighted.dtype == np.float32
    np.testing.assert_array_equal(plain.batch(cases, epoch=1, step=0)[2], 1)


def test_rates_rise_to_the_peak_and_fall_over_all_epochs(plan):
    rates = [plan.learning_rate_at(epoch, step) for epoch in (1, 2, 3, 4) for step in range(5)]

    assert max(rates) == rates[4] == 0.01
    assert rates == [*sorted(rates[:5]), *sorted(rates[5:], reverse=True)]
    assert rates[-1] < 1e-3


def test_dropout_begins_anew_in_each_epoch(plan):
    assert plan.dropout_seed(1) == plan.dropout_seed(1) != plan.dropout_seed(2)

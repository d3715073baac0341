from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arogya_bench.errors import UndefinedMetric
from arogya_bench.metrics.classification import score
from arogya_bench.statistics import sign_flip, swap_test


def rng(seed=0):
    return np.random.default_rng(seed)


def f1(targets, predicted):
    return 2 * (targets & predicted).sum() / (targets.sum() + predicted.sum())


def test_every_sign_is_tried_on_few_groups():
    """Of the 8 signs of 1, 2, 3 two are as extreme as all positive."""
    found = sign_flip([1, 2, 3], rng=rng())

    assert (found.p_value, found.p_smallest, found.permutations) == (2 / 8, 2 / 8, 8)
    assert found.exact
    assert "cannot be below 0.250" in found.note


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=8))
def test_exact_p_is_the_share_of_signs_as_extreme(values):
    d = np.array(values, dtype=float)
    sums = np.array([np.dot(signs, d) for signs in product((-1, 1), repeat=d.size)])

    found = sign_flip(d, rng=rng())

    assert found.p_value == pytest.approx((np.abs(sums) >= abs(d.sum()) - 1e-9).mean())


def test_many_groups_take_random_signs():
    d = rng(1).normal(loc=0.3, size=60)

    found = sign_flip(d, rng=rng(2), permutations=4_000)

    many = sign_flip(d, rng=rng(3), permutations=40_000)
    assert not found.exact
    assert found.p_value == pytest.approx(many.p_value, abs=0.02)
    assert found.note == ""


def test_cases_of_a_group_flip_together():
    """Three times the same case is one group and not three."""
    d, groups = np.repeat(rng(4).normal(loc=1, size=10), 3), np.repeat(np.arange(10), 3)

    found = sign_flip(d, rng=rng(), groups=groups)

    assert found.p_value == sign_flip(d[::3], rng=rng()).p_value
    assert (found.n, found.groups) == (30, 10)
    assert found.p_value > sign_flip(d, rng=rng()).p_value


def test_equal_models_are_not_told_apart():
    found = sign_flip(np.zeros(5), rng=rng())

    assert (found.estimate, found.p_value) == (0.0, 1.0)
    assert "no group shows a difference" in found.note


def test_sign_flips_keep_their_level_and_see_an_effect():
    generator = rng(5)
    null = [
        sign_flip(generator.normal(size=30), rng=generator, permutations=199).p_value
        for _ in range(600)
    ]
    gain = [
        sign_flip(generator.normal(loc=0.7, size=30), rng=generator, permutations=199).p_value
        for _ in range(60)
    ]

    assert 0.025 <= np.mean(np.array(null) <= 0.05) <= 0.075
    assert np.mean(np.array(gain) <= 0.05) > 0.85


def answers(seed, *, better=0.0, n=60):
    generator = rng(seed)
    targets = generator.integers(2, size=n)
    right = generator.random((2, n)) < np.array([[0.7 + better], [0.7]])
    return targets, *np.where(right, targets, 1 - targets)


def test_models_that_are_exchanged_keep_the_level_for_any_metric():
    p_values = []
    for seed in range(150):
        targets, a, b = answers(seed)
        found = swap_test(
            f1,
            {"predicted": a},
            {"predicted": b},
            {"targets": targets},
            rng=rng(seed),
            permutations=99,
        )
        p_values.append(found.p_value)

    assert np.mean(np.array(p_values) <= 0.05) <= 0.10


def test_a_better_model_is_seen_and_swapping_turns_the_sign():
    targets, a, b = answers(1, better=0.25)
    shared = {"targets": targets}

    found, turned = (
        swap_test(f1, {"predicted": x}, {"predicted": y}, shared, rng=rng(), permutations=500)
        for x, y in ((a, b), (b, a))
    )

    assert found.p_value < 0.02
    assert found.estimate > 0
    assert turned.estimate == -found.estimate
    assert turned.p_value == found.p_value


def test_tables_of_probabilities_are_exchanged_row_by_row():
    targets = np.tile([0, 1], 20)
    good, bad = (np.column_stack([1 - p, p]) for p in (targets * 0.8 + 0.1, np.full(40, 0.5)))

    found = swap_test(
        lambda targets, probabilities: score(targets, probabilities)["brier"],
        {"probabilities": good},
        {"probabilities": bad},
        {"targets": targets},
        rng=rng(),
        groups=np.arange(40) // 2,
        permutations=200,
    )

    assert found.groups == 20
    assert found.p_value == pytest.approx(1 / 201)


def test_a_metric_that_often_does_not_exist_is_refused():
    def picky(targets, predicted):
        if predicted[0] == 0:
            raise UndefinedMetric("never")
        return float(predicted.mean())

    columns = [{"predicted": np.array([1, 0, 1])}, {"predicted": np.array([0, 1, 1])}]
    with pytest.raises(UndefinedMetric, match="for these cases"):
        swap_test(picky, *columns, {"targets": np.zeros(3)}, rng=rng())

    half = [{"predicted": np.array([1, 0, 1])}, {"predicted": np.array([1, 1, 1])}]
    swap_test(picky, *half, {"targets": np.zeros(3)}, rng=rng(), permutations=20)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"differences": [np.nan]}, "finite"),
        ({"differences": [1.0, 2.0], "groups": ["a"]}, "groups have shape"),
    ],
)
def test_malformed_columns_are_refused(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        sign_flip(rng=rng(), **arguments)


def test_other_columns_are_refused():
    with pytest.raises(ValueError, match="against"):
        swap_test(f1, {"predicted": [1]}, {"called": [1]}, {"targets": [1]}, rng=rng())


def test_no_cases_are_undefined():
    with pytest.raises(UndefinedMetric, match="no cases"):
        sign_flip([], rng=rng())

"""What must hold for any data: order, names and copies of patients prove nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arogya_bench.metrics.classification import metrics_for
from arogya_bench.metrics.replicates import paired_replicates
from arogya_bench.statistics import bootstrap_ranks, delong, draws, false_claim_probability, interval, mcnemar

RESAMPLES = 60

seeds = st.integers(0, 2**32 - 1)


def study(seed, *, n=30, patients=12):
    rng = np.random.default_rng(seed)
    targets = np.concatenate([[0, 0, 1, 1], rng.integers(2, size=n - 4)])
    tables = {}
    for name in ("a", "b"):
        said = rng.integers(0, 11, size=n) / 10
        tables[name] = np.column_stack([1 - said, said])
    return targets, tables, rng.integers(patients, size=n)


def compared(targets, tables, groups, names=("a", "b")):
    """Interval of the difference of two models in every metric."""
    plan = draws(len(targets), rng=np.random.default_rng(5), resamples=RESAMPLES, groups=groups)
    a, b = (paired_replicates(targets, tables, draws=plan)[name] for name in names)
    return {
        name: interval(
            a.estimates[name] - b.estimates[name],
            a.values[name] - b.values[name],
            a.jackknife[name] - b.jackknife[name],
            draws=plan,
        )
        for name in metrics_for(2)
        if np.isfinite(a.estimates[name] - b.estimates[name])
    }


def numbers(found, sign=1):
    values = (found.low, found.high) if sign == 1 else (found.high, found.low)
    return [None if each is None else sign * each for each in values]


def same(one, two, tolerance=1e-9):
    for x, y in zip(one, two, strict=True):
        if x is None or y is None:
            assert x is y
        else:
            assert x == pytest.approx(y, abs=tolerance)


@given(seeds, st.permutations(range(30)))
def test_order_of_cases_changes_no_interval(seed, order):
    targets, tables, groups = study(seed)
    order = list(order)

    found = compared(targets, tables, groups)
    shuffled = compared(targets[order], {k: v[order] for k, v in tables.items()}, groups[order])

    for name, each in found.items():
        assert shuffled[name].estimate == pytest.approx(each.estimate, abs=1e-9)
        same(numbers(shuffled[name]), numbers(each))


@given(seeds)
def test_swapping_two_models_turns_every_difference_around(seed):
    drawn = study(seed)

    found, turned = compared(*drawn), compared(*drawn, names=("b", "a"))

    for name, each in found.items():
        assert turned[name].estimate == pytest.approx(-each.estimate, abs=1e-12)
        assert turned[name].p_value == each.p_value or turned[name].p_value == pytest.approx(each.p_value)
        same(numbers(turned[name], -1), numbers(each))


@given(seeds, st.integers(2, 4))
def test_copies_of_all_cases_of_patients_narrow_no_interval(seed, copies):
    targets, tables, groups = study(seed)

    found = compared(targets, tables, groups)
    copied = compared(
        np.tile(targets, copies), {k: np.tile(v, (copies, 1)) for k, v in tables.items()}, np.tile(groups, copies)
    )

    for name, each in found.items():
        same(numbers(copied[name]), numbers(each))
        assert copied[name].groups == each.groups


def test_copies_taken_for_patients_would_narrow_it():
    """The classic error, to see that the test above can fail; not in every study, but in most."""
    narrower = [fooled_width(seed) < 0.8 * honest_width(seed) for seed in range(12)]

    assert sum(narrower) >= 9


def honest_width(seed):
    found = compared(*study(seed, n=60))["brier"]
    return found.high - found.low


def fooled_width(seed):
    targets, tables, _ = study(seed, n=60)
    found = compared(np.tile(targets, 4), {k: np.tile(v, (4, 1)) for k, v in tables.items()}, None)["brier"]
    return found.high - found.low


@given(st.integers(0, 60), st.integers(0, 60))
def test_swapping_two_models_turns_counts_around(b, c):
    found, turned = mcnemar(b, c, total=200), mcnemar(c, b, total=200)

    assert turned.p_value == pytest.approx(found.p_value)
    same(turned.ci, [-found.high, -found.low])
    both = false_claim_probability(b, c).probability + false_claim_probability(c, b).probability
    assert both == pytest.approx(1)


@given(seeds)
def test_a_model_against_itself_shows_nothing(seed):
    targets, tables, groups = study(seed)
    twice = {"a": tables["a"], "b": tables["a"]}

    found = compared(targets, twice, groups)

    assert all(each.estimate == 0 and each.p_value == 1.0 for each in found.values())
    said = tables["a"][:, 1]
    assert delong(targets, said, said).p_value == 1.0
    plan = draws(30, rng=np.random.default_rng(0), resamples=20)
    ranks = bootstrap_ranks([0.5, 0.5], np.full((2, 20), 0.5), draws=plan)
    assert ranks.p_best.tolist() == [0.5, 0.5]

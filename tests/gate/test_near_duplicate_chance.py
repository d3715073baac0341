"""Whether near pairs are more than look-alikes is said with numbers, and by hand they agree."""

import numpy as np
import pytest

from arogya_bench.gate.near_duplicate_chance import estimate_from_control, estimate_from_outer_distances
from arogya_bench.gate.near_duplicates import NearDuplicates
from arogya_bench.statistics import wilson


def near(count, searched, inner=0, outer=0):
    return NearDuplicates(
        pairs_searched=searched, counts_by_distance=np.array([0, 0, 0, 0, count, 0, inner, 0, outer, 0]), nearest=()
    )


def test_the_expected_number_is_the_rate_of_the_control_times_the_pairs_searched():
    chance = estimate_from_control(near(38, 3_048_298), near(25, 3_234_661))

    assert chance.expected == pytest.approx(25 / 3_234_661 * 3_048_298)
    assert chance.explains
    assert "chance explains all of them" in chance.detail


def test_the_rate_has_an_interval():
    rate = wilson(25, 3_234_661)

    detail = estimate_from_control(near(38, 3_048_298), near(25, 3_234_661)).detail

    assert f"{rate.estimate:.2g} (95 % interval {rate.low:.2g} to {rate.high:.2g})" in detail


def test_many_times_what_chance_gives_is_not_chance():
    chance = estimate_from_control(near(200, 1_000_000), near(20, 1_000_000))

    assert not chance.explains
    assert "explains" not in chance.detail


def test_one_pair_is_not_chance_where_no_control_pair_is_near():
    assert not estimate_from_control(near(1, 1500), near(0, 4000)).explains


def test_one_pair_may_be_chance_where_control_pairs_are_near():
    assert estimate_from_control(near(1, 1500), near(2, 4000)).explains


@pytest.mark.parametrize("seed", range(20))
def test_under_the_null_chance_explains_what_was_found(seed):
    rng = np.random.default_rng(seed)
    found, control = rng.poisson(50), rng.poisson(60)

    assert estimate_from_control(near(found, 1_000_000), near(control, 1_200_000)).explains


@pytest.mark.parametrize("seed", range(20))
def test_fifty_copies_among_look_alikes_are_seen(seed):
    rng = np.random.default_rng(seed)

    chance = estimate_from_control(near(rng.poisson(10) + 50, 10**6), near(rng.poisson(12), 1_200_000))

    assert not chance.explains


def test_the_rings_are_drawn_on_inwards():
    """132 at 6 bits and 943 at 8: each step inwards keeps 0.14 of them."""
    chance = estimate_from_outer_distances(near(25, 3_234_661, inner=132, outer=943))

    assert chance.expected == pytest.approx(132 * 0.14 / 0.86, rel=0.01)
    assert chance.explains


def test_copies_stand_out_from_the_rings():
    assert not estimate_from_outer_distances(near(60, 3_234_661, inner=132, outer=943)).explains


@pytest.mark.parametrize(("inner", "outer"), [(0, 0), (1, 0), (0, 5)])
def test_without_rings_nothing_is_explained(inner, outer):
    chance = estimate_from_outer_distances(near(1, 4000, inner=inner, outer=outer))

    assert (chance.explains, chance.expected) == (False, 0)

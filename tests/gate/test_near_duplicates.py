"""Near pairs are those that a plain double loop finds, and each is counted under one kind."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from arogya_bench.gate import near_duplicates
from arogya_bench.gate.near_duplicates import (
    ACROSS_SPLITS,
    MAX_DISTANCE,
    OTHER_LABEL,
    WITHIN_SPLIT,
    HashedImages,
    count_near_pairs,
)


def images(hashes, **changed):
    n = len(hashes)
    plain = HashedImages(
        perceptual_hash=np.asarray(hashes, dtype=np.uint64),
        pixel_hash=np.arange(n),
        label=np.zeros(n, dtype=np.int64),
        part=np.zeros(n, dtype=np.int64),
        group=np.arange(n),
    )
    return replace(plain, **{name: np.asarray(value) for name, value in changed.items()})


def crowd(seed, n=150):
    """Images around a few originals, so that every distance occurs."""
    rng = np.random.default_rng(seed)
    originals = rng.integers(0, 2**63, 12, dtype=np.uint64)
    flips = [sum(1 << int(bit) for bit in rng.permutation(64)[: rng.integers(7)]) for _ in range(n)]
    return images(
        originals[rng.integers(12, size=n)] ^ np.array(flips, dtype=np.uint64),
        pixel_hash=rng.integers(n, size=n),
        label=rng.integers(3, size=n),
        part=rng.integers(3, size=n),
        group=rng.integers(n // 2, size=n),
    )


def by_double_loop(these):
    counts, searched = (
        {ACROSS_SPLITS: 0, OTHER_LABEL: 0, WITHIN_SPLIT: 0},
        {ACROSS_SPLITS: 0, OTHER_LABEL: 0, WITHIN_SPLIT: 0},
    )
    for i, j in combinations(range(len(these.perceptual_hash)), 2):
        if these.group[i] == these.group[j]:
            continue
        kind = WITHIN_SPLIT if these.part[i] == these.part[j] else ACROSS_SPLITS
        kind = kind if these.label[i] == these.label[j] else OTHER_LABEL
        searched[kind] += 1
        distance = (int(these.perceptual_hash[i]) ^ int(these.perceptual_hash[j])).bit_count()
        counts[kind] += distance <= MAX_DISTANCE and these.pixel_hash[i] != these.pixel_hash[j]
    return counts, searched


@pytest.mark.parametrize("seed", range(5))
def test_they_are_those_of_a_double_loop(seed, monkeypatch):
    monkeypatch.setattr(near_duplicates, "TILE_ROWS", 16)
    monkeypatch.setattr(near_duplicates, "TILE_COLUMNS", 40)
    these = crowd(seed)

    found = count_near_pairs(these)

    counts, searched = by_double_loop(these)
    assert {kind: near.count for kind, near in found.items()} == counts
    assert {kind: near.pairs_searched for kind, near in found.items()} == searched
    assert min(counts.values()) > 0


def test_the_radius_is_included_and_the_next_is_not():
    found = count_near_pairs(images([0, 0b1111, 0b111110000011111]))

    assert (found[WITHIN_SPLIT].count, found[WITHIN_SPLIT].nearest) == (1, ((4, 0, 1),))
    assert found[WITHIN_SPLIT].pairs_searched == 3


@pytest.mark.parametrize(("most", "distances"), [(1000, [0] + [1] * 20 + [2] * 45), (5, [0, 1, 1, 1, 1])])
def test_every_pair_is_listed_nearest_first_up_to_a_limit(most, distances, monkeypatch):
    monkeypatch.setattr(near_duplicates, "MAX_LISTED_PAIRS", most)
    monkeypatch.setattr(near_duplicates, "TILE_ROWS", 4)

    found = count_near_pairs(images([0, 0, *(1 << bit for bit in range(10))]))

    assert [pair.distance for pair in found[WITHIN_SPLIT].nearest] == distances
    assert found[WITHIN_SPLIT].count == 66


def test_views_of_one_lesion_are_no_finding():
    assert count_near_pairs(images([0, 1], group=[7, 7]))[WITHIN_SPLIT].count == 0


def test_equal_pixels_are_no_near_duplicate():
    assert count_near_pairs(images([0, 0], pixel_hash=[3, 3]))[WITHIN_SPLIT].count == 0


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_images_have_no_pairs(n):
    found = count_near_pairs(images([5] * n))

    assert all(near.count == near.pairs_searched == 0 for near in found.values())


def test_a_thousand_equal_images_are_counted():
    found = count_near_pairs(images(np.zeros(1000)))

    assert found[WITHIN_SPLIT].count == 1000 * 999 // 2

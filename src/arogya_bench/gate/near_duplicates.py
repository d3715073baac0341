"""Counts pairs of images with similar perceptual hashes, by kind of pair."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.types import Labels

# Of 64 bits. On blood smears and chest X-rays, JPEG at quality 70, half the size, and 20 % more brightness or contrast
# change at most 4 bits for at least 99 % of the images; cropping 2 % of each side does so for 65 % of the smears and
# 5 % of the X-rays of 28 pixels.
MAX_DISTANCE = 4
# The two distances just outside; balanced hashes differ in an even number of bits.
OUTER_DISTANCES = (MAX_DISTANCE + 2, MAX_DISTANCE + 4)
MAX_LISTED_PAIRS = 50_000  # of each kind; a million equal hashes have more pairs than any list should hold
TILE_ROWS, TILE_COLUMNS = 64, 8192  # a tile of 4 MB fits into the processor cache
ACROSS_SPLITS, OTHER_LABEL, WITHIN_SPLIT = range(3)

Hashes = NDArray[np.uint64]  # (n,), 64-bit perceptual hashes


class DuplicatePair(NamedTuple):
    """Positions of two images, and the number of differing bits."""

    distance: int
    first: int
    second: int


@dataclass(frozen=True, kw_only=True)
class HashedImages:
    """Hashes and labels of n images; all arrays have shape (n,).

    Attributes:
        pixel_hash: Codes equal for equal pixels, since exact duplicates are not near duplicates.
        group: Pairs within a group are not counted; unique codes where groups are unknown.
    """

    perceptual_hash: Hashes
    pixel_hash: Labels
    label: Labels
    part: Labels
    group: Labels


@dataclass(frozen=True, kw_only=True)
class NearDuplicates:
    """The near pairs of one kind.

    Attributes:
        pairs_searched: Number of pairs of this kind, near or not.
        counts_by_distance: Number of pairs at each distance, shape (10,).
        nearest: All pairs within the radius, nearest first, but at most ``MAX_LISTED_PAIRS``.
    """

    pairs_searched: int
    counts_by_distance: Labels
    nearest: tuple[DuplicatePair, ...]

    @property
    def count(self) -> int:
        """Number of pairs within the radius."""
        return int(self.counts_by_distance[: MAX_DISTANCE + 1].sum())


def count_near_pairs(images: HashedImages) -> dict[int, NearDuplicates]:
    """Count near pairs among all pairs of images of different groups.

    Returns:
        Near pairs by kind: ``OTHER_LABEL``, or for equal labels ``ACROSS_SPLITS`` or ``WITHIN_SPLIT``.
    """
    counts = np.zeros((3, OUTER_DISTANCES[-1] + 2), dtype=np.int64)
    nearest = {kind: _NearestPairs() for kind in range(3)}
    for first, second, distances in _iter_close_pairs(images.perceptual_hash, OUTER_DISTANCES[-1]):
        apart = images.group[first] != images.group[second]
        apart &= images.pixel_hash[first] != images.pixel_hash[second]
        i, j, distance = first[apart], second[apart], distances[apart]
        kinds = _classify_pairs(images, i, j)
        cells = kinds * counts.shape[1] + distance
        counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape)
        for kind, pairs in nearest.items():
            pairs.add(np.stack([distance, i, j], axis=1)[(kinds == kind) & (distance <= MAX_DISTANCE)])
    searched = _count_searched_pairs(images)
    return {
        kind: NearDuplicates(pairs_searched=searched[kind], counts_by_distance=counts[kind], nearest=pairs.sorted())
        for kind, pairs in nearest.items()
    }


class _NearestPairs:
    """Collects the nearest pairs of one kind, and forgets the farthest of too many."""

    def __init__(self) -> None:
        self.rows: Labels = np.empty((0, 3), dtype=np.int64)  # distance, first, second
        self.added: list[Labels] = []

    def add(self, rows: Labels) -> None:
        if len(rows):
            self.added.append(rows)
        if sum(map(len, self.added)) > MAX_LISTED_PAIRS:
            self._keep_nearest()

    def sorted(self) -> tuple[DuplicatePair, ...]:
        self._keep_nearest()
        return tuple(DuplicatePair(*row) for row in self.rows.tolist())

    def _keep_nearest(self) -> None:
        rows = np.concatenate([self.rows, *self.added])
        self.rows, self.added = rows[np.lexsort(rows.T[::-1])[:MAX_LISTED_PAIRS]], []


def _iter_close_pairs(hashes: Hashes, radius: int) -> Iterator[tuple[Labels, Labels, Labels]]:
    """Compare all pairs tile by tile, so that memory is bounded even if all hashes are equal."""
    for top in range(0, len(hashes), TILE_ROWS):
        rows = hashes[top : top + TILE_ROWS, np.newaxis]
        for left in range(top, len(hashes), TILE_COLUMNS):
            distance = np.bitwise_count(rows ^ hashes[left : left + TILE_COLUMNS])
            near = distance <= radius
            if left <= top + TILE_ROWS:  # on the diagonal, count each pair once
                near &= np.arange(near.shape[1]) + left > np.arange(len(near))[:, np.newaxis] + top
            if near.any():
                i, j = np.nonzero(near)
                yield i + top, j + left, distance[i, j].astype(np.int64)


def _classify_pairs(images: HashedImages, i: Labels, j: Labels) -> Labels:
    same_part = images.part[i] == images.part[j]
    kinds: Labels = np.where(same_part, WITHIN_SPLIT, ACROSS_SPLITS)
    kinds[images.label[i] != images.label[j]] = OTHER_LABEL
    return kinds


def _count_searched_pairs(images: HashedImages) -> dict[int, int]:
    pairs = _count_pairs_across_groups(np.zeros_like(images.label), images.group)
    one_label = _count_pairs_across_groups(images.label, images.group)
    within = _count_pairs_across_groups(_combine_codes(images.label, images.part), images.group)
    return {ACROSS_SPLITS: one_label - within, OTHER_LABEL: pairs - one_label, WITHIN_SPLIT: within}


def _count_pairs_across_groups(code: Labels, group: Labels) -> int:
    """Count pairs with equal codes and different groups."""
    return _count_equal_pairs(code) - _count_equal_pairs(_combine_codes(code, group))


def _count_equal_pairs(code: Labels) -> int:
    sizes = np.unique(code, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def _combine_codes(first: Labels, second: Labels) -> Labels:
    width = int(second.max(initial=0)) + 2
    return (first + 1) * width + second + 1

"""Pairs of images whose perceptual hashes are near, among all pairs, counted by what they mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.types import Labels

# Of 64 bits. Measured on blood smears and chest X-rays: JPEG at quality 70, half the size, and
# brightness or contrast up by a fifth all stay within 4 for 99 % of the images or more. Cropping
# 2 % off each side does for 65 % of the smears and 5 % of the X-rays of 28 pixels.
MAX_DISTANCE = 4
# Balanced hashes differ in an even number of bits; these two distances are just outside.
OUTER_DISTANCES = (MAX_DISTANCE + 2, MAX_DISTANCE + 4)
TILE_ROWS, TILE_COLUMNS = 64, 8192  # of a tile: 4 MB, which stays in the cache of a processor
ACROSS_SPLITS, OTHER_LABEL, WITHIN_SPLIT = range(3)
MAX_EXAMPLES = 5

Hashes = NDArray[np.uint64]  # (n,), 64-bit perceptual hashes


class DuplicatePair(NamedTuple):
    """Two images, by their positions, and in how many of 64 bits they differ."""

    distance: int
    first: int
    second: int


@dataclass(frozen=True, kw_only=True)
class HashedImages:
    """What decides which pairs are worth a finding; all have shape (n,).

    Attributes:
        pixel_hash: Equal for equal pixels: such pairs are exact duplicates, and not near ones.
        group: Pairs within a group are no finding; every image is its own where none are known.
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
        pairs_searched: Pairs of the kind, near or not.
        counts_by_distance: Shape (10,); pairs at each distance from 0 to 8.
        nearest: At most five, nearest first.
    """

    pairs_searched: int
    counts_by_distance: Labels
    nearest: tuple[DuplicatePair, ...]

    @property
    def count(self) -> int:
        """Pairs within the radius."""
        return int(self.counts_by_distance[: MAX_DISTANCE + 1].sum())


def count_near_pairs(images: HashedImages) -> dict[int, NearDuplicates]:
    """Count near pairs among all pairs of images of different groups.

    Returns:
        Of three kinds that share no pair: ``OTHER_LABEL``, and for pairs of one label ``ACROSS_SPLITS``
        and ``WITHIN_SPLIT`` the parts of the split.
    """
    at = np.zeros((3, OUTER_DISTANCES[-1] + 2), dtype=np.int64)
    nearest: dict[int, list[DuplicatePair]] = {kind: [] for kind in range(3)}
    for first, second, distance in _iter_close_pairs(images.perceptual_hash, OUTER_DISTANCES[-1]):
        apart = images.group[first] != images.group[second]
        apart &= images.pixel_hash[first] != images.pixel_hash[second]
        i, j, far = first[apart], second[apart], distance[apart]
        kinds = _classify_pairs(images, i, j)
        at += np.bincount(kinds * at.shape[1] + far, minlength=at.size).reshape(at.shape)
        for kind, own in nearest.items():
            table = np.stack([far, i, j], axis=1)[(kinds == kind) & (far <= MAX_DISTANCE)]
            few = table[np.lexsort(table.T[::-1])[:MAX_EXAMPLES]].tolist()
            own[:] = sorted([*own, *(DuplicatePair(*pair) for pair in few)])[:MAX_EXAMPLES]
    searched = _count_searched_pairs(images)
    return {
        kind: NearDuplicates(
            pairs_searched=searched[kind], counts_by_distance=at[kind], nearest=tuple(own)
        )
        for kind, own in nearest.items()
    }


def _iter_close_pairs(hashes: Hashes, radius: int) -> Iterator[tuple[Labels, Labels, Labels]]:
    """Compare all pairs, tile by tile; a worst case of equal hashes needs no more memory."""
    for top in range(0, len(hashes), TILE_ROWS):
        rows = hashes[top : top + TILE_ROWS, np.newaxis]
        for left in range(top, len(hashes), TILE_COLUMNS):
            distance = np.bitwise_count(rows ^ hashes[left : left + TILE_COLUMNS])
            near = distance <= radius
            if left <= top + TILE_ROWS:  # on the diagonal, each pair would be met twice
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
    everything = np.zeros_like(images.label)
    pairs = _count_pairs_across_groups(everything, images.group)
    one_label = _count_pairs_across_groups(images.label, images.group)
    within = _count_pairs_across_groups(_combine_codes(images.label, images.part), images.group)
    return {ACROSS_SPLITS: one_label - within, OTHER_LABEL: pairs - one_label, WITHIN_SPLIT: within}


def _count_pairs_across_groups(code: Labels, group: Labels) -> int:
    """Pairs with one code and different groups."""
    return _count_equal_pairs(code) - _count_equal_pairs(_combine_codes(code, group))


def _count_equal_pairs(code: Labels) -> int:
    sizes = np.unique(code, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def _combine_codes(first: Labels, second: Labels) -> Labels:
    width = int(second.max(initial=0)) + 2
    joint: Labels = (first + 1) * width + second + 1
    return joint

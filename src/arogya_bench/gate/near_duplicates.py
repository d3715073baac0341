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
RADIUS = 4
# Balanced hashes differ in an even number of bits; these two distances are just outside.
RINGS = (RADIUS + 2, RADIUS + 4)
ROWS, COLUMNS = 64, 8192  # of a tile: 4 MB, which stays in the cache of a processor
ACROSS, OTHER_LABEL, WITHIN = range(3)
SHOWN = 5

Hashes = NDArray[np.uint64]  # (n,), 64-bit perceptual hashes


class Pair(NamedTuple):
    """Two images, by their positions, and in how many of 64 bits they differ."""

    distance: int
    first: int
    second: int


@dataclass(frozen=True, kw_only=True)
class Images:
    """What decides which pairs are worth a finding; all have shape (n,).

    Attributes:
        content: Equal for equal pixels: such pairs are exact duplicates, and not near ones.
        group: Pairs within a group are no finding; every image is its own where none are known.
    """

    likeness: Hashes
    content: Labels
    label: Labels
    part: Labels
    group: Labels


@dataclass(frozen=True, kw_only=True)
class Near:
    """The near pairs of one kind.

    Attributes:
        searched: Pairs of the kind, near or not.
        at: Shape (10,); pairs at each distance from 0 to 8.
        nearest: At most five, nearest first.
    """

    searched: int
    at: Labels
    nearest: tuple[Pair, ...]

    @property
    def count(self) -> int:
        """Pairs within the radius."""
        return int(self.at[: RADIUS + 1].sum())


def near_pairs(images: Images) -> dict[int, Near]:
    """Count near pairs among all pairs of images of different groups.

    Returns:
        Of three kinds that share no pair: ``OTHER_LABEL``, and for pairs of one label ``ACROSS``
        and ``WITHIN`` the parts of the split.
    """
    at = np.zeros((3, RINGS[-1] + 2), dtype=np.int64)
    nearest: dict[int, list[Pair]] = {kind: [] for kind in range(3)}
    for first, second, distance in _hits(images.likeness, RINGS[-1]):
        apart = images.group[first] != images.group[second]
        apart &= images.content[first] != images.content[second]
        i, j, far = first[apart], second[apart], distance[apart]
        kinds = _kinds(images, i, j)
        at += np.bincount(kinds * at.shape[1] + far, minlength=at.size).reshape(at.shape)
        for kind, own in nearest.items():
            table = np.stack([far, i, j], axis=1)[(kinds == kind) & (far <= RADIUS)]
            few = table[np.lexsort(table.T[::-1])[:SHOWN]].tolist()
            own[:] = sorted([*own, *(Pair(*pair) for pair in few)])[:SHOWN]
    searched = _searched(images)
    return {
        kind: Near(searched=searched[kind], at=at[kind], nearest=tuple(own))
        for kind, own in nearest.items()
    }


def _hits(hashes: Hashes, radius: int) -> Iterator[tuple[Labels, Labels, Labels]]:
    """Compare all pairs, tile by tile; a worst case of equal hashes needs no more memory."""
    for top in range(0, len(hashes), ROWS):
        rows = hashes[top : top + ROWS, np.newaxis]
        for left in range(top, len(hashes), COLUMNS):
            distance = np.bitwise_count(rows ^ hashes[left : left + COLUMNS])
            near = distance <= radius
            if left <= top + ROWS:  # on the diagonal, each pair would be met twice
                near &= np.arange(near.shape[1]) + left > np.arange(len(near))[:, np.newaxis] + top
            if near.any():
                i, j = np.nonzero(near)
                yield i + top, j + left, distance[i, j].astype(np.int64)


def _kinds(images: Images, i: Labels, j: Labels) -> Labels:
    same_part = images.part[i] == images.part[j]
    kinds: Labels = np.where(same_part, WITHIN, ACROSS)
    kinds[images.label[i] != images.label[j]] = OTHER_LABEL
    return kinds


def _searched(images: Images) -> dict[int, int]:
    everything = np.zeros_like(images.label)
    pairs = _apart(everything, images.group)
    one_label = _apart(images.label, images.group)
    within = _apart(_joint(images.label, images.part), images.group)
    return {ACROSS: one_label - within, OTHER_LABEL: pairs - one_label, WITHIN: within}


def _apart(code: Labels, group: Labels) -> int:
    """Pairs with one code and different groups."""
    return _pairs(code) - _pairs(_joint(code, group))


def _pairs(code: Labels) -> int:
    sizes = np.unique(code, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def _joint(first: Labels, second: Labels) -> Labels:
    width = int(second.max(initial=0)) + 2
    joint: Labels = (first + 1) * width + second + 1
    return joint

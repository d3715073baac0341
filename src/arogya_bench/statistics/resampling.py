"""Resamples of groups, described so compactly that the draws need not be stored."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.types import Floats

CHUNK_ROWS = 1_000  # amortises the cost of a call
CHUNK_CELLS = 2**21  # 16 MiB of counts, for any number of groups
CACHED_CELLS = 2**22  # 32 MiB of counts are kept between calls; larger ones are drawn again
COMPACT_CELLS = 2**27  # 128 MiB of counts in one byte each, which are converted on every call


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """Resamples of groups; equal draws contain the same groups in the same resample.

    Attributes:
        digest: 32 hexadecimal digits that identify which groups are drawn.
        group_of: Shape (n,), the position of each case's group among the sorted labels.
        stratum_of: Shape (groups,); groups are drawn within their stratum.
        seed: Seed of the draws; None if they are replayed.
        stored_indices: Shape (B, drawn), positions of groups, if the draws are replayed.
    """

    digest: str
    resamples: int
    group_of: NDArray[np.int64]
    stratum_of: NDArray[np.int64]
    seed: int | None = None
    stored_indices: NDArray[np.integer[Any]] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Draws) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def n(self) -> int:
        """Number of cases."""
        return self.group_of.size

    @property
    def groups(self) -> int:
        """Number of groups, which are the units drawn."""
        return self.stratum_of.size

    @property
    def varies(self) -> bool:
        """Whether some stratum holds two groups, without which all resamples are equal."""
        return bool(np.bincount(self.stratum_of).max() >= 2)

    @property
    def note(self) -> str:
        """Caveat about the strata; empty without strata."""
        sizes = np.unique(self.stratum_of, return_counts=True)[1]
        if sizes.size < 2:
            return ""
        single = int((sizes == 1).sum())
        fixed = f"; {single} of {sizes.size} strata hold a single group, which is in every resample"
        return "conditional on the class mix of the groups" + (fixed if single else "")

    @property
    def chunk_size(self) -> int:
        """Resamples per chunk, a function of the number of groups only."""
        return max(1, min(CHUNK_ROWS, CHUNK_CELLS // self.groups))

    def chunks(self) -> Iterator[Floats]:
        """Yield how often each group was drawn.

        Yields:
            Counts of shape (b, groups), B rows in total, the same on every call.
        """
        if self.resamples * self.groups <= CACHED_CELLS:
            yield from self._cached_chunks
        elif self.resamples * self.groups <= COMPACT_CELLS and self.stored_indices is None:
            yield from (counts.astype(np.float64) for counts in self._compact_chunks)
        else:
            yield from self._draw_chunks()

    @cached_property
    def _cached_chunks(self) -> tuple[Floats, ...]:
        """All chunks, which every model on the same cases reads."""
        return tuple(self._draw_chunks())

    @cached_property
    def _compact_chunks(self) -> tuple[NDArray[np.uint8], ...]:
        """All chunks in one byte per count; that a group is drawn 256 times has a chance below 1e-500."""
        return tuple(counts.astype(np.uint8) for counts in self._draw_chunks())

    def _draw_chunks(self) -> Iterator[Floats]:
        for number, start in enumerate(range(0, self.resamples, self.chunk_size)):
            size = min(self.chunk_size, self.resamples - start)
            if self.stored_indices is None:
                drawn: NDArray[np.integer[Any]] = self._draw_groups(number, size)
            else:
                drawn = self.stored_indices[start : start + size]
            yield _count_draws(drawn, self.groups)

    def first(self, resamples: int) -> "Draws":
        """The first of these resamples, at most ``resamples``."""
        if resamples >= self.resamples:
            return self
        stored = None if self.stored_indices is None else self.stored_indices[:resamples]
        digest = _digest("first-1", self.digest, resamples)
        return replace(self, resamples=resamples, digest=digest, stored_indices=stored)

    def case_indices(self, counts: Floats) -> NDArray[np.int64]:
        """Turn the counts of one resample, shape (groups,), into the indices of its cases."""
        return np.repeat(np.arange(self.n), counts.astype(np.int64)[self.group_of])

    def _draw_groups(self, number: int, size: int) -> NDArray[np.int64]:
        parts = []
        for stratum in range(int(self.stratum_of.max()) + 1):
            members = np.flatnonzero(self.stratum_of == stratum)
            # One stream per stratum: a smaller number of resamples is a prefix of a larger one.
            rng = np.random.default_rng([self.seed or 0, number, stratum])
            drawn = rng.integers(members.size, size=(size, members.size))
            parts.append(drawn if members.size == self.groups else members[drawn])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def draws(
    n: int,
    *,
    rng: np.random.Generator,
    resamples: int = 10_000,
    groups: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> Draws:
    """Describe resamples with replacement that draw as many groups as there are.

    Args:
        n: Number of cases.
        rng: Source of the seed, from which every resample follows.
        resamples: B; with fewer than 2,000 the ends of an interval are unreliable.
        groups: One label per case, the patient or lesion; each case is its own group if None.
        strata: One class label per case; a group with several classes is in its rarest one.
    """
    if n < 1 or resamples < 1:
        raise ValueError(f"{n} cases and {resamples} resamples: both must be at least 1")
    labels, group_of = _group_positions(n, groups)
    stratum_of = _group_strata(n, group_of, strata)
    seed = int(rng.integers(2**63))
    sizes = np.bincount(group_of)
    return Draws(
        digest=_digest("draws-1", seed, resamples, labels.tolist(), sizes, stratum_of),
        resamples=resamples,
        group_of=group_of,
        stratum_of=stratum_of,
        seed=seed,
    )


def replay(indices: ArrayLike, groups: ArrayLike | None = None) -> Draws:
    """Describe resamples that were drawn elsewhere.

    Args:
        indices: Shape (B, drawn), positions of cases, or with ``groups`` positions among the
            sorted labels. All cases of a drawn group enter, as often as it is drawn.
        groups: One label per case; if None, there are as many cases as ``drawn``.
    """
    stored = np.asarray(indices)
    if stored.ndim != 2 or not stored.size or stored.dtype.kind not in "iu":
        raise ValueError(f"indices are {stored.dtype} {stored.shape}, not integers (resamples, drawn)")
    n = stored.shape[1] if groups is None else len(np.asarray(groups))
    labels, group_of = _group_positions(n, groups)
    if stored.min() < 0 or stored.max() >= labels.size:
        raise ValueError(f"indices reach from {stored.min()} to {stored.max()}, groups are 0 to {labels.size - 1}")
    # The digest reads the bytes, so that equal draws need the same type.
    stored = stored.astype(np.min_scalar_type(labels.size))
    return Draws(
        digest=_digest("replay-1", stored.shape, stored, labels.tolist(), np.bincount(group_of)),
        resamples=len(stored),
        group_of=group_of,
        stratum_of=np.zeros(labels.size, dtype=np.int64),
        stored_indices=stored,
    )


def _group_positions(n: int, groups: ArrayLike | None) -> tuple[NDArray[Any], NDArray[np.int64]]:
    if groups is None:
        return np.arange(n), np.arange(n)
    _check_length(n, groups, "groups")
    column = np.asarray(groups)
    if any(label is None or label != label for label in column.tolist()):
        raise ValueError("a group is missing (None or NaN): every case needs a label")
    labels, group_of = np.unique(column, return_inverse=True)
    return labels, group_of


def _group_strata(n: int, group_of: NDArray[np.int64], strata: ArrayLike | None) -> NDArray[np.int64]:
    groups = int(group_of.max()) + 1
    if strata is None:
        return np.zeros(groups, dtype=np.int64)
    _check_length(n, strata, "strata")
    _, code, cases = np.unique(np.asarray(strata), return_inverse=True, return_counts=True)
    rarity = np.empty(cases.size, dtype=np.int64)
    rarity[np.argsort(cases, kind="stable")] = np.arange(cases.size)
    rarest = np.full(groups, cases.size)
    np.minimum.at(rarest, group_of, rarity[code])
    return np.unique(rarest, return_inverse=True)[1]


def _check_length(n: int, column: ArrayLike, name: str) -> None:
    shape = np.shape(column)
    if shape != (n,):
        raise ValueError(f"{name} have shape {shape}, not ({n},)")


def _count_draws(drawn: NDArray[np.integer[Any]], groups: int) -> Floats:
    counts = np.empty((len(drawn), groups))
    for row, taken in enumerate(drawn):
        counts[row] = np.bincount(taken, minlength=groups)
    return counts


def _digest(*parts: object) -> str:
    text = sha256()
    for part in parts:
        written = part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode()
        text.update(len(written).to_bytes(8, "big") + written)
    return text.hexdigest()[:32]

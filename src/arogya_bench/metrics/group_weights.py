"""Sums over weighted groups: over the groups of a resample, or over all groups but one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from arogya_bench.types import Floats

if TYPE_CHECKING:
    from scipy.sparse import csc_array

    Sparse: TypeAlias = csr_array[np.float64] | csc_array[np.float64]

MAX_BLOCK_CELLS = 2**18  # 2 MiB of weights, which stay in the cache during a sparse product
MIN_BLOCK_WIDTH = 8  # weightings per block: a line of the cache, where a block is larger than the cache anyway
MAX_DENSE_ROWS = 40  # per entry of a group; up to here, a dense product is faster
FLOAT32_EXACT_LIMIT = 2**22  # counts below it are exact in float32, which is twice as fast
MAX_LEFT_OUT_CELLS = 2**21  # of the largest table of sums that leave one group out


@dataclass(frozen=True, kw_only=True)
class SparseSums:
    """Several sums over cases, split by group.

    Attributes:
        by_group: Shape (rows, groups), one row per sum.
        integer_valued: Whether the entries are integers, which are added faster.
    """

    by_group: "Sparse"
    integer_valued: bool = False

    @cached_property
    def total(self) -> Floats:
        """Shape (rows,), over all groups."""
        return np.asarray(self.by_group.sum(axis=1)).ravel()

    @cached_property
    def dense(self) -> Floats | NDArray[np.float32] | None:
        """Shape (groups, rows); None where the sparse product is faster."""
        filled = self.by_group.nnz / max(1, self.by_group.shape[1])
        if self.by_group.shape[0] > MAX_DENSE_ROWS * max(1.0, filled):
            return None
        table = np.ascontiguousarray(self.by_group.toarray().T)
        short = self.integer_valued and self.total.sum() < FLOAT32_EXACT_LIMIT
        return table.astype(np.float32) if short else table

    @cached_property
    def by_column(self) -> "Sparse":
        """``by_group`` in the layout for reading single groups."""
        return self.by_group.tocsc()


@dataclass(frozen=True, kw_only=True, eq=False)
class StackedSums:
    """Sums of several models stacked into one table, since one product is faster than several."""

    parts: tuple[SparseSums, ...]

    @cached_property
    def joined_sums(self) -> SparseSums:
        """All parts, one below the other."""
        return SparseSums(
            by_group=vstack([part.by_group for part in self.parts], format="csr"),
            integer_valued=all(part.integer_valued for part in self.parts),
        )

    def rows_of(self, sums: SparseSums) -> slice | None:
        """The rows of a part within the stack; None if ``sums`` is no part of it."""
        start = 0
        for part in self.parts:
            end = start + part.by_group.shape[0]
            if part is sums:
                return slice(start, end)
            start = end
        return None


@dataclass(frozen=True, kw_only=True)
class DrawnGroups:
    """Weightings by how often each group was drawn, b of them.

    Attributes:
        counts: Shape (b, groups), integers.
        stacks: Sums of which all parts are computed when the first one is needed.
    """

    counts: Floats
    stacks: tuple[StackedSums, ...] = ()
    _shared: tuple["_SharedProduct", ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shared = tuple(_SharedProduct(stack=stack, counts=self._counts) for stack in self.stacks)
        object.__setattr__(self, "_shared", shared)

    def apply(self, sums: SparseSums) -> Floats:
        """The sums under each weighting, shape (rows, b)."""
        for shared in self._shared:
            rows = shared.stack.rows_of(sums)
            if rows is not None:
                return shared.product[rows]
        return self._counts.multiply(sums)

    @cached_property
    def _counts(self) -> "_Counts":
        return _Counts(counts=self.counts)


@dataclass(frozen=True, kw_only=True)
class LeaveOneGroupOut:
    """Weightings that leave out one group each, b of them.

    Attributes:
        excluded: The groups left out, in the order of the weightings.
    """

    excluded: slice

    def apply(self, sums: SparseSums) -> Floats:
        """The sums without each excluded group, shape (rows, b)."""
        remaining: Floats = sums.total[:, None] - sums.by_column[:, self.excluded].toarray()
        return remaining


GroupWeights: TypeAlias = DrawnGroups | LeaveOneGroupOut


def leave_one_group_out(groups: int, rows: int) -> Iterator[LeaveOneGroupOut]:
    """Leave out each group in turn, as many per step as tables of ``rows`` sums allow."""
    size = max(1, MAX_LEFT_OUT_CELLS // max(1, rows))
    for start in range(0, groups, size):
        yield LeaveOneGroupOut(excluded=slice(start, min(groups, start + size)))


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """How often each group was drawn, in the layouts that products need."""

    counts: Floats

    def multiply(self, sums: SparseSums) -> Floats:
        if sums.dense is None:
            return np.concatenate([sums.by_group @ block for block in self._blocks], axis=1)
        counts = self._float32 if sums.dense.dtype == np.float32 else self.counts
        product: Floats = (counts @ sums.dense).T.astype(np.float64, copy=False)
        return product

    @cached_property
    def _float32(self) -> NDArray[np.float32]:
        return self.counts.astype(np.float32)

    @cached_property
    def _blocks(self) -> tuple[Floats, ...]:
        """Shape (groups, some) each: one after the other is faster than all at once."""
        width = max(MIN_BLOCK_WIDTH, MAX_BLOCK_CELLS // self.counts.shape[1])
        starts = range(0, len(self.counts), width)
        return tuple(np.ascontiguousarray(self.counts[i : i + width].T) for i in starts)


@dataclass(frozen=True, kw_only=True)
class _SharedProduct:
    """The product of a stack, computed when the first of its parts is needed."""

    stack: StackedSums
    counts: _Counts

    @cached_property
    def product(self) -> Floats:
        return self.counts.multiply(self.stack.joined_sums)

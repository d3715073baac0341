"""How often each group counts: in resamples, or in all cases but one group."""

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

MAX_BLOCK_CELLS = 2**18  # 2 MiB of weights: what a sparse product reads again and again stays near
MAX_DENSE_ROWS = 40  # per entry of a group: up to here, a dense product is the faster one
FLOAT32_EXACT_LIMIT = 2**22  # counts below it stay whole in float32, which is twice as fast
MAX_LEFT_OUT_CELLS = 2**21  # of the largest table of sums that leave one group out


@dataclass(frozen=True, kw_only=True)
class SparseSums:
    """What each group adds to some sums.

    Attributes:
        by_group: Shape (rows, groups).
        integer_valued: Whether it holds whole numbers, which are added faster.
    """

    by_group: "Sparse"
    integer_valued: bool = False

    @cached_property
    def total(self) -> Floats:
        """Shape (rows,), over all groups."""
        return np.asarray(self.by_group.sum(axis=1)).ravel()

    @cached_property
    def dense(self) -> Floats | NDArray[np.float32] | None:
        """Shape (groups, rows), if that is the faster way to add; else None."""
        filled = self.by_group.nnz / max(1, self.by_group.shape[1])
        if self.by_group.shape[0] > MAX_DENSE_ROWS * max(1.0, filled):
            return None
        table = np.ascontiguousarray(self.by_group.toarray().T)
        short = self.integer_valued and self.total.sum() < FLOAT32_EXACT_LIMIT
        return table.astype(np.float32) if short else table

    @cached_property
    def by_column(self) -> "Sparse":
        """As ``split_by_group``, laid out for reading single groups."""
        return self.by_group.tocsc()


@dataclass(frozen=True, kw_only=True, eq=False)
class StackedSums:
    """Sums of several models, which one product adds faster than one product each."""

    parts: tuple[SparseSums, ...]

    @cached_property
    def stacked(self) -> SparseSums:
        """All of them, one below the other."""
        tables = [part.by_group for part in self.parts]
        return SparseSums(
            by_group=vstack(tables, format="csr"),
            integer_valued=all(p.integer_valued for p in self.parts),
        )

    def rows_of(self, sums: SparseSums) -> slice:
        """Where sums stand in the stack; an empty slice if they do not."""
        start = 0
        for part in self.parts:
            end = start + part.by_group.shape[0]
            if part is sums:
                return slice(start, end)
            start = end
        return slice(0)


@dataclass(frozen=True, kw_only=True)
class GroupWeights:
    """Several weightings of the groups, b of them.

    Attributes:
        counts: Shape (b, groups), whole numbers: how often each group was drawn; None if groups
            are left out.
        excluded: The groups that are left out, one in each of the b weightings; else None.
        stacks: Sums that are added together, when one of them is first asked for.
    """

    counts: Floats | None = None
    excluded: slice | None = None
    stacks: tuple[StackedSums, ...] = ()
    _stack_products: dict[int, Floats] = field(default_factory=dict, repr=False)

    def apply(self, sums: SparseSums) -> Floats:
        """The sums under each weighting, shape (rows, b)."""
        if self.excluded is not None:
            without: Floats = sums.total[:, None] - sums.by_column[:, self.excluded].toarray()
            return without
        for number, stack in enumerate(self.stacks):
            rows = stack.rows_of(sums)
            if rows.stop:
                if number not in self._stack_products:
                    self._stack_products[number] = self._product(stack.stacked)
                return self._stack_products[number][rows]
        return self._product(sums)

    def _product(self, sums: SparseSums) -> Floats:
        if sums.dense is None:
            return np.concatenate([sums.by_group @ block for block in self._count_blocks], axis=1)
        counts = self._float32_counts if sums.dense.dtype == np.float32 else self._drawn_counts
        added: Floats = (counts @ sums.dense).T.astype(np.float64, copy=False)
        return added

    @property
    def _drawn_counts(self) -> Floats:
        if self.counts is None:
            raise ValueError("weights that leave groups out have no counts")
        return self.counts

    @cached_property
    def _float32_counts(self) -> NDArray[np.float32]:
        return self._drawn_counts.astype(np.float32)

    @cached_property
    def _count_blocks(self) -> tuple[Floats, ...]:
        """Shape (groups, some) each: one after the other is faster than all at once."""
        width = max(1, MAX_BLOCK_CELLS // self._drawn_counts.shape[1])
        starts = range(0, len(self._drawn_counts), width)
        return tuple(np.ascontiguousarray(self._drawn_counts[i : i + width].T) for i in starts)


def leave_one_group_out(groups: int, rows: int) -> Iterator[GroupWeights]:
    """All groups but one, for each group in turn; as many at once as ``rows_of`` sums allow."""
    size = max(1, MAX_LEFT_OUT_CELLS // max(1, rows))
    for start in range(0, groups, size):
        yield GroupWeights(excluded=slice(start, min(groups, start + size)))

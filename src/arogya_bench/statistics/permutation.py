"""Tests by exchange: if two models are alike, their names may be swapped within a patient."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arogya_bench.errors import UndefinedMetric
from arogya_bench.types import Floats, Labels

MAX_EXACT_GROUPS = 14  # groups that differ; all 16,384 exchanges are made
CHUNK_CELLS = 2**21  # of signs at once, 16 MiB
TIE_TOLERANCE = 1e-9  # of the observed statistic: rounding is no difference
MAX_SMALLEST_P = 0.01
MAX_UNDEFINED_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class Permutation:
    """Whether two models can be told apart by exchanging them within groups.

    Attributes:
        estimate: First minus second, on the cases themselves.
        p_value: Two-sided: exact, or (1 + count)/(B + 1).
        p_smallest: What p could be at best, with so many groups and exchanges.
        permutations: Exchanges made, B.
        exact: Whether they are all there are.
        n: Number of cases.
        groups: Number of independent units.
        seed: None: the exchanges come from the generator that was given.
        note: What a reader should know; empty if nothing.
    """

    estimate: float
    p_value: float
    p_smallest: float
    permutations: int
    exact: bool
    n: int
    groups: int
    method: str
    seed: int | None = None
    note: str = ""


def sign_flip(
    differences: ArrayLike,
    *,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
    permutations: int = 10_000,
) -> Permutation:
    """Test a mean difference by flipping the signs of whole groups.

    Exact up to 14 groups that differ at all. Source: Fisher 1935; p after Phipson and Smyth 2010.

    Args:
        differences: Shape (n,), first minus second model, one per case.
        rng: What the signs are drawn from.
        groups: One label per case; each case is its own group if None.
        permutations: B, where not all signs can be tried.

    Raises:
        UndefinedMetric: If there are no cases.
        ValueError: If a column is misshapen or not finite.
    """
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or not np.isfinite(d).all():
        raise ValueError(f"differences must be finite and of shape (n,), not {d.shape}")
    position, count = _group_positions(d.size, groups)
    sums = np.bincount(position, d, minlength=count)
    # A group without a difference stays what it is under every sign.
    moving = sums[np.abs(sums) > TIE_TOLERANCE * np.abs(sums).max(initial=0.0)]
    exact = moving.size <= MAX_EXACT_GROUPS
    observed = abs(float(moving.sum()))
    near = observed * (1 - TIE_TOLERANCE)
    if exact:
        signs = np.array(list(product((-1.0, 1.0), repeat=moving.size)))
        extreme, made = int((np.abs(signs @ moving) >= near).sum()), len(signs)
        p_value, smallest = extreme / made, min(1.0, 2 / made)
    else:
        extreme = sum(
            int((np.abs(signs @ moving) >= near).sum())
            for signs in _draw_signs(rng, permutations, moving.size)
        )
        made, smallest = permutations, 1 / (permutations + 1)
        p_value = (1 + extreme) / (permutations + 1)
    return Permutation(
        estimate=float(d.mean()),
        p_value=p_value,
        p_smallest=smallest,
        permutations=made,
        exact=exact,
        n=d.size,
        groups=count,
        method="sign flips of groups",
        note=_note(smallest, moving.size, exact=exact),
    )


def swap_test(
    statistic: Callable[..., float | None],
    columns_a: Mapping[str, ArrayLike],
    columns_b: Mapping[str, ArrayLike],
    shared: Mapping[str, ArrayLike],
    *,
    groups: ArrayLike | None = None,
    rng: np.random.Generator,
    permutations: int = 2_000,
) -> Permutation:
    """Test the difference of any metric by exchanging the answers of two models group by group.

    Args:
        statistic: Called as ``statistic(**shared, **columns)`` on the answers of either model.
        columns_a: Answers of the first model, arrays with one row per case.
        columns_b: Answers of the second, under the same names.
        shared: What both have in common, such as the targets.
        groups: One label per case; each case is its own group if None.
        rng: What the exchanges are drawn from.
        permutations: B.

    Raises:
        UndefinedMetric: If the metric does not exist for the cases themselves, or in more than
            5 % of the exchanges.
        ValueError: If the names of the columns differ.
    """
    if permutations < 1 or not columns_a:
        raise ValueError(f"{permutations} exchanges of {len(columns_a)} columns")
    if set(columns_a) != set(columns_b):
        raise ValueError(f"columns {sorted(columns_a)} against {sorted(columns_b)}")
    a, b = ({k: np.asarray(v) for k, v in each.items()} for each in (columns_a, columns_b))
    both = {name: np.asarray(column) for name, column in shared.items()}
    n = len(next(iter(a.values())))
    position, count = _group_positions(n, groups)
    observed = _swapped_difference(statistic, a, b, both, np.zeros(n, dtype=np.bool_))
    if observed is None:
        raise UndefinedMetric("the metric does not exist for these cases")
    flips = (rng.random(count) < 0.5 for _ in range(permutations))
    values = [_swapped_difference(statistic, a, b, both, flip[position]) for flip in flips]
    defined = np.array([value for value in values if value is not None])
    undefined = 1 - defined.size / permutations
    if undefined > MAX_UNDEFINED_SHARE:
        raise UndefinedMetric(f"undefined in {undefined:.1%} of the exchanges")
    extreme = int((np.abs(defined) >= abs(observed) * (1 - TIE_TOLERANCE)).sum())
    smallest = max(1 / (defined.size + 1), 2.0 ** (1 - count))
    notes = [_note(smallest, count, exact=2.0 ** (1 - count) >= 1 / (defined.size + 1))]
    if undefined:
        notes.append(f"{undefined:.2%} of the exchanges are undefined and left out")
    return Permutation(
        estimate=observed,
        p_value=(1 + extreme) / (defined.size + 1),
        p_smallest=smallest,
        permutations=permutations,
        exact=False,
        n=n,
        groups=count,
        method="models exchanged within groups",
        note="; ".join(note for note in notes if note),
    )


def _swapped_difference(
    statistic: Callable[..., float | None],
    a: Mapping[str, NDArray[Any]],
    b: Mapping[str, NDArray[Any]],
    shared: Mapping[str, NDArray[Any]],
    swapped: NDArray[np.bool_],
) -> float | None:
    values = []
    for own, other in ((a, b), (b, a)):
        mixed = {
            name: np.where(swapped.reshape(-1, *[1] * (column.ndim - 1)), other[name], column)
            for name, column in own.items()
        }
        try:
            value = statistic(**shared, **mixed)
        except UndefinedMetric:
            return None
        if value is None or np.isnan(value):
            return None
        values.append(float(value))
    return values[0] - values[1]


def _group_positions(n: int, groups: ArrayLike | None) -> tuple[Labels, int]:
    if not n:
        raise UndefinedMetric("no cases")
    if groups is None:
        return np.arange(n), n
    if np.shape(groups) != (n,):
        raise ValueError(f"groups have shape {np.shape(groups)}, not ({n},)")
    labels, position = np.unique(np.asarray(groups), return_inverse=True)
    return position, labels.size


def _draw_signs(rng: np.random.Generator, permutations: int, groups: int) -> Iterator[Floats]:
    size = max(1, CHUNK_CELLS // groups)
    for start in range(0, permutations, size):
        coins = rng.integers(2, size=(min(size, permutations - start), groups))
        yield 1 - 2 * coins.astype(np.float64)


def _note(smallest: float, groups: int, *, exact: bool) -> str:
    if not groups:
        return "no group shows a difference"
    if smallest > MAX_SMALLEST_P:
        few = f"{groups} groups to exchange" if exact else "so few exchanges"
        return f"only {few}: p cannot be below {smallest:.3f}"
    return ""

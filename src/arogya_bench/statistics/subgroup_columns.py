"""Metadata columns as subgroups: values as they are, numbers in quartile bands, columns crossed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from arogya_bench.types import Floats, Labels

Metadata: TypeAlias = Sequence[str | float | None] | NDArray[Any]  # one value per case

MISSING = "(missing)"
FEW_VALUES = 4  # so many numbers are as good as names; more are cut into as many bands
CROSSED = " \N{MULTIPLICATION SIGN} "


@dataclass(frozen=True, kw_only=True)
class Banded:
    """Which subgroup each case belongs to.

    Attributes:
        name: Of the column, or of both.
        values: Names of the subgroups that hold a case, in order; cases without a value are
            ``(missing)``, the last.
        of: Shape (n,), index into ``values``.
        note: How numbers were cut; empty if nothing was.
    """

    name: str
    values: tuple[str, ...]
    of: Labels
    note: str = ""


def banded(by: Metadata | Mapping[str, Metadata], n: int) -> Banded:
    """Divide n cases by a column, or by two columns crossed.

    Args:
        by: One column, or one or two by name; each of n strings or numbers. None, NaN, infinity
            and empty strings are missing. Of more than four numbers, bands are cut at the
            quartiles (numpy's linear ones), each with its upper end; equal quartiles are one.
        n: Number of cases.

    Raises:
        ValueError: If there are other than one or two columns, or one has not n values.
    """
    named = by if isinstance(by, Mapping) else {"subgroup": by}
    if not 1 <= len(named) <= 2:
        raise ValueError(f"subgroups by {len(named)} columns, not by one or two")
    columns = [_banded(name, column, n) for name, column in named.items()]
    return columns[0] if len(columns) == 1 else _crossed(*columns)


def _banded(name: str, column: Metadata, n: int) -> Banded:
    values = list(column)
    if len(values) != n:
        raise ValueError(f"column {name!r} has {len(values)} values for {n} cases")
    present = np.array([not _missing(value) for value in values], dtype=bool)
    known = [value for value, there in zip(values, present, strict=True) if there]
    note = ""
    if all(_is_number(value) for value in known):
        names, code, note = _of_numbers(name, np.array(known, dtype=np.float64))
    else:
        labels, code = np.unique([str(value).strip() for value in known], return_inverse=True)
        names = [str(label) for label in labels]
    of = np.full(n, len(names))
    of[present] = code
    return Banded(name=name, values=(*names, *[MISSING] * (not present.all())), of=of, note=note)


def _of_numbers(name: str, numbers: Floats) -> tuple[list[str], Labels, str]:
    distinct, code = np.unique(numbers, return_inverse=True)
    if distinct.size <= FEW_VALUES:
        return _written(distinct), code, ""
    cuts = np.unique(np.quantile(numbers, [0.25, 0.5, 0.75]))
    filled, code = np.unique(np.searchsorted(cuts, numbers), return_inverse=True)
    edges = _written(np.array([distinct[0], *cuts, distinct[-1]]))
    names = [f"{'(' if band else '['}{edges[band]}, {edges[band + 1]}]" for band in filled]
    return names, code, f"{name} is cut at its quartiles"


def _written(numbers: Floats) -> list[str]:
    short = [f"{number:.6g}" for number in numbers]
    if len(set(short)) == np.unique(numbers).size:
        return short
    return [np.format_float_positional(number, trim="-") for number in numbers]


def _crossed(first: Banded, second: Banded) -> Banded:
    both = first.of * len(second.values) + second.of
    filled, of = np.unique(both, return_inverse=True)
    pairs = [divmod(int(each), len(second.values)) for each in filled]
    return Banded(
        name=first.name + CROSSED + second.name,
        values=tuple(first.values[i] + CROSSED + second.values[j] for i, j in pairs),
        of=of,
        note="; ".join(note for note in (first.note, second.note) if note),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _missing(value: object) -> bool:
    if isinstance(value, Real):
        return not np.isfinite(float(value))
    return value is None or not str(value).strip()

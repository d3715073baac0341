"""Subgroups from metadata columns: by value, by quartile, or by two columns crossed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from arogya_bench.types import Floats, Labels

Metadata: TypeAlias = Sequence[str | float | None] | NDArray[Any]  # one value per case

MISSING = "(missing)"
MAX_CATEGORICAL_VALUES = 4  # distinct numbers; columns with more are cut at their quartiles
CROSS_SEPARATOR = " \N{MULTIPLICATION SIGN} "


@dataclass(frozen=True, kw_only=True)
class SubgroupColumn:
    """The subgroup of each case.

    Attributes:
        values: Names of the non-empty subgroups, in order; ``(missing)`` is last.
        codes: Shape (n,), indices into ``values``.
        note: How numbers were cut, or an empty string.
    """

    name: str
    values: tuple[str, ...]
    codes: Labels
    note: str = ""


def build_subgroup_column(by: Metadata | Mapping[str, Metadata], n: int) -> SubgroupColumn:
    """Divide n cases by a column, or by two columns crossed.

    Args:
        by: One column, or one or two columns by name, each of n strings or numbers. None, NaN,
            infinity and empty strings are missing. More than four distinct numbers are cut at
            their quartiles (linear), each interval including its upper end.
        n: Number of cases.
    """
    named = by if isinstance(by, Mapping) else {"subgroup": by}
    if not 1 <= len(named) <= 2:
        raise ValueError(f"{len(named)} columns: subgroups need one or two")
    columns = [_parse_column(name, column, n) for name, column in named.items()]
    return columns[0] if len(columns) == 1 else _cross_columns(*columns)


def _parse_column(name: str, column: Metadata, n: int) -> SubgroupColumn:
    values = list(column)
    if len(values) != n:
        raise ValueError(f"column {name!r} has {len(values)} values for {n} cases")
    present = np.array([not _is_missing(value) for value in values], dtype=bool)
    known = [value for value, is_present in zip(values, present, strict=True) if is_present]
    note = ""
    if all(_is_number(value) for value in known):
        names, code, note = _band_numbers(name, np.array(known, dtype=np.float64))
    else:
        labels, code = np.unique([str(value).strip() for value in known], return_inverse=True)
        names = [str(label) for label in labels]
    codes = np.full(n, len(names))
    codes[present] = code
    return SubgroupColumn(name=name, values=(*names, *[MISSING] * (not present.all())), codes=codes, note=note)


def _band_numbers(name: str, numbers: Floats) -> tuple[list[str], Labels, str]:
    distinct, code = np.unique(numbers, return_inverse=True)
    if distinct.size <= MAX_CATEGORICAL_VALUES:
        return _format_numbers(distinct), code, ""
    cuts = np.unique(np.quantile(numbers, [0.25, 0.5, 0.75]))
    filled, code = np.unique(np.searchsorted(cuts, numbers), return_inverse=True)
    edges = _format_numbers(np.array([distinct[0], *cuts, distinct[-1]]))
    names = [f"{'(' if band else '['}{edges[band]}, {edges[band + 1]}]" for band in filled]
    return names, code, f"{name} is cut at its quartiles"


def _format_numbers(numbers: Floats) -> list[str]:
    short = [f"{number:.6g}" for number in numbers]
    if len(set(short)) == np.unique(numbers).size:
        return short
    return [np.format_float_positional(number, trim="-") for number in numbers]


def _cross_columns(first: SubgroupColumn, second: SubgroupColumn) -> SubgroupColumn:
    both = first.codes * len(second.values) + second.codes
    filled, codes = np.unique(both, return_inverse=True)
    pairs = [divmod(int(code), len(second.values)) for code in filled]
    return SubgroupColumn(
        name=first.name + CROSS_SEPARATOR + second.name,
        values=tuple(first.values[i] + CROSS_SEPARATOR + second.values[j] for i, j in pairs),
        codes=codes,
        note="; ".join(note for note in (first.note, second.note) if note),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _is_missing(value: object) -> bool:
    if isinstance(value, Real):
        return not np.isfinite(float(value))
    return value is None or not str(value).strip()

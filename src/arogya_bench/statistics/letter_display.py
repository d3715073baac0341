"""Compact letter display: rows that share a letter are not shown to differ."""

from collections.abc import Collection, Sequence
from string import ascii_letters


def letter_display(names: Sequence[str], different: Collection[tuple[str, str]]) -> dict[str, str]:
    """Give letters to rows so that two of them share a letter exactly if they are not shown to differ.

    Source: Piepho 2004, "insert and absorb".

    Args:
        names: Best first; the first letter is that of the best row.
        different: Pairs of rows that are shown to differ, in either order.

    Returns:
        By name, its letters in order; beyond 52 letters, numbers in brackets.
    """
    groups: list[frozenset[str]] = [frozenset(names)] if names else []
    for a, b in different:
        split = [part for group in groups if {a, b} <= group for part in (group - {a}, group - {b})]
        kept = [group for group in groups if not {a, b} <= group]
        groups = _absorb([*kept, *split])
    position = {name: i for i, name in enumerate(names)}
    groups.sort(key=lambda group: sorted(position[name] for name in group))
    return {name: "".join(_letter(i) for i, group in enumerate(groups) if name in group) for name in names}


def _absorb(groups: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Leave out groups that another one contains."""
    distinct = list(dict.fromkeys(groups))
    return [group for group in distinct if not any(group < other for other in distinct)]


def _letter(index: int) -> str:
    return ascii_letters[index] if index < len(ascii_letters) else f"[{index + 1}]"

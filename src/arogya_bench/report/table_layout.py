"""Lay out tables on paper: letter size and column widths, and parts where a table is wider than the page."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from arogya_bench.report.body import cell_text
from arogya_bench.report.columns import Cell

SIZES = (8.5, 8.0, 7.5, 7.0)  # points, the first preferred
SPLIT_SIZE = 7.5
PADDING = 8.0  # points between the texts of two columns
IMAGE_WIDTH = 44.0  # points
EASY_WIDTH = 11.0  # ems; a column of texts is not made narrower for larger letters
EASY_HEADER_LINES, MAX_HEADER_LINES = 3, 6
MAX_TOKEN = 34  # letters that are kept on one line, so that a run id is whole
MAX_KEY_COLUMNS, MAX_KEY_SHARE = 2, 0.45  # of the columns that every part of a table repeats
BREAK = "\u200b"  # where a line may end, without a width
# Widths of Helvetica and of fonts of its metrics, in ems; 0.556 is that of digits and most small letters.
WIDTHS = {
    **dict.fromkeys("iljI|'.,:;!/ []()ft-\u00a0", 0.3),
    **dict.fromkeys("mMW@%w", 0.86),
    **dict.fromkeys("ABCDEGHKNOPQRSUVXY+=<>~\u2212\u2265\u2264\u00b1", 0.7),
}
BOLD = 1.07  # of the width of ordinary letters
WIDE_LETTERS = 0x1100  # code point from which scripts have square letters


@dataclass(frozen=True, kw_only=True)
class TablePart:
    """Some columns of a table, as wide as the page.

    Attributes:
        columns: Their positions in the section.
        widths: Of the columns, in points.
        size: Of the letters, in points.
    """

    columns: tuple[int, ...]
    widths: tuple[float, ...]
    size: float


@dataclass(frozen=True, kw_only=True)
class _ColumnNeeds:
    """Widths that a column needs, in ems: on one line, with numbers on one line and short texts, and at least."""

    whole: float
    easy: float
    least: float
    numeric: bool
    image: bool


def lay_out(headers: Sequence[str], rows: Sequence[Sequence[Cell]], width: float) -> list[TablePart]:
    """Arrange the columns of a table on a width in points; in several parts if they do not fit beside each other."""
    needs = [_needs_of(header, [row[place] for row in rows]) for place, header in enumerate(headers)]
    places = tuple(range(len(needs)))
    stages: tuple[Callable[[_ColumnNeeds], float], ...] = (lambda n: n.easy, lambda n: n.least)
    for need in stages:
        for size in SIZES:
            if sum(_points(needs[place], need, size) for place in places) <= width:
                return [_spread(places, needs, need, size=size, width=width)]
    parts = _split(needs, width)
    return [_spread(part, needs, lambda n: n.least, size=SPLIT_SIZE, width=width) for part in parts]


def breakable(text: str) -> str:
    """A text of a table in which intervals stay whole and long names may be broken."""
    whole = re.sub(r"\[[^\[\]]{1,40}\](?: [A-E]$)?", lambda match: match[0].replace(" ", "\u00a0"), text)
    return re.sub(rf"\S{{{MAX_TOKEN + 1},}}", lambda match: _break_long(match[0]), whole)


def _break_long(token: str) -> str:
    """A word that may be broken after each punctuation mark, and every few letters at the latest."""
    pieces = re.findall(rf"[^_/.\-,:=]{{1,{MAX_TOKEN // 2}}}[_/.\-,:=]*|[_/.\-,:=]{{1,{MAX_TOKEN // 2}}}", token)
    return BREAK.join(pieces)


@cache
def text_width(text: str) -> float:
    """The width of a text in ems, about."""
    return sum(WIDTHS.get(letter, 1.0 if ord(letter) >= WIDE_LETTERS else 0.556) for letter in text)


def _needs_of(header: str, cells: Sequence[Cell]) -> _ColumnNeeds:
    texts = [breakable(cell_text(cell)) for cell in dict.fromkeys(cells)]
    head, word = BOLD * text_width(header), BOLD * _widest_token(breakable(header))
    least = max([word, head / MAX_HEADER_LINES, 1.0, *map(_widest_token, texts)])
    longest = max((text_width(line) for text in texts for line in text.split("\n")), default=0.0)
    numeric = all(_is_number(text) for text in texts)
    easy = max(least, head / EASY_HEADER_LINES, longest if numeric else min(longest, EASY_WIDTH))
    return _ColumnNeeds(
        whole=max(easy, longest, head), easy=easy, least=least, numeric=numeric, image=any(cell.image for cell in cells)
    )


def _is_number(text: str) -> bool:
    """Whether a cell is a number, an interval or empty, rather than a text."""
    return not text or text[0] in "0123456789\u2212-+<>\u2013" or text.startswith(("n/a", "no "))


def _widest_token(text: str) -> float:
    return max((text_width(token) for token in re.split(rf"[ \n{BREAK}]", text)), default=0.0)


def _points(needs: _ColumnNeeds, need: Callable[[_ColumnNeeds], float], size: float) -> float:
    return max(need(needs) * size, IMAGE_WIDTH if needs.image else 0.0) + PADDING


def _spread(
    places: Sequence[int],
    needs: Sequence[_ColumnNeeds],
    need: Callable[[_ColumnNeeds], float],
    *,
    size: float,
    width: float,
) -> TablePart:
    """Give each column what it needs, and the rest to those that would use more, then to all alike."""
    base = [_points(needs[place], need, size) for place in places]
    wishes = [max(0.0, needs[place].whole * size + PADDING - given) for place, given in zip(places, base, strict=True)]
    rest = width - sum(base)
    share = min(1.0, rest / sum(wishes)) if sum(wishes) > 0 else 0.0
    given = [at_least + share * wish for at_least, wish in zip(base, wishes, strict=True)]
    scale = width / sum(given)
    return TablePart(columns=tuple(places), widths=tuple(round(scale * part, 2) for part in given), size=size)


def _split(needs: Sequence[_ColumnNeeds], width: float) -> list[tuple[int, ...]]:
    """Places of columns that fit on the page together; the first columns are in every part."""
    points = [_points(one, lambda n: n.least, SPLIT_SIZE) for one in needs]
    keys = _key_columns(needs, points, width)
    room = width - sum(points[place] for place in keys)
    others = range(len(keys), len(needs))
    parts = -(-sum(points[place] for place in others) // room)  # at least; so the parts become about equally wide
    target = sum(points[place] for place in others) / parts
    split: list[list[int]] = [[]]
    used = 0.0
    for place in others:
        if split[-1] and (used + points[place] > room or used + points[place] / 2 > target):
            split.append([])
            used = 0.0
        split[-1].append(place)
        used += points[place]
    return [(*keys, *part) for part in split]


def _key_columns(needs: Sequence[_ColumnNeeds], points: Sequence[float], width: float) -> tuple[int, ...]:
    """The first columns, which name the row."""
    keys: list[int] = []
    for place in range(min(MAX_KEY_COLUMNS, len(needs) - 1)):
        is_rank = place == 0 and needs[place].whole < 3  # a rank, before the name of a row
        if (needs[place].numeric and not is_rank) or sum(points[: place + 1]) > MAX_KEY_SHARE * width:
            break
        keys.append(place)
    return tuple(keys)

"""Verify a page: render it again from the recomputed comparison, and compare it text by text."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from html import unescape
from itertools import zip_longest
from typing import Any

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.differences import ABSENT, Difference, nested_differences
from arogya_bench.comparison.recompute import recompute
from arogya_bench.comparison.verification import (
    FIX,
    Verification,
    describe_evidence,
    version_notes,
    words_note,
    words_taken,
)
from arogya_bench.errors import ConfigError
from arogya_bench.report.embedded import ELEMENT, drawing_versions, read_digests, read_embedded
from arogya_bench.report.page import render_html
from arogya_bench.report.page_items import Item, read_items, without_servers

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
SERVER_LINK = re.compile(r'href="(?P<server>https?://[^"#]*?)/#/(?:experiments|runs)/')
MOST_MATCHED = 4_000  # items between the first and the last difference that are aligned; more are compared in order
MOST_SHOWN = 160  # characters of a value
NOTHING = Item("", "", "", ABSENT, False, True)


def verify_page(page: str, *, tracking_uri: str | None) -> Verification:
    """Verify what ``report.html`` shows.

    Raises:
        ConfigError: If the page is none of ours, or another version wrote it.
        TrackingError: If the store cannot be read, or lacks the experiment.
    """
    embedded = read_embedded(page)
    _check_version(embedded["about"])
    recomputation = recompute(embedded["about"], tracking_uri=tracking_uri)
    tables = recomputation.tables
    if tables is None:
        return Verification(problems=recomputation.problems)
    rendered = render_html(tables, server=_server_of(page))
    same_charts = embedded.get("drawn_with") == drawing_versions()
    evidence = describe_evidence({"about": tables.about, "runs": _digest_rows(tables)})
    return Verification(
        checked=(_counted(read_items(ELEMENT.sub("", page))), *evidence),
        problems=recomputation.problems,
        differences=(
            *_embedded_differences(embedded, read_embedded(rendered)),
            *compare_pages(ELEMENT.sub("", page), ELEMENT.sub("", rendered), same_charts=same_charts),
        ),
        notes=(*words_note(embedded["about"]), *(() if same_charts else (_other_charts(embedded),))),
        taken=(*words_taken(embedded["about"]), *(() if same_charts else ("the shapes of the charts",))),
    )


def compare_pages(page: str, rendered: str, *, same_charts: bool) -> list[Difference]:
    """Compare a page with one that was rendered again.

    Args:
        page: That was printed.
        rendered: As it should be.
        same_charts: Whether both were drawn by the same versions; if not, only the texts of charts are compared.
    """
    differences = compare_items(read_items(page), read_items(rendered), same_charts=same_charts)
    printed, expected = without_servers(page), without_servers(rendered)
    if differences or printed == expected or not same_charts:
        return differences
    shown = _around_difference(printed, expected)  # what a browser may read in another way
    return [Difference(table="page", row="", column="markup", printed=shown[0], recomputed=shown[1])]


def compare_items(printed: Sequence[Item], expected: Sequence[Item], *, same_charts: bool) -> list[Difference]:
    """Compare the texts and attributes of two pages in their order."""
    if not same_charts:
        chart_texts = [sorted(item.value for item in page if item.in_chart and item.is_text)
                       for page in (printed, expected)]  # fmt: skip
        printed, expected = ([item for item in page if not item.in_chart] for page in (printed, expected))
        return [*_multiset_differences(*chart_texts), *compare_items(printed, expected, same_charts=True)]
    if [item.value for item in printed] == [item.value for item in expected]:
        return []
    return [_difference(one, other) for one, other in _align(printed, expected) if one.value != other.value]


def _align(printed: Sequence[Item], expected: Sequence[Item]) -> list[tuple[Item, Item]]:
    """Pair the items of two pages from the first to the last difference."""
    if len(printed) == len(expected):
        return list(zip(printed, expected, strict=True))
    start = _common_start(printed, expected)
    tail = _common_start(printed[start:][::-1], expected[start:][::-1])
    printed, expected = printed[start : len(printed) - tail], expected[start : len(expected) - tail]
    if max(len(printed), len(expected)) > MOST_MATCHED:
        return list(zip_longest(printed, expected, fillvalue=NOTHING))
    matcher = SequenceMatcher(None, [item.value for item in printed], [item.value for item in expected], autojunk=False)
    return [
        pair
        for kind, a, b, c, d in matcher.get_opcodes()
        if kind != "equal"
        for pair in zip_longest(printed[a:b], expected[c:d], fillvalue=NOTHING)
    ]


def _common_start(one: Sequence[Item], other: Sequence[Item]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a.value != b.value), min(len(one), len(other)))


def _difference(printed: Item, expected: Item) -> Difference:
    place = expected if printed is NOTHING else printed
    column = f"{place.column} (chart)" if place.in_chart and place.column.startswith("<") else place.column
    values = _around_difference(printed.value, expected.value)
    return Difference(
        table=place.section or "page", row=place.row, column=column, printed=values[0], recomputed=values[1]
    )


def _around_difference(one: str, other: str) -> tuple[str, str]:
    """Two long texts from a little before the place where they part."""
    if max(len(one), len(other)) <= MOST_SHOWN:
        return one, other
    shorter = min(len(one), len(other))
    start = next((place for place in range(shorter) if one[place] != other[place]), shorter)
    begin = max(0, start - MOST_SHOWN // 2)
    shown = (text[begin : begin + MOST_SHOWN] for text in (one, other))
    first, second = (f"{'…' if begin else ''}{text}" for text in shown)
    return first, second


def _multiset_differences(printed: list[str], expected: list[str]) -> list[Difference]:
    gone, new = Counter(expected) - Counter(printed), Counter(printed) - Counter(expected)
    pairs = zip_longest(new.elements(), gone.elements(), fillvalue=ABSENT)
    return [Difference(table="charts", row="", column="text", printed=a, recomputed=b) for a, b in pairs]


def _embedded_differences(printed: Mapping[str, Any], expected: Mapping[str, Any]) -> list[Difference]:
    names = [name for name in dict.fromkeys([*printed, *expected]) if name != "drawn_with"]
    return [
        difference
        for name in names
        for difference in nested_differences(
            f"embedded {name}", "", printed.get(name, ABSENT), expected.get(name, ABSENT)
        )
    ]


def _counted(items: Sequence[Item]) -> str:
    texts = [item.value for item in items if item.is_text]
    numbers = sum(len(NUMBER.findall(text)) for text in texts)
    return f"Rendered again: {numbers:,} numbers in {len(texts):,} texts."


def _server_of(page: str) -> str:
    """The address of MLflow that a page links to; empty if it names none."""
    found = SERVER_LINK.search(page)
    return unescape(found["server"]) if found else ""


def _digest_rows(tables: ComparisonTables) -> list[dict[str, str]]:
    return [{"digest": digest} for digest in read_digests(tables).values()]


def _check_version(about: Mapping[str, Any]) -> None:
    if notes := version_notes(about):
        raise ConfigError(
            f"{notes[0].partition(':')[0]}: the texts of a page can only be verified by the version that wrote it.",
            fix=f"verify comparison.json of the same comparison, install that version, or {FIX}",
        )


def _other_charts(embedded: Mapping[str, Any]) -> str:
    versions = embedded.get("drawn_with")
    known = versions if isinstance(versions, Mapping) else {}
    drawn = ", ".join(f"{name} {number or '(none)'}" for name, number in known.items())
    return f"The charts were drawn by {drawn or 'unknown versions'}: of them only the texts are compared."

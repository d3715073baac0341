"""What a page holds of its comparison: enough to recompute it, and the digests of what it rests on."""

import json
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.table_frames import to_records
from arogya_bench.comparison.verification import parse_comparison
from arogya_bench.errors import ConfigError

ELEMENT_ID = "arogya-comparison"
ELEMENT = re.compile(rf'<script type="application/json" id="{ELEMENT_ID}">(?P<data>.*?)</script>', re.DOTALL)
DRAWING_PACKAGES = ("altair", "vl-convert-python")  # which decide how a chart is drawn
# Nothing in the data may end the element, or begin a comment in it.
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def embed(comparison: ComparisonTables) -> str:
    """The element of a page that holds what is needed to recompute the page and to compare it."""
    data = {"about": dict(comparison.about), "digests": read_digests(comparison), "drawn_with": drawing_versions()}
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    escaped = "".join(ESCAPES.get(letter, letter) for letter in text)
    return f'<script type="application/json" id="{ELEMENT_ID}">{escaped}</script>'


def read_embedded(page: str) -> dict[str, Any]:
    """Read what ``embed`` wrote into a page; ConfigError if there is nothing."""
    found = ELEMENT.findall(page)
    if len(found) != 1:
        raise ConfigError(
            "The page does not say which comparison it shows.",
            fix="verify the comparison.json beside it, or write report.html anew: arogya-bench report.",
        )
    return parse_comparison(found[0])


def read_digests(comparison: ComparisonTables) -> dict[str, str]:
    """The digest of the prediction table of each run that was read."""
    return {str(row["run_id"]): str(row["digest"]) for row in to_records(comparison.runs) if row["digest"]}


@cache
def drawing_versions() -> dict[str, str]:
    """The versions of the packages that draw charts; empty for one that is not installed."""
    return {name: _version(name) for name in DRAWING_PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""

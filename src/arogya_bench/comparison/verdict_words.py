"""Words that the sentences of a verdict share."""

from collections.abc import Sequence

from arogya_bench.analysis.judgement import Judgement
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.runtime.console import plural

MAX_NAMES = 6  # of models in a sentence


def describe_sample(block: ComparableRuns, judgement: Judgement) -> str:
    """The number of groups, such as ``180 patients``."""
    return plural(judgement.cases.groups, unit_of(block))


def unit_of(block: ComparableRuns) -> str:
    """What the groups are."""
    return "patient" if block.grouped else "case"


def missing_note(block: ComparableRuns) -> str:
    """How many cells have no finished run, as a sentence; empty for none."""
    count = len(block.missing)
    return f" {count} {'cell is' if count == 1 else 'cells are'} missing." if count else ""


def join_names(names: Sequence[str], conjunction: str) -> str:
    """Names in a sentence, of which many are only counted."""
    if len(names) > MAX_NAMES:
        return f"{', '.join(names[: MAX_NAMES - 1])} {conjunction} {len(names) - MAX_NAMES + 1} more models"
    *first, last = names
    return f"{', '.join(first)} {conjunction} {last}" if first else last

"""Collects the warnings about curated cases that a person should review."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter

from arogya_bench.curation.journal import CaseRecord

MAX_EXAMPLES = 5
TEXT_CODE, METADATA_CODE = "AB601", "AB602"


@dataclass(frozen=True, kw_only=True)
class CurationWarning:
    """A reason to review some cases before they are shared.

    Attributes:
        code: ``AB601`` for text in the pixels, ``AB602`` for identifying metadata that was removed.
        problem: One sentence.
        count: Number of cases.
        examples: Pseudonyms of up to five cases.
    """

    code: str
    problem: str
    count: int
    examples: tuple[str, ...]


def _has_flag(name: str) -> Callable[[CaseRecord], bool]:
    return lambda record: name in record.flags


RULES: tuple[tuple[str, str, Callable[[CaseRecord], object]], ...] = (
    (TEXT_CODE, "Rows of marks in the pixels look like text", attrgetter("text_rows")),
    (TEXT_CODE, "Text was recognised in the pixels", attrgetter("lines_read")),
    (TEXT_CODE, "The header says that text is burned into the pixels", _has_flag("burned-in")),
    (TEXT_CODE, "Images of this kind of device often show text", _has_flag("rules")),
    (TEXT_CODE, "The header says that the pixels show a face", _has_flag("face")),
    (TEXT_CODE, "The pixels could not be decoded to search them for text", _has_flag("unsearched")),
    (TEXT_CODE, "Only the first of several frames was searched for text", _has_flag("frames")),
    (TEXT_CODE, "Volumes (NIfTI) were not searched for text or faces", _has_flag("volume")),
    (METADATA_CODE, "An overlay over the image was removed", _has_flag("overlay")),
    (METADATA_CODE, "Metadata that may identify a person was removed", lambda r: r.removed.keys() - {"orientation"}),
)


def collect_warnings(records: Iterable[CaseRecord]) -> tuple[CurationWarning, ...]:
    """Apply every rule to the records of cases that were not quarantined."""
    written = [record for record in records if record.reason is None]
    warnings = []
    for code, problem, applies in RULES:
        ids = tuple(record.case_id for record in written if applies(record))
        if ids:
            warnings.append(CurationWarning(code=code, problem=problem, count=len(ids), examples=ids[:MAX_EXAMPLES]))
    return tuple(warnings)

"""What a person should look at before curated files are given away."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from arogya_bench.curation.journal import Record

MAX_EXAMPLES = 5
IDENTIFYING_METADATA_CODE = "AB602"
TEXT_IN_PIXELS_CODE = "AB601"


@dataclass(frozen=True, kw_only=True)
class CurationWarning:
    """Something that a person should look at.

    Attributes:
        code: ``AB601`` text in the pixels, ``AB602`` identifying metadata that was removed.
        problem: One sentence.
        count: Of cases.
        examples: Pseudonyms of some of them.
    """

    code: str
    problem: str
    count: int
    examples: tuple[str, ...]


def _has_flag(name: str) -> Callable[[Record], bool]:
    return lambda record: name in record.flags


WARNING_RULES: tuple[tuple[str, str, Callable[[Record], object]], ...] = (
    (
        TEXT_IN_PIXELS_CODE,
        "Rows of marks in the pixels look like text",
        lambda record: record.text_rows,
    ),
    (TEXT_IN_PIXELS_CODE, "Text was recognised in the pixels", lambda record: record.lines_read),
    (
        TEXT_IN_PIXELS_CODE,
        "The header says that text is burned into the pixels",
        _has_flag("burned-in"),
    ),
    (TEXT_IN_PIXELS_CODE, "Images of this kind of device often show text", _has_flag("rules")),
    (TEXT_IN_PIXELS_CODE, "The header says that the pixels show a face", _has_flag("face")),
    (
        TEXT_IN_PIXELS_CODE,
        "The pixels could not be decoded to search them for text",
        _has_flag("unsearched"),
    ),
    (
        TEXT_IN_PIXELS_CODE,
        "Only the first of several frames was searched for text",
        _has_flag("frames"),
    ),
    (
        TEXT_IN_PIXELS_CODE,
        "Volumes (NIfTI) were not searched for text, nor for faces",
        _has_flag("volume"),
    ),
    (IDENTIFYING_METADATA_CODE, "An overlay over the image was removed", _has_flag("overlay")),
    (
        IDENTIFYING_METADATA_CODE,
        "Metadata was removed that may identify somebody",
        lambda record: record.removed.keys() - {"orientation"},
    ),
)


def collect_warnings(records: Iterable[Record]) -> tuple[CurationWarning, ...]:
    """What to look at, from what was found in the files."""
    good = [record for record in records if record.reason is None]
    found = {
        (code, problem): [record.case_id for record in good if wanted(record)]
        for code, problem, wanted in WARNING_RULES
    }
    return tuple(
        CurationWarning(
            code=code, problem=problem, count=len(ids), examples=tuple(ids[:MAX_EXAMPLES])
        )
        for (code, problem), ids in found.items()
        if ids
    )

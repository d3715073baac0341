"""What a person should look at before curated files are given away."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from arogya_bench.curation.journal import Record

EXAMPLES = 5
IDENTIFYING = "AB602"
TEXT = "AB601"


@dataclass(frozen=True, kw_only=True)
class Notice:
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


def _flagged(name: str) -> Callable[[Record], bool]:
    return lambda record: name in record.flags


SIGNS: tuple[tuple[str, str, Callable[[Record], object]], ...] = (
    (TEXT, "Rows of marks in the pixels look like text", lambda record: record.text_rows),
    (TEXT, "Text was recognised in the pixels", lambda record: record.lines_read),
    (TEXT, "The header says that text is burned into the pixels", _flagged("burned-in")),
    (TEXT, "Images of this kind of device often show text", _flagged("rules")),
    (TEXT, "The header says that the pixels show a face", _flagged("face")),
    (TEXT, "The pixels could not be decoded to search them for text", _flagged("unsearched")),
    (TEXT, "Only the first of several frames was searched for text", _flagged("frames")),
    (TEXT, "Volumes (NIfTI) were not searched for text, nor for faces", _flagged("volume")),
    (IDENTIFYING, "An overlay over the image was removed", _flagged("overlay")),
    (
        IDENTIFYING,
        "Metadata was removed that may identify somebody",
        lambda record: record.removed.keys() - {"orientation"},
    ),
)


def notices(records: Iterable[Record]) -> tuple[Notice, ...]:
    """What to look at, from what was found in the files."""
    good = [record for record in records if record.reason is None]
    found = {
        (code, problem): [record.case_id for record in good if wanted(record)]
        for code, problem, wanted in SIGNS
    }
    return tuple(
        Notice(code=code, problem=problem, count=len(ids), examples=tuple(ids[:EXAMPLES]))
        for (code, problem), ids in found.items()
        if ids
    )

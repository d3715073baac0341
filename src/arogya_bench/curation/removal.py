"""Deletes files of cases that are gone, and keeps away from files that are not ours."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from arogya_bench.curation.case_files import IMAGES, MASKS
from arogya_bench.curation.journal import PARTIAL, Record
from arogya_bench.datasets.group_patterns import few
from arogya_bench.deidentification.pseudonyms import ID_LENGTH
from arogya_bench.errors import DatasetError

# What a run writes; one that was killed may have noted less than it wrote.
OURS = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}(\.jpg|\.png|\.dcm|\.nii|\.nii\.gz)")


def refuse_foreign(out: Path, before: Mapping[str, Record]) -> None:
    """Refuse a folder of results in which files of somebody else lie.

    They would be given away with the others, or be deleted.

    Args:
        out: The folder of the curated data.
        before: What earlier runs did, by case id.

    Raises:
        DatasetError: With some of the files.
    """
    known = {name for record in before.values() for name in record.files}
    foreign = [
        name
        for name, path in _inside(out)
        if not (name in known or path.name.startswith(PARTIAL) or OURS.fullmatch(path.name))
    ]
    if foreign:
        raise DatasetError(
            f"{len(foreign)} files in {out} were not curated there: {few(sorted(foreign))}.",
            fix="move them away: what lies there is given away with the images",
        )


def withdraw(out: Path, records: Mapping[str, Record]) -> int:
    """Delete what no case owns: of cases that are gone, or left by a kill.

    Returns:
        How many images and masks there were.
    """
    owned = {name for record in records.values() for name in record.files}
    gone = 0
    for name, path in _inside(out):
        if name not in owned:
            path.unlink()
            gone += not path.name.startswith(PARTIAL)
    for file in out.glob(f"{PARTIAL}*"):
        file.unlink()
    return gone


def _inside(out: Path) -> Iterator[tuple[str, Path]]:
    for folder in (IMAGES, MASKS):
        places = list((out / folder).iterdir()) if (out / folder).is_dir() else []
        yield from ((f"{folder}/{path.name}", path) for path in places)

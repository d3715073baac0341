"""Deletes files of cases that are gone, and keeps away from files that are not ours."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from arogya_bench.curation.case_files import IMAGES, MASKS
from arogya_bench.curation.journal import PARTIAL_PREFIX, Record
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.deidentification.pseudonyms import ID_LENGTH
from arogya_bench.errors import DatasetError

# What a run writes; one that was killed may have noted less than it wrote.
CURATED_NAME = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}(\.jpg|\.png|\.dcm|\.nii|\.nii\.gz)")


def check_no_foreign_files(out: Path, earlier_records: Mapping[str, Record]) -> None:
    """Refuse a folder of results in which files of somebody else lie.

    They would be given away with the others, or be deleted.

    Args:
        out: The folder of the curated data.
        earlier_records: What earlier runs did, by case id.

    Raises:
        DatasetError: With some of the files.
    """
    known = {name for record in earlier_records.values() for name in record.files}
    foreign = [
        name
        for name, path in _list_output_files(out)
        if not (
            name in known
            or path.name.startswith(PARTIAL_PREFIX)
            or CURATED_NAME.fullmatch(path.name)
        )
    ]
    if foreign:
        raise DatasetError(
            f"{len(foreign)} files in {out} were not curated there: {shorten_list(sorted(foreign))}.",
            fix="move them away: what lies there is given away with the images",
        )


def remove_stale(out: Path, records: Mapping[str, Record]) -> int:
    """Delete what no case owns: of cases that are gone, or left by a kill.

    Returns:
        How many images and masks there were.
    """
    owned = {name for record in records.values() for name in record.files}
    gone = 0
    for name, path in _list_output_files(out):
        if name not in owned:
            path.unlink()
            gone += not path.name.startswith(PARTIAL_PREFIX)
    for file in out.glob(f"{PARTIAL_PREFIX}*"):
        file.unlink()
    return gone


def _list_output_files(out: Path) -> Iterator[tuple[str, Path]]:
    for folder in (IMAGES, MASKS):
        places = list((out / folder).iterdir()) if (out / folder).is_dir() else []
        yield from ((f"{folder}/{path.name}", path) for path in places)

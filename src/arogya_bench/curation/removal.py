"""Deletes stale files from a curated folder, and refuses files that curation did not write."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from arogya_bench.curation.case_files import IMAGES, MASKS
from arogya_bench.curation.journal import PARTIAL_PREFIX, Record
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.deidentification.pseudonyms import ID_LENGTH
from arogya_bench.errors import DatasetError

# A killed run may have written files that its journal does not list yet.
CURATED_NAME = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}(\.jpg|\.png|\.dcm|\.nii|\.nii\.gz)")


def check_no_foreign_files(out: Path, earlier_records: Mapping[str, Record]) -> None:
    """Check that every image and mask in the folder was written by curation.

    Foreign files would be shared with the result, or deleted.

    Raises:
        DatasetError: With the names of some of them.
    """
    known = {name for record in earlier_records.values() for name in record.files}
    foreign = [
        name
        for name, path in _list_output_files(out)
        if not (name in known or path.name.startswith(PARTIAL_PREFIX) or CURATED_NAME.fullmatch(path.name))
    ]
    if foreign:
        raise DatasetError(
            f"{len(foreign)} files in {out} were not curated there: {shorten_list(sorted(foreign))}.",
            fix="move them elsewhere: everything in this folder is shared with the images",
        )


def remove_stale(out: Path, records: Mapping[str, Record]) -> int:
    """Delete the files of removed cases and of killed runs; return the number of images and masks."""
    current = {name for record in records.values() for name in record.files}
    removed = 0
    for name, path in _list_output_files(out):
        if name not in current:
            path.unlink()
            removed += not path.name.startswith(PARTIAL_PREFIX)
    for file in out.glob(f"{PARTIAL_PREFIX}*"):
        file.unlink()
    return removed


def _list_output_files(out: Path) -> Iterator[tuple[str, Path]]:
    for folder in (IMAGES, MASKS):
        if (out / folder).is_dir():
            # Listed in full first, since the caller deletes files.
            yield from [(f"{folder}/{path.name}", path) for path in (out / folder).iterdir()]

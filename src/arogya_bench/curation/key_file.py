"""Writes the key file, which maps pseudonyms to original ids, for the owner of the source only."""

import csv
import os
from io import StringIO
from pathlib import Path

from arogya_bench.curation.plan import CurationPlan
from arogya_bench.errors import DatasetError
from arogya_bench.runtime.atomic_write import atomic_write


def write_key_file(file: Path, plan: CurationPlan) -> None:
    """Write pseudonym, group, original id and original file of every case, with mode 600.

    Raises:
        DatasetError: If the file cannot be written.
    """
    content = _render_key_file(plan)
    try:
        if file.exists() and file.read_bytes() == content and not file.stat().st_mode & 0o077:
            return
        with atomic_write(file) as partial:
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
    except OSError as error:
        raise DatasetError(
            f"The key file {file} cannot be written: {error.strerror}.",
            fix="set key_file to a file in a writable folder, or to null for none",
        ) from error


def _render_key_file(plan: CurationPlan) -> bytes:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case_id", "group", "original_id", "original_file"])
    for item in plan.items:
        row = [item.case.case_id, item.case.group_id, item.source_case_id, str(item.image)]
        writer.writerow(row)
    # File names that are not UTF-8 hold surrogates, which cannot be encoded.
    return text.getvalue().encode(errors="surrogateescape").decode(errors="replace").encode()

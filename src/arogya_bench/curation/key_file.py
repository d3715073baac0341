"""The list that tells which case was which: for the owner of the source alone."""

import csv
import os
from io import StringIO
from pathlib import Path

from arogya_bench.curation.plan import CurationPlan
from arogya_bench.errors import DatasetError
from arogya_bench.runtime.atomic_write import atomic_write


def write_key_file(file: Path, plan: CurationPlan) -> None:
    """Write case id, original id and original place of every case, readable by the user only.

    Raises:
        DatasetError: If it cannot be written.
    """
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["case_id", "group", "original_id", "original_file"])
    for task in plan.items:
        row = [task.case.case_id, task.case.group_id, task.source_case_id, str(task.image)]
        table.writerow(
            [each.encode(errors="surrogateescape").decode(errors="replace") for each in row]
        )
    content = text.getvalue().encode()
    try:
        if file.exists() and file.read_bytes() == content and not file.stat().st_mode & 0o077:
            return
        with atomic_write(file) as partial:
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
    except OSError as error:
        raise DatasetError(
            f"The list of the original names, {file}, cannot be written: {error.strerror}.",
            fix="name a file where you may write in key_file, or null for none",
        ) from error

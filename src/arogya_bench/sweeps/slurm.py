"""Waits for, or cancels, the Slurm tasks that a failed launch left behind."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

SUBMISSION_FILE = re.compile(r"(\d+)_submission\.sh")
TASK_FILE = re.compile(r"(\d+(?:_\d+)?)_submitted\.pkl")


def wait_or_cancel(folder: Path, *, cancel: bool) -> None:
    """Return when every task that was submitted from a folder has ended.

    The launch has lost submitit's job objects; the names of submitit's files list the tasks. ``folder``
    is a pattern such as ``.submitit/%j``.
    """
    import submitit

    root = Path(str(folder).partition("%")[0])
    if cancel:
        # Whole arrays: an interrupted launch has not written a file for each of its tasks.
        for job_id in _job_ids(root, SUBMISSION_FILE):
            submitit.SlurmJob(folder=folder, job_id=job_id).cancel(check=False)
    tasks: list[Any] = [submitit.SlurmJob(folder=folder, job_id=job_id) for job_id in _job_ids(root, TASK_FILE)]
    for task in tasks:
        with suppress(Exception):
            task.wait()


def _job_ids(root: Path, pattern: re.Pattern[str]) -> list[str]:
    matches = (pattern.fullmatch(path.name) for path in root.rglob("*"))
    return sorted({match[1] for match in matches if match})

"""What a launch on Slurm left in the queue when it broke."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

SUBMISSION_FILE = re.compile(r"(\d+)_submission\.sh")
TASK_FILE = re.compile(r"(\d+(?:_\d+)?)_submitted\.pkl")


def wait_or_cancel(folder: Path, *, cancel: bool) -> None:
    """Come back when every task that was submitted from a folder has ended.

    submitit's own objects are lost with the launch; its files say which tasks there are.

    Args:
        folder: Where submitit keeps its files, a pattern such as ``.submitit/%j``.
        cancel: Whether to end the tasks instead of waiting for them.
    """
    import submitit

    root = Path(str(folder).partition("%")[0])
    if cancel:
        # By the batch: a launch that was cut off has not named all its tasks yet.
        for name in _job_ids(root, SUBMISSION_FILE):
            submitit.SlurmJob(folder=folder, job_id=name).cancel(check=False)
    tasks: list[Any] = [
        submitit.SlurmJob(folder=folder, job_id=it) for it in _job_ids(root, TASK_FILE)
    ]
    for task in tasks:
        with suppress(Exception):
            task.wait()


def _job_ids(root: Path, pattern: re.Pattern[str]) -> list[str]:
    return sorted({found[1] for path in root.rglob("*") if (found := pattern.fullmatch(path.name))})

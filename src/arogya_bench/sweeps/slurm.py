"""What a launch on Slurm left in the queue when it broke."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

BATCH = re.compile(r"(\d+)_submission\.sh")
TASK = re.compile(r"(\d+(?:_\d+)?)_submitted\.pkl")


def end_rest(folder: Path, *, cancel: bool) -> None:
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
        for name in _named(root, BATCH):
            submitit.SlurmJob(folder=folder, job_id=name).cancel(check=False)
    tasks: list[Any] = [submitit.SlurmJob(folder=folder, job_id=it) for it in _named(root, TASK)]
    for task in tasks:
        with suppress(Exception):
            task.wait()


def _named(root: Path, pattern: re.Pattern[str]) -> list[str]:
    return sorted({found[1] for path in root.rglob("*") if (found := pattern.fullmatch(path.name))})

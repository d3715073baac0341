"""What a launch on Slurm left in the queue when it broke."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

SUBMITTED = re.compile(r"(\d+(?:_\d+)?)_submitted\.pkl")


def end_rest(folder: Path, *, cancel: bool) -> None:
    """Come back when every task that was submitted from a folder has ended.

    submitit's own objects are lost with the launch; its files say which tasks there are.

    Args:
        folder: Where submitit keeps its files, a pattern such as ``.submitit/%j``.
        cancel: Whether to end the tasks instead of waiting for them.
    """
    import submitit

    root = Path(str(folder).partition("%")[0])
    names = {found[1] for path in root.rglob("*.pkl") if (found := SUBMITTED.fullmatch(path.name))}
    tasks: list[Any] = [submitit.SlurmJob(folder=folder, job_id=name) for name in sorted(names)]
    if cancel:
        for task in tasks:
            task.cancel(check=False)
    for task in tasks:
        with suppress(Exception):
            task.wait()

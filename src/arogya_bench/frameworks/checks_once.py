"""Checks of large files that a process makes once."""

from collections.abc import Callable
from pathlib import Path

_passed: set[tuple[str, int, int, str]] = set()


def check_once(check: Callable[[Path], None], file: Path, subject: str) -> None:
    """Check a file for a subject, unless the same content has passed before; the jobs of a sweep share their files."""
    state = file.stat()
    key = (str(file.resolve()), state.st_mtime_ns, state.st_size, subject)
    if key not in _passed:
        check(file)
        _passed.add(key)

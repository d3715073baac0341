"""Atomic file writes: readers see the complete old file or the complete new one."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic_write(file: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``file`` that replaces it when the block succeeds.

    The parent folder is created if needed. If the block raises, the temporary file is removed and
    ``file`` stays as it was.

    Raises:
        OSError: If the folder or the file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}-{uuid4().hex}")
    try:
        yield partial
        partial.replace(file)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)

"""Atomic file writes: readers see the complete old file or the complete new one."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic_write(file: Path, *, prefix: str | None = None) -> Iterator[Path]:
    """Yield a temporary path beside ``file`` that replaces it when the block succeeds.

    The parent folder is created if needed. The temporary name begins with ``prefix``, by default with
    a dot and the name of the file. If the block raises, the temporary file is removed and
    ``file`` stays as it was.

    Raises:
        OSError: If the folder or the file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{prefix or f'.{file.name}-'}{uuid4().hex}")
    try:
        yield partial
        partial.replace(file)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)

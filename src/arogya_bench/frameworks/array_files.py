"""Named arrays in ``.npz`` files that hold numbers and no code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from arogya_bench.frameworks.fit_files import check_file_exists, damaged_file_error
from arogya_bench.runtime.atomic_write import atomic_write

# What NumPy raises for files that are truncated, of another format, or hold Python objects.
UNREADABLE_ERRORS = (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, BadZipFile)


def save_arrays(file: Path, arrays: Mapping[str, Any]) -> None:
    """Write named arrays to one ``.npz`` file, atomically."""
    # A stream, because NumPy would append a suffix to a file name.
    with atomic_write(file) as partial, partial.open("wb") as stream:
        np.savez(stream, **arrays)


def read_arrays(file: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Read the named arrays, or all of them if no name is given; refuses Python objects."""
    try:
        with check_file_exists(file).open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            return {name: content[name] for name in names or content.files}
    except UNREADABLE_ERRORS as error:
        raise damaged_file_error(file, error) from error

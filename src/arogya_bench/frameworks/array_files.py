"""Named arrays in ``.npz`` files that hold numbers and no code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from arogya_bench.frameworks.fit_files import check_file_exists, damaged_file_error

# What NumPy raises for files that are truncated, of another format, or hold Python objects.
UNREADABLE_ERRORS = (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, BadZipFile)


def save_arrays(file: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays to a temporary file beside ``file``, then rename it."""
    partial_file = file.with_suffix(".tmp")
    with partial_file.open("wb") as stream:  # given a path, NumPy would append a suffix
        np.savez(stream, **arrays)
    partial_file.replace(file)


def read_arrays(file: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Read the named arrays, or all of them if no name is given.

    Raises:
        ModelError: If the file is missing, damaged, holds Python objects, or lacks a name.
    """
    try:
        with (
            check_file_exists(file).open("rb") as stream,
            np.load(stream, allow_pickle=False) as content,
        ):
            return {name: content[name] for name in names or content.files}
    except UNREADABLE_ERRORS as error:
        raise damaged_file_error(file, error) from error

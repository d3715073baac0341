"""Arrays that a fit leaves behind, in files that hold numbers and no code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from arogya_bench.models.saved import damaged, existing


def save_arrays(file: Path, arrays: Mapping[str, Any]) -> None:
    """Write named arrays as one ``.npz`` file."""
    with file.open("wb") as stream:
        np.savez(stream, **arrays)


def read_arrays(file: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Read the arrays that ``names`` lists.

    Raises:
        ModelError: If the file is missing, damaged, holds Python objects, or lacks a name.
    """
    try:
        with existing(file).open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            return {name: content[name] for name in names}
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise damaged(file, error) from error

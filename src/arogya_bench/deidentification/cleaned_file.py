"""The result of cleaning one file, and the error for a file that cannot be cleaned."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arogya_bench.images.masks import UPRIGHT


class CleaningError(Exception):
    """A file that cannot be de-identified; the message gives the reason and quotes no content."""


@dataclass(frozen=True, kw_only=True)
class CleanedFile:
    """A de-identified file.

    Attributes:
        content: The bytes to write.
        suffix: File name suffix, such as ``.png``.
        removed: Number of removed items by kind of metadata.
        width: Width of the stored original in pixels, before rotation; likewise ``height``.
        orientation: EXIF orientation of the original, 1 to 8.
        grey: Pixels for the text search, shape (height, width), uint8; None if not available.
        flags: Reasons to review the file, such as ``overlay``.
    """

    content: bytes
    suffix: str
    removed: Mapping[str, int]
    width: int = 0
    height: int = 0
    orientation: int = UPRIGHT
    grey: NDArray[np.uint8] | None = None
    flags: tuple[str, ...] = ()

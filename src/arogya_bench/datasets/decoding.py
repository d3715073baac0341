"""One file to one 8-bit RGB image, whatever its format: JPEG, PNG, TIFF, DICOM, NIfTI."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageOps

from arogya_bench.datasets.image_files import FORMATS, UNREADABLE
from arogya_bench.errors import DatasetError
from arogya_bench.types import Image

Window: TypeAlias = tuple[float, float]  # stored values that become black and white


def decode(file: Path, *, window: Window | None = None) -> Image:
    """Decode a file as a viewer would show it: upright, 8 bits, RGB.

    Args:
        file: Of any known format.
        window: Stored values that become black and white, for more than 8 bits.

    Raises:
        DatasetError: If the file is missing or damaged, or its values need a window.
    """
    try:
        with PIL.Image.open(file, formats=FORMATS) as image:
            return np.array(PIL.ImageOps.exif_transpose(image).convert("RGB"))
    except UNREADABLE as error:
        raise DatasetError(
            f"The image {file.name} cannot be decoded: {error}", fix="get the file again"
        ) from error

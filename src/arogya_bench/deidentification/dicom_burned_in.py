"""Finds signs of burned-in text in a DICOM file: its header, deid's rules, and its first frame."""

import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import needs_extra
from arogya_bench.images.dicom import decode_errors

if TYPE_CHECKING:
    from pydicom.dataset import Dataset as Header

UNSEARCHED = "unsearched"


def review_flags(header: "Header") -> tuple[str, ...]:
    """List the reasons in the header to review the image.

    Returns:
        ``overlay``: the file has an overlay. ``burned-in`` and ``face``: the header says so. ``rules``: the rules of
        the RSNA Clinical Trial Processor, as distributed with deid, expect text in images of this device. ``frames``:
        there are several, and only the first is searched.
    """
    flags = {
        "overlay": any(0x6000 <= tag.group <= 0x60FF for tag in header.keys()),  # noqa: SIM118
        "burned-in": str(header.get("BurnedInAnnotation", "")).upper() == "YES",
        "face": str(header.get("RecognizableVisualFeatures", "")).upper() == "YES",
        "rules": _is_flagged_by_deid(header),
        "frames": int(header.get("NumberOfFrames") or 1) > 1,
    }
    return tuple(name for name, is_set in flags.items() if is_set)


def first_frame_grey(header: "Header") -> NDArray[np.uint8] | None:
    """Return the first frame in 8-bit grey for the text search; None if it cannot be decoded."""
    try:
        pixels: NDArray[Any] = header.pixel_array
        if int(header.get("NumberOfFrames") or 1) > 1:
            pixels = pixels[0]
        pixels = pixels[..., 1] if int(header.SamplesPerPixel) == 3 else pixels
        low, high = float(pixels.min()), float(pixels.max())
        return np.asarray((pixels - low) * (255 / max(high - low, 1)), dtype=np.uint8)
    except decode_errors():
        return None


def _is_flagged_by_deid(header: "Header") -> bool:
    with needs_extra("dicom"), warnings.catch_warnings():
        # deid 0.4.13 imports a module that pydicom 4 removes.
        warnings.filterwarnings("ignore", "The 'pydicom.pixel_data_handlers'", DeprecationWarning)
        from deid.dicom import has_burned_pixels
    try:
        result: Mapping[str, Any] = has_burned_pixels(header, deid=_load_deid_rules())
        return bool(result["flagged"])
    except decode_errors():
        return True  # needs review where the rules cannot be applied


@lru_cache(maxsize=1)
def _load_deid_rules() -> object:
    from deid.config import DeidRecipe

    return DeidRecipe("dicom")

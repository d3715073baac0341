"""Whether a DICOM image may show text: what its header says, what rules say, and its pixels."""

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
    """What a person should look at, as far as the header tells.

    Returns:
        ``overlay``: one was drawn over the image. ``burned-in`` and ``face``: the file says so.
        ``rules``: the rules of the RSNA's Clinical Trial Processor, as deid keeps them, expect
        text in images of this kind of device. ``frames``: there are several, of which one is
        searched.
    """
    said = {
        "overlay": any(0x6000 <= tag.group <= 0x60FF for tag in header.keys()),  # noqa: SIM118
        "burned-in": str(header.get("BurnedInAnnotation", "")).upper() == "YES",
        "face": str(header.get("RecognizableVisualFeatures", "")).upper() == "YES",
        "rules": _is_flagged_by_deid(header),
        "frames": int(header.get("NumberOfFrames") or 1) > 1,
    }
    return tuple(name for name, found in said.items() if found)


def first_frame_grey(header: "Header") -> NDArray[np.uint8] | None:
    """The first frame in 8-bit grey, for the search for text; None if nothing decodes it."""
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
        # deid 0.4.13 imports a module that pydicom 4 will not have.
        warnings.filterwarnings("ignore", "The 'pydicom.pixel_data_handlers'", DeprecationWarning)
        from deid.dicom.pixels.detect import _has_burned_pixels_single
    try:
        said: Mapping[str, Any] = _has_burned_pixels_single(header, True, _load_deid_rules())
        return bool(said["flagged"])
    except decode_errors():
        return True  # whom the rules cannot judge, a person should


@lru_cache(maxsize=1)
def _load_deid_rules() -> object:
    from deid.config import DeidRecipe

    return DeidRecipe("dicom")

"""Render a grey DICOM image: rescale it to the units of its modality, then window it to 8 bits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from arogya_bench.errors import DatasetError
from arogya_bench.images.windowing import Values, Window, apply_window, to_rgb, window_to_rgb
from arogya_bench.types import Image

if TYPE_CHECKING:
    from pydicom.dataset import Dataset as Header

VOI_LUT_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


class RescaledValues(NamedTuple):
    """Grey values after rescaling.

    Attributes:
        bounds: Smallest and largest value that the stored bits can represent, after rescaling; None for floats.
    """

    values: Values
    bounds: Window | None


class LookupTable(NamedTuple):
    """A lookup table.

    Attributes:
        first_mapped: Value of the first entry, which also applies to all lower values.
        bits: Number of bits of an entry.
    """

    entries: NDArray[np.int64]
    first_mapped: int
    bits: int

    @property
    def max_output(self) -> float:
        """Largest number that an entry can hold."""
        return 2.0**self.bits - 1

    def apply(self, values: Values) -> Values:
        """Replace every value by its entry."""
        indices = np.rint(values).astype(np.int64) - self.first_mapped
        return self.entries[np.clip(indices, 0, len(self.entries) - 1)]


def render_greyscale(header: "Header", pixels: Values, window: Window | None, name: str) -> Image:
    """Show grey values, shape (height, width), as a viewer would.

    They are rescaled (PS3.3 C.11.1), then shown through the configured window, in units after rescaling such as
    Hounsfield, else through the first window or table of the file (C.11.2), else over the range of the stored bits; and
    inverted for MONOCHROME1.
    """
    scaled = _rescale(header, pixels)
    if window is not None or scaled.bounds is None:
        image = window_to_rgb(scaled.values, window, what=f"The DICOM file {name}")
    else:
        image = to_rgb(_apply_file_window(header, scaled.values, scaled.bounds, name))
    return 255 - image if header.PhotometricInterpretation == "MONOCHROME1" else image


def _rescale(header: "Header", pixels: Values) -> RescaledValues:
    group = _functional_group(header, "PixelValueTransformationSequence")
    if tables := group.get("ModalityLUTSequence"):
        table = _read_table_item(tables[0], header, signed=bool(header.PixelRepresentation))
        return RescaledValues(table.apply(pixels), (0.0, table.max_output))
    slope, intercept = _first_number(group, "RescaleSlope"), _first_number(group, "RescaleIntercept")
    if slope is None or intercept is None:
        slope, intercept = 1.0, 0.0
    values = pixels.astype(np.float64) * slope + intercept
    if not np.issubdtype(pixels.dtype, np.integer):
        return RescaledValues(values, None)
    half = 2 ** (int(header.BitsStored) - 1)
    ends = (-half, half - 1) if header.PixelRepresentation else (0, 2 * half - 1)
    low, high = sorted(end * slope + intercept for end in ends)
    return RescaledValues(values, (low, high))


def _apply_file_window(header: "Header", values: Values, bounds: Window, name: str) -> NDArray[np.uint8]:
    group = _functional_group(header, "FrameVOILUTSequence")
    centre, width = _first_number(group, "WindowCenter"), _first_number(group, "WindowWidth")
    if centre is not None and width is not None:
        function = str(group.get("VOILUTFunction") or "LINEAR")
        return _apply_voi_window(values, centre, width, function, name)
    if tables := group.get("VOILUTSequence"):
        table = _read_table_item(tables[0], header, signed=bounds[0] < 0)
        return apply_window(table.apply(values), (0.0, table.max_output))
    return apply_window(values, bounds)


def _apply_voi_window(values: Values, centre: float, width: float, function: str, name: str) -> NDArray[np.uint8]:
    """Apply a window of the file: PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    min_width = 1.0 if function == "LINEAR" else np.nextafter(0.0, 1.0)
    if function not in VOI_LUT_FUNCTIONS or not width >= min_width:
        raise DatasetError(
            f"The DICOM file {name} states a window of width {width:g} and function {function}, which is invalid.",
            fix="set a window for the whole dataset: dataset.window=[low,high]",
        )
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
        if width == 0:  # a threshold
            return apply_window(values > centre, (0, 1))
    if function == "SIGMOID":
        return apply_window(expit(4 * (values - centre) / width), (0, 1))
    return apply_window(values, (centre - width / 2, centre + width / 2))


def read_lookup_table(
    descriptor: Sequence[int], data: bytes | Sequence[int], header: "Header", *, signed: bool
) -> LookupTable:
    """Read a lookup table (PS3.3 C.11.1.1, and C.7.6.3.1.5 for palettes).

    pydicom 3.0.2 also applies tables, but overflows if an 8-bit table has more than 256 entries, or if values and
    offset together exceed the type of the pixels; and it reads palettes of big-endian files as little-endian.

    Args:
        descriptor: Number of entries, value of the first, bits per entry.
        data: Entries, or their bytes.
        header: Header of the file.
        signed: Whether the values may be negative.
    """
    size, first, bits = map(int, descriptor)
    if isinstance(data, bytes):
        word = "<u2" if header.original_encoding[1] else ">u2"
        data = np.frombuffer(data, "u1" if len(data) == size else word).tolist()
    if signed and first >= 2**15:  # a signed value, stored as unsigned
        first -= 2**16
    return LookupTable(np.asarray(data, dtype=np.int64), first, bits)


def _read_table_item(item: "Header", header: "Header", *, signed: bool) -> LookupTable:
    return read_lookup_table(item.LUTDescriptor, item.LUTData, header, signed=signed)


def _functional_group(header: "Header", name: str) -> "Header":
    """The functional group of an enhanced object; other objects have its elements in the header itself."""
    for key in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        groups = header.get(key)
        if groups and groups[0].get(name):
            return groups[0].get(name)[0]
    return header


def _first_number(header: "Header", key: str) -> float | None:
    value = header.get(key)
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if value else None
    return None if value in (None, "") else float(value)

"""Checks that kept DICOM values have the type and length that the standard defines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.deidentification.cleaned_file import CleaningError
from arogya_bench.deidentification.dicom_allowlist import (
    ALLOWED_CODES,
    ALLOWED_IMAGE_TYPES,
    LUT_DESCRIPTORS,
    REQUIRED_KEYWORDS,
    TEXT_VRS,
)
from arogya_bench.images.dicom import PIXEL_KEYWORDS

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset as Header

ALLOWED_BITS = (1, 8, 16, 32, 64)


def is_safe(element: "DataElement") -> bool:
    """Whether an element cannot hold identifying text.

    Codes must be defined by the standard, numbers must have its number of values; free text is never safe.
    """
    from pydicom.datadict import dictionary_VM, dictionary_VR
    from pydicom.uid import UID

    if element.keyword == "SOPClassUID":
        return bool(element.VR == "UI" and UID(str(element.value)).name != str(element.value))
    if element.keyword in ALLOWED_CODES or element.keyword == "ImageType":
        return _is_allowed_code(element)
    if element.VR in TEXT_VRS or element.VR not in dictionary_VR(element.tag).split(" or "):
        return False
    multiplicity = dictionary_VM(element.tag)
    return not multiplicity.isdigit() or int(multiplicity) >= element.VM


def _is_allowed_code(element: "DataElement") -> bool:
    values = [element.value] if element.VM < 2 else list(element.value)
    if element.keyword == "ImageType":
        element.value = values[: len(ALLOWED_IMAGE_TYPES)]
        return all(str(v) in known for v, known in zip(values, ALLOWED_IMAGE_TYPES, strict=False))
    return all(str(value or "") in ALLOWED_CODES[element.keyword] for value in values)


def check_required(header: "Header") -> None:
    """Raise a ``CleaningError`` if an element that is needed to read the pixels was not kept."""
    missing = [keyword for keyword in REQUIRED_KEYWORDS if header.get(keyword) in (None, "")]
    if missing:
        raise CleaningError(f"{missing[0]} is missing or not defined by the standard")


def trim_luts(header: "Header", *, little_endian: bool) -> int:
    """Cut lookup tables, in place, to the number of entries that they state, and count those that were longer.

    Raises:
        CleaningError: If a table is shorter than stated, or states no length.
    """
    trimmed = 0
    for data, descriptor in LUT_DESCRIPTORS.items():
        if data in header:
            value = header[data].value
            kept = _trim_lut(value, header.get(descriptor), little_endian=little_endian)
            trimmed += isinstance(value, Sequence) and len(kept) < len(value)
            header[data].value = kept
    items = (item for element in header if element.VR == "SQ" for item in element.value or ())
    return trimmed + sum(trim_luts(item, little_endian=little_endian) for item in items)


def _trim_lut(value: Any, descriptor: Any, *, little_endian: bool) -> bytes | list[int]:
    if not isinstance(descriptor, Sequence) or len(descriptor) != 3:
        raise CleaningError("a lookup table does not state its length")
    entries, bits = int(descriptor[0]) or 2**16, int(descriptor[2])
    if not isinstance(value, bytes):
        numbers = list(value) if isinstance(value, Sequence) else [value]
        if len(numbers) < entries:
            raise CleaningError("a lookup table is truncated")
        return [int(number) for number in numbers[:entries]]
    wide = bits > 8 or _is_sixteen_bit(value[: 2 * entries], entries, little_endian)
    length = 2 * entries if wide else entries
    if len(value) < length:
        raise CleaningError("a lookup table is truncated")
    if not wide and len(value) >= 2 * entries > 2:
        raise CleaningError("a lookup table is twice as long as stated")
    return value[:length].ljust(length + length % 2, b"\0")


def _is_sixteen_bit(value: bytes, entries: int, little_endian: bool) -> bool:
    """Whether 8-bit entries take 16 bits: the upper byte is empty or repeats the lower one."""
    upper, lower = (value[1::2], value[::2]) if little_endian else (value[::2], value[1::2])
    return len(value) == 2 * entries and (not any(upper) or upper == lower)


def trim_pixels(header: "Header") -> bool:
    """Cut uncompressed pixels, in place, to the length that the header implies; return whether there were more.

    Raises:
        CleaningError: If there are fewer bytes, or more than one pixel element.
    """
    from pydicom.pixels.utils import get_expected_length

    key, *others = (keyword for keyword in PIXEL_KEYWORDS if keyword in header)
    if others:
        raise CleaningError("it has more than one pixel element")
    if int(header.BitsAllocated) not in ALLOWED_BITS:
        raise CleaningError(f"it has {int(header.BitsAllocated)} bits per pixel")
    value, length = bytes(header[key].value or b""), get_expected_length(header)
    if len(value) < length or not length:
        raise CleaningError("its pixels are truncated")
    # Rounded up: in big-endian words the last byte of an odd number is the second to last.
    even: int = length + length % 2
    header[key].value = value[:even].ljust(even, b"\0")
    return bool(len(value) > even)

"""The values of a DICOM file that are kept: of the kind and the length that the standard says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.deidentification.dicom_allowlist import (
    ALLOWED_CODES,
    ALLOWED_IMAGE_TYPES,
    LUT_DESCRIPTORS,
    REQUIRED_KEYWORDS,
    TEXT_VRS,
)
from arogya_bench.deidentification.images import CleaningError

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset as Header

PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
ALLOWED_BITS = (1, 8, 16, 32, 64)


def is_safe(element: "DataElement") -> bool:
    """Whether a value can say nothing but what its element is for.

    A code is one of those that the standard defines; a number has as many values as it defines.
    Texts of any other kind are not harmless.
    """
    from pydicom.datadict import dictionary_VM, dictionary_VR
    from pydicom.uid import UID

    if element.keyword == "SOPClassUID":
        return bool(element.VR == "UI" and UID(str(element.value)).name != str(element.value))
    if element.keyword in ALLOWED_CODES or element.keyword == "ImageType":
        return _is_allowed_code(element)
    stated = dictionary_VR(element.tag)
    if element.VR in TEXT_VRS or element.VR not in (stated, *stated.split(" or ")):
        return False
    most = dictionary_VM(element.tag)
    return not most.isdigit() or int(most) >= element.VM


def _is_allowed_code(element: "DataElement") -> bool:
    values = [element.value] if element.VM < 2 else list(element.value)
    if element.keyword == "ImageType":
        element.value = values[: len(ALLOWED_IMAGE_TYPES)]
        return all(str(v) in known for v, known in zip(values, ALLOWED_IMAGE_TYPES, strict=False))
    return all(str(value or "") in ALLOWED_CODES[element.keyword] for value in values)


def check_required(header: "Header") -> None:
    """Refuse a header that lost something without which nobody can read the pixels.

    Raises:
        Uncleanable: With what it is.
    """
    lost = [keyword for keyword in REQUIRED_KEYWORDS if header.get(keyword) in (None, "")]
    if lost:
        raise CleaningError(f"{lost[0]} is missing, or is none that the standard knows")


def trim_luts(header: "Header", *, little_endian: bool) -> int:
    """Cut lookup tables to the number of entries that they state.

    Args:
        header: Of a file, or an item of a sequence; is changed.
        little_endian: Whether the bytes of a number are in little endian.

    Returns:
        How many tables were longer.

    Raises:
        Uncleanable: If one is shorter, or states no size.
    """
    longer = 0
    for data, descriptor in LUT_DESCRIPTORS.items():
        if data in header:
            value = header[data].value
            kept = _trim_lut(value, header.get(descriptor), little_endian=little_endian)
            longer += isinstance(value, Sequence) and len(kept) < len(value)
            header[data].value = kept
    items = (item for element in header if element.VR == "SQ" for item in element.value or ())
    return longer + sum(trim_luts(item, little_endian=little_endian) for item in items)


def _trim_lut(value: Any, descriptor: Any, *, little_endian: bool) -> bytes | list[int]:
    if not isinstance(descriptor, Sequence) or len(descriptor) != 3:
        raise CleaningError("a table in it does not say how long it is")
    entries, bits = int(descriptor[0]) or 2**16, int(descriptor[2])
    if not isinstance(value, bytes):
        numbers = list(value) if isinstance(value, Sequence) else [value]
        if len(numbers) < entries:
            raise CleaningError("a table in it is truncated")
        return [int(number) for number in numbers[:entries]]
    wide = bits > 8 or _is_sixteen_bit(value[: 2 * entries], entries, little_endian)
    length = 2 * entries if wide else entries
    if len(value) < length:
        raise CleaningError("a table in it is truncated")
    if not wide and len(value) >= 2 * entries > 2:
        raise CleaningError("a table in it is twice as long as it says")
    return value[:length].ljust(length + length % 2, b"\0")


def _is_sixteen_bit(value: bytes, entries: int, little_endian: bool) -> bool:
    """Whether entries of 8 bits take 16 each: the upper half is empty, or repeats the lower."""
    upper, lower = (value[1::2], value[::2]) if little_endian else (value[::2], value[1::2])
    return len(value) == 2 * entries and (not any(upper) or upper == lower)


def trim_pixels(header: "Header") -> bool:
    """Cut uncompressed pixels to as many bytes as the header says there are.

    Args:
        header: Is changed.

    Returns:
        Whether there were more.

    Raises:
        Uncleanable: If there are fewer, or pixels of two kinds.
    """
    from pydicom.pixels.utils import get_expected_length

    key, *others = (each for each in PIXEL_KEYWORDS if each in header)
    if others:
        raise CleaningError("it has pixels of two kinds")
    if int(header.BitsAllocated) not in ALLOWED_BITS:
        raise CleaningError("it has pixels of an odd number of bits")
    value, length = bytes(header[key].value or b""), get_expected_length(header)
    if len(value) < length or not length:
        raise CleaningError("its pixels are truncated")
    # Rounded up: in big endian words the last of an odd number of bytes is the last but one.
    even: int = length + length % 2
    header[key].value = value[:even].ljust(even, b"\0")
    return bool(len(value) > even)

"""The values of a DICOM file that are kept: of the kind and the length that the standard says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from arogya_bench.deidentification.dicom_allowlist import (
    CODES,
    IMAGE_TYPES,
    NEEDED,
    TABLES,
    TEXT_KINDS,
)
from arogya_bench.deidentification.images import Uncleanable

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset as Header

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
BITS = (1, 8, 16, 32, 64)


def harmless(element: "DataElement") -> bool:
    """Whether a value can say nothing but what its element is for.

    A code is one of those that the standard defines; a number has as many values as it defines.
    Texts of any other kind are not harmless.
    """
    from pydicom.datadict import dictionary_VM, dictionary_VR
    from pydicom.uid import UID

    if element.keyword == "SOPClassUID":
        return bool(element.VR == "UI" and UID(str(element.value)).name != str(element.value))
    if element.keyword in CODES or element.keyword == "ImageType":
        return _is_code(element)
    stated = dictionary_VR(element.tag)
    if element.VR in TEXT_KINDS or element.VR not in (stated, *stated.split(" or ")):
        return False
    most = dictionary_VM(element.tag)
    return not most.isdigit() or int(most) >= element.VM


def _is_code(element: "DataElement") -> bool:
    values = [element.value] if element.VM < 2 else list(element.value)
    if element.keyword == "ImageType":
        element.value = values[: len(IMAGE_TYPES)]
        return all(str(v) in known for v, known in zip(values, IMAGE_TYPES, strict=False))
    return all(str(value or "") in CODES[element.keyword] for value in values)


def require_needed(bare: "Header") -> None:
    """Refuse a header that lost something without which nobody can read the pixels.

    Raises:
        Uncleanable: With what it is.
    """
    lost = [keyword for keyword in NEEDED if bare.get(keyword) in (None, "")]
    if lost:
        raise Uncleanable(f"{lost[0]} is missing, or is none that the standard knows")


def cut_tables(bare: "Header", *, little: bool) -> int:
    """Cut lookup tables to the number of entries that they state.

    Args:
        bare: Of a file, or an item of a sequence; is changed.
        little: Whether the bytes of a number are in little endian.

    Returns:
        How many tables were longer.

    Raises:
        Uncleanable: If one is shorter, or states no size.
    """
    longer = 0
    for data, descriptor in TABLES.items():
        if data in bare:
            value = bare[data].value
            kept = _table(value, bare.get(descriptor), little=little)
            longer += isinstance(value, Sequence) and len(kept) < len(value)
            bare[data].value = kept
    items = (item for element in bare if element.VR == "SQ" for item in element.value or ())
    return longer + sum(cut_tables(item, little=little) for item in items)


def _table(value: Any, descriptor: Any, *, little: bool) -> bytes | list[int]:
    if not isinstance(descriptor, Sequence) or len(descriptor) != 3:
        raise Uncleanable("a table in it does not say how long it is")
    entries, bits = int(descriptor[0]) or 2**16, int(descriptor[2])
    if not isinstance(value, bytes):
        numbers = list(value) if isinstance(value, Sequence) else [value]
        if len(numbers) < entries:
            raise Uncleanable("a table in it is truncated")
        return [int(number) for number in numbers[:entries]]
    wide = bits > 8 or _is_wide(value[: 2 * entries], entries, little)
    length = 2 * entries if wide else entries
    if len(value) < length:
        raise Uncleanable("a table in it is truncated")
    if not wide and len(value) >= 2 * entries > 2:
        raise Uncleanable("a table in it is twice as long as it says")
    return value[:length].ljust(length + length % 2, b"\0")


def _is_wide(value: bytes, entries: int, little: bool) -> bool:
    """Whether entries of 8 bits take 16 each: the upper half is empty, or repeats the lower."""
    upper, lower = (value[1::2], value[::2]) if little else (value[::2], value[1::2])
    return len(value) == 2 * entries and (not any(upper) or upper == lower)


def cut_pixels(bare: "Header") -> bool:
    """Cut uncompressed pixels to as many bytes as the header says there are.

    Args:
        bare: Is changed.

    Returns:
        Whether there were more.

    Raises:
        Uncleanable: If there are fewer, or pixels of two kinds.
    """
    from pydicom.pixels.utils import get_expected_length

    key, *others = (each for each in PIXELS if each in bare)
    if others:
        raise Uncleanable("it has pixels of two kinds")
    if int(bare.BitsAllocated) not in BITS:
        raise Uncleanable("it has pixels of an odd number of bits")
    value, length = bytes(bare[key].value or b""), get_expected_length(bare)
    if len(value) < length or not length:
        raise Uncleanable("its pixels are truncated")
    # Rounded up: in big endian words the last of an odd number of bytes is the last but one.
    even: int = length + length % 2
    bare[key].value = value[:even].ljust(even, b"\0")
    return bool(len(value) > even)

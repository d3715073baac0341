"""One NIfTI file written anew: the same voxels and the same affine, and no free text."""

import zlib
from math import prod
from typing import TYPE_CHECKING

from arogya_bench.deidentification.images import CleanedFile, CleaningError
from arogya_bench.errors import needs_extra
from arogya_bench.images.nifti import GZIP_SIGNATURE, decode_errors

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

# NIfTI-1 and -2, and what is left of Analyze 7.5 in them.
TEXT_FIELDS = ("descrip", "aux_file", "intent_name", "db_name", "data_type", "unused_str")
UNUSED_NUMBER_FIELDS = ("extents", "session_error")  # that nobody reads
GZIP_OPTIONS = zlib.DEFLATED, 31  # with a gzip header that names no file and no time
VOLUME_FLAG = "volume"  # which nobody searches for text
MIN_VOXEL_OFFSET = 352
MAX_BYTES = 2**33


def clean(content: bytes) -> CleanedFile:
    """Empty every text field of the header, and leave extensions and trailing bytes out.

    Args:
        content: Of a ``.nii`` or ``.nii.gz``.

    Raises:
        Uncleanable: If it is damaged.
        MissingExtra: If nibabel is not installed.
    """
    try:
        return _clean_volume(content)
    except decode_errors() as error:
        # The message of the library may quote the file.
        raise CleaningError(f"its header cannot be read ({type(error).__name__})") from error


def _clean_volume(content: bytes) -> CleanedFile:
    packed = content.startswith(GZIP_SIGNATURE)
    removed = _gzip_extras(content) if packed else {}
    plain = _decompress(content, MAX_BYTES) if packed else content
    header = _parse_header(plain)
    start = int(header["vox_offset"])
    # Not by bitpix, which may contradict the type and then takes in what lies behind the voxels.
    length = prod(int(n) for n in header.get_data_shape()) * header.get_data_dtype().itemsize
    voxels = plain[start : start + length]
    if len(voxels) < length or length < 1 or start < MIN_VOXEL_OFFSET:
        raise CleaningError("it is truncated")
    head = 540 if int(header["sizeof_hdr"]) == 540 else 348
    removed |= _empty_fields(header)
    removed |= {"extension": 1} if start > head + 4 and any(plain[head : head + 4]) else {}
    removed |= {"trailing bytes": 1} if len(plain) > start + length else {}
    # After emptying: with vox_offset 352 or 544 nothing lies between header and voxels.
    header["vox_offset"] = head + 4
    written = bytes(header.binaryblock) + bytes(4) + voxels
    return CleanedFile(
        content=_compress(written) if packed else written,
        suffix=".nii.gz" if packed else ".nii",
        removed=removed,
        flags=(VOLUME_FLAG,),
    )


def _parse_header(plain: bytes) -> "Nifti1Header":
    with needs_extra("dicom"):
        from nibabel.nifti1 import Nifti1Header
        from nibabel.nifti2 import Nifti2Header
    if plain[344:347] == b"n+1":
        return Nifti1Header(plain[:348], check=False)
    if plain[4:7] == b"n+2":
        return Nifti2Header(plain[:540], check=False)
    raise CleaningError("it is no NIfTI file of one part")


def _empty_fields(header: "Nifti1Header") -> dict[str, int]:
    fields = [name for name in (*TEXT_FIELDS, *UNUSED_NUMBER_FIELDS) if name in header.keys()]  # noqa: SIM118
    removed = {f"header field {name}": 1 for name in fields if header[name].item()}
    for name in fields:
        header[name] = b"" if name in TEXT_FIELDS else 0
    return removed


def _gzip_extras(content: bytes) -> dict[str, int]:
    """What a gzip header holds beside the data (RFC 1952)."""
    flags, time = content[3], any(content[4:8])
    kinds = {"packed file name": flags & 8, "packed comment": flags & 16, "packed time": time}
    return {kind: 1 for kind, found in kinds.items() if found}


def _decompress(content: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(content, most)
    except zlib.error as error:
        raise CleaningError("its packing is damaged") from error
    if not unpacker.eof:
        raise CleaningError("it is truncated, or unpacks to more than 8 GB")
    return plain


def _compress(plain: bytes) -> bytes:
    packer = zlib.compressobj(6, *GZIP_OPTIONS)
    return packer.compress(plain) + packer.flush()

"""De-identifies one NIfTI file: keeps its voxels and affine, removes free text and extensions."""

import zlib
from math import prod
from typing import TYPE_CHECKING

from arogya_bench.deidentification.cleaned_file import CleanedFile, CleaningError
from arogya_bench.errors import needs_extra
from arogya_bench.images.nifti import GZIP_SIGNATURE, decode_errors

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

# The text fields of NIfTI-1 and -2, and the unused fields inherited from Analyze 7.5.
TEXT_FIELDS = ("descrip", "aux_file", "intent_name", "db_name", "data_type", "unused_str")
UNUSED_NUMBER_FIELDS = ("extents", "session_error")
GZIP_WBITS = 31  # a gzip header without file name and time
VOLUME_FLAG = "volume"  # volumes are not searched for text
MAX_BYTES = 2**33


def clean(content: bytes) -> CleanedFile:
    """Clear the text fields of a ``.nii`` or ``.nii.gz`` file, and drop its extensions and trailing bytes.

    Raises:
        CleaningError: If it is damaged.
    """
    try:
        return _clean_volume(content)
    except decode_errors() as error:
        # nibabel's message may quote the file.
        raise CleaningError(f"its header cannot be read ({type(error).__name__})") from error


def _clean_volume(content: bytes) -> CleanedFile:
    is_compressed = content.startswith(GZIP_SIGNATURE)
    removed = _gzip_fields(content) if is_compressed else {}
    plain = _decompress(content) if is_compressed else content
    header = _parse_header(plain)
    header_end = int(header["sizeof_hdr"]) + 4  # with the four bytes that announce extensions
    start = int(header["vox_offset"])
    # Not by bitpix: it may contradict the data type and include bytes behind the voxels.
    length = prod(int(n) for n in header.get_data_shape()) * header.get_data_dtype().itemsize
    voxels = plain[start : start + length]
    if len(voxels) < length or length < 1 or start < header_end:
        raise CleaningError("it is truncated")
    removed |= _clear_fields(header)
    if start > header_end and any(plain[header_end - 4 : header_end]):
        removed["extension"] = 1
    if len(plain) > start + length:
        removed["trailing bytes"] = 1
    header["vox_offset"] = header_end
    written = bytes(header.binaryblock) + bytes(4) + voxels
    return CleanedFile(
        content=zlib.compress(written, 6, GZIP_WBITS) if is_compressed else written,
        suffix=".nii.gz" if is_compressed else ".nii",
        removed=removed,
        flags=(VOLUME_FLAG,),
    )


def _parse_header(plain: bytes) -> "Nifti1Header":
    with needs_extra("dicom"):
        from nibabel.nifti1 import Nifti1Header
        from nibabel.nifti2 import Nifti2Header
    if plain[344:347] == b"n+1":
        header = Nifti1Header(plain[:348], check=False)
    elif plain[4:7] == b"n+2":
        header = Nifti2Header(plain[:540], check=False)
    else:
        raise CleaningError("it is not a single-file NIfTI image")
    header["sizeof_hdr"] = header.sizeof_hdr
    return header


def _clear_fields(header: "Nifti1Header") -> dict[str, int]:
    fields = [name for name in (*TEXT_FIELDS, *UNUSED_NUMBER_FIELDS) if name in header.keys()]  # noqa: SIM118
    removed = {f"header field {name}": 1 for name in fields if header[name].item()}
    for name in fields:
        header[name] = b"" if name in TEXT_FIELDS else 0
    return removed


def _gzip_fields(content: bytes) -> dict[str, int]:
    """List the optional fields of a gzip header (RFC 1952)."""
    flags, time = content[3], any(content[4:8])
    fields = {"packed file name": flags & 8, "packed comment": flags & 16, "packed time": time}
    return {name: 1 for name, is_set in fields.items() if is_set}


def _decompress(content: bytes) -> bytes:
    decompressor = zlib.decompressobj(GZIP_WBITS)
    try:
        plain = decompressor.decompress(content, MAX_BYTES)
    except zlib.error as error:
        raise CleaningError("its gzip data is damaged") from error
    if not decompressor.eof:
        raise CleaningError("it is truncated, or larger than 8 GB when decompressed")
    return plain

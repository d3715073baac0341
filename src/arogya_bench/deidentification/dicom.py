"""One DICOM file written anew: its pixels, what shows them, and keyed names for the rest."""

import logging
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from arogya_bench.deidentification import dicom_frames as frames
from arogya_bench.deidentification.dicom_allowlist import (
    ALLOWED_KEYWORDS,
    DEIDENTIFICATION_METHOD,
    DEIDENTIFICATION_PROFILE,
    EMPTIED_KEYWORDS,
    IMPLEMENTATION_UID,
    OTHER_EMPTIED_KEYWORDS,
    PSEUDONYMISED_UIDS,
)
from arogya_bench.deidentification.dicom_burned_in import UNSEARCHED, first_frame_grey, review_flags
from arogya_bench.deidentification.dicom_values import (
    PIXEL_KEYWORDS,
    check_required,
    is_safe,
    trim_luts,
    trim_pixels,
)
from arogya_bench.deidentification.images import CleanedFile, CleaningError
from arogya_bench.deidentification.pseudonyms import Pseudonyms
from arogya_bench.errors import needs_extra
from arogya_bench.images.dicom import decode_errors

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset as Header

RLE_TRANSFER_SYNTAX = "1.2.840.10008.1.2.5"
# Filters of warnings and the settings of pydicom are those of the process.
PYDICOM_LOCK = threading.Lock()


def clean(content: bytes, pseudonyms: Pseudonyms, *, group: str) -> CleanedFile:
    """Apply the basic application level confidentiality profile, and more.

    Args:
        content: Of the file.
        pseudonyms: For the UIDs: those of one study stay those of one study.
        group: The pseudonym of the patient.

    Raises:
        Uncleanable: If the file is damaged, has no pixels, or has something in them that cannot
            be taken out.
        MissingExtra: If pydicom is not installed.
    """
    with needs_extra("dicom"):
        from pydicom import dcmread
    try:
        with _suppress_pydicom_warnings():
            header = dcmread(BytesIO(content), force=True)
            return _clean_header(header, content, pseudonyms, group)
    except decode_errors() as error:
        # The message of the library may quote the file.
        raise CleaningError(f"its header cannot be read ({type(error).__name__})") from error


def read_patient(content: bytes) -> str:
    """The patient that a file names: id and issuer; empty if it names none."""
    with needs_extra("dicom"):
        from pydicom import dcmread
    try:
        with _suppress_pydicom_warnings():
            header = dcmread(BytesIO(content), force=True, stop_before_pixels=True)
            patient = str(header.get("PatientID") or "").strip()
            issuer = str(header.get("IssuerOfPatientID") or "").strip()
    except decode_errors():
        return ""
    return f"{patient}\n{issuer}" if patient else ""


@contextmanager
def _suppress_pydicom_warnings() -> Iterator[None]:
    """Keep pydicom from warning of values that break the standard: it quotes them."""
    from pydicom.config import disable_value_validation

    logger = logging.getLogger("pydicom")
    with PYDICOM_LOCK, warnings.catch_warnings(), disable_value_validation():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")
        disabled, logger.disabled = logger.disabled, True
        try:
            yield
        finally:
            logger.disabled = disabled


def _clean_header(
    header: "Header", content: bytes, pseudonyms: Pseudonyms, group: str
) -> CleanedFile:
    from pydicom import dcmwrite

    _check_cleanable(header)
    removed = _count_removed(header)
    if any(content[:128]) and content[128:132] == b"DICM":
        removed["preamble"] += 1
    flags, grey = review_flags(header), first_frame_grey(header)
    bare = _keep_allowed(header, removed)
    check_required(bare)
    removed["bytes behind a table"] += trim_luts(bare, little_endian=header.original_encoding[1])
    if _is_compressed(header):
        removed["comment in compressed pixels"] += _repack_frames(bare, header)
    else:
        removed["bytes behind the pixels"] += trim_pixels(bare)
    _set_identifiers(bare, header, pseudonyms, group)
    buffer = BytesIO()
    dcmwrite(buffer, bare, enforce_file_format=True)
    return CleanedFile(
        content=buffer.getvalue(),
        suffix=".dcm",
        removed=+removed,  # without those that were not found
        width=int(header.Columns),
        height=int(header.Rows),
        grey=grey,
        flags=flags if grey is not None else (*flags, UNSEARCHED),
    )


def _check_cleanable(header: "Header") -> None:
    if not any(key in header for key in PIXEL_KEYWORDS):
        raise CleaningError("it has no pixels")
    if "SOPClassUID" not in header:
        raise CleaningError("it does not say what kind of object it is")
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is not None and (syntax.is_private or not syntax.is_transfer_syntax):
        raise CleaningError("its transfer syntax is none of the standard")
    drawn = [header.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2)]
    if any(element is not None and int(element.value or 0) for element in drawn):
        raise CleaningError("an overlay lies in unused bits of its pixels")


def _is_compressed(header: "Header") -> bool:
    syntax = header.file_meta.get("TransferSyntaxUID")
    return syntax is not None and bool(syntax.is_encapsulated)


def _repack_frames(cleaned: "Header", header: "Header") -> bool:
    """Pack compressed frames anew, without comments; says whether there was anything else."""
    from pydicom.encaps import encapsulate, generate_frames

    count = int(header.get("NumberOfFrames") or 1)
    pixels = int(header.Rows) * int(header.Columns)
    before = list(generate_frames(header.PixelData, number_of_frames=count))
    if header.file_meta.TransferSyntaxUID == RLE_TRANSFER_SYNTAX:
        after = [frames.trim_rle(frame, pixels) for frame in before]
    elif all(frame.startswith(frames.KNOWN_SIGNATURES) for frame in before):
        after = [frames.strip_metadata(frame) for frame in before]
    else:
        raise CleaningError("its pixels are compressed in a way that may hide text")
    cleaned.PixelData = encapsulate(after)
    cleaned["PixelData"].is_undefined_length = True
    # Padding at the end of a frame is nothing.
    return [frame.rstrip(b"\0") for frame in before] != [frame.rstrip(b"\0") for frame in after]


def _count_removed(header: "Header") -> Counter[str]:
    """What will not be there any more, by kind."""
    kinds: Counter[str] = Counter()
    for element in header.iterall():
        if element.keyword in ALLOWED_KEYWORDS or element.tag.element == 0:
            continue
        kinds[_element_kind(element)] += 1
    return kinds


def _element_kind(element: "DataElement") -> str:
    if element.tag.is_private:
        return "private element"
    if 0x6000 <= element.tag.group <= 0x60FF:
        return "overlay element"
    kinds = {"PN": "person name", "UI": "UID", "DA": "date", "TM": "date", "DT": "date"}
    return kinds.get(element.VR, "other element")


def _keep_allowed(header: "Header", removed: Counter[str]) -> "Header":
    from pydicom.dataset import Dataset

    bare = Dataset()
    for element in header:
        if element.keyword not in ALLOWED_KEYWORDS:
            continue
        if element.VR == "SQ":
            items = [_keep_allowed(item, removed) for item in element.value]
            element.value = [item for item in items if len(item)] or None
            if element.value:
                bare.add(element)
        elif is_safe(element):
            bare.add(element)
        else:
            removed["value that is none of its element"] += 1
    return bare


def _set_identifiers(
    cleaned: "Header", header: "Header", pseudonyms: Pseudonyms, group: str
) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset

    for keyword in (*EMPTIED_KEYWORDS, *OTHER_EMPTIED_KEYWORDS):
        setattr(cleaned, keyword, "" if keyword != "SeriesNumber" else None)
    for keyword in PSEUDONYMISED_UIDS:
        stated = str(header.get(keyword) or "")
        if stated or keyword == "SOPInstanceUID":
            setattr(cleaned, keyword, pseudonyms.uid(stated or f"{group} without UID"))
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = DEIDENTIFICATION_PROFILE
    cleaned.PatientID = group
    cleaned.PatientIdentityRemoved = "YES"
    cleaned.DeidentificationMethod = DEIDENTIFICATION_METHOD[:64]
    cleaned.DeidentificationMethodCodeSequence = [code]
    cleaned.LongitudinalTemporalInformationModified = "REMOVED"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = cleaned.SOPClassUID
    meta.MediaStorageSOPInstanceUID = cleaned.SOPInstanceUID
    meta.TransferSyntaxUID = _transfer_syntax(header)
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = "AROGYA_BENCH"  # else pydicom writes its own version
    cleaned.file_meta = meta
    cleaned.preamble = bytes(128)
    cleaned.set_original_encoding(*header.original_encoding)


def _transfer_syntax(header: "Header") -> str:
    from pydicom import uid

    stated = header.file_meta.get("TransferSyntaxUID")
    if stated is not None:
        return str(stated)
    implicit, little = header.original_encoding
    plain = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
    return str(plain if little else uid.ExplicitVRBigEndian)

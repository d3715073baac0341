"""De-identifies one DICOM file: keeps its pixels and what displays them, replaces its UIDs."""

import logging
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from arogya_bench.deidentification.cleaned_file import CleanedFile, CleaningError
from arogya_bench.deidentification.dicom_allowlist import (
    ALLOWED_KEYWORDS,
    DEIDENTIFICATION_METHOD,
    DEIDENTIFICATION_PROFILE,
    EMPTIED_KEYWORDS,
    IMPLEMENTATION_UID,
    PSEUDONYMISED_UIDS,
)
from arogya_bench.deidentification.dicom_burned_in import UNSEARCHED, first_frame_grey, review_flags
from arogya_bench.deidentification.dicom_values import check_required, is_safe, trim_luts, trim_pixels
from arogya_bench.deidentification.pseudonyms import Pseudonyms
from arogya_bench.errors import needs_extra
from arogya_bench.images.dicom import DECODER_PACKAGES, PIXEL_KEYWORDS, decode_errors

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset as Header

# Warning filters and pydicom's settings apply to the whole process.
PYDICOM_LOCK = threading.Lock()
ELEMENT_KINDS = {"PN": "person name", "UI": "UID", "DA": "date", "TM": "date", "DT": "date"}


def clean(content: bytes, pseudonyms: Pseudonyms, *, group: str) -> CleanedFile:
    """Apply the basic application level confidentiality profile, and keep only allowed elements.

    Compressed pixels are written uncompressed, since compressed streams may contain text.

    Args:
        content: Bytes of the file.
        pseudonyms: Derives the new UIDs; files of one study keep a common study UID.
        group: Pseudonym of the patient.

    Raises:
        CleaningError: If the file is damaged, has no pixels, or no installed package decodes them.
    """
    try:
        with _open_header(content) as header:
            return _clean_header(header, content, pseudonyms, group)
    except decode_errors() as error:
        # pydicom's message may quote the file.
        raise CleaningError(f"its header cannot be read ({type(error).__name__})") from error


def read_patient(content: bytes) -> str:
    """Return the id and issuer of the patient; empty if the file names no patient."""
    try:
        with _open_header(content, stop_before_pixels=True) as header:
            patient = str(header.get("PatientID") or "").strip()
            issuer = str(header.get("IssuerOfPatientID") or "").strip()
    except decode_errors():
        return ""
    return f"{patient}\n{issuer}" if patient else ""


@contextmanager
def _open_header(content: bytes, *, stop_before_pixels: bool = False) -> Iterator["Header"]:
    """Silence pydicom's warnings about invalid values, which quote them, while a header is used."""
    with needs_extra("dicom"):
        from pydicom import dcmread
        from pydicom.config import disable_value_validation

    logger = logging.getLogger("pydicom")
    with PYDICOM_LOCK, warnings.catch_warnings(), disable_value_validation():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")
        disabled, logger.disabled = logger.disabled, True
        try:
            yield dcmread(BytesIO(content), force=True, stop_before_pixels=stop_before_pixels)
        finally:
            logger.disabled = disabled


def _clean_header(header: "Header", content: bytes, pseudonyms: Pseudonyms, group: str) -> CleanedFile:
    from pydicom import dcmwrite

    _check_cleanable(header)
    removed = _count_removed(header)
    if any(content[:128]) and content[128:132] == b"DICM":
        removed["preamble"] += 1
    little_endian = header.original_encoding[1]
    _decompress(header)
    flags, grey = review_flags(header), first_frame_grey(header)
    cleaned = _keep_allowed(header, removed)
    check_required(cleaned)
    removed["bytes behind a table"] += trim_luts(cleaned, little_endian=little_endian)
    removed["bytes behind the pixels"] += trim_pixels(cleaned)
    _set_identifiers(cleaned, header, pseudonyms, group)
    buffer = BytesIO()
    dcmwrite(buffer, cleaned, enforce_file_format=True)
    return CleanedFile(
        content=buffer.getvalue(),
        suffix=".dcm",
        removed=+removed,  # drops the kinds that were not found
        width=int(header.Columns),
        height=int(header.Rows),
        grey=grey,
        flags=flags if grey is not None else (*flags, UNSEARCHED),
    )


def _check_cleanable(header: "Header") -> None:
    if not any(key in header for key in PIXEL_KEYWORDS):
        raise CleaningError("it has no pixels")
    if "SOPClassUID" not in header:
        raise CleaningError("it has no SOP class UID")
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is not None and (syntax.is_private or not syntax.is_transfer_syntax):
        raise CleaningError("its transfer syntax is not defined by the standard")
    overlay_bits = [header.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2)]
    if any(element is not None and int(element.value or 0) for element in overlay_bits):
        raise CleaningError("an overlay is stored in unused bits of its pixels")


def _decompress(header: "Header") -> None:
    """Replace compressed pixels by uncompressed ones (Explicit VR Little Endian)."""
    from pydicom.pixels import decompress, get_decoder

    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_encapsulated:
        return
    package = DECODER_PACKAGES.get(str(syntax))
    advice = f"pip install {package}" if package else "export it as uncompressed DICOM"
    try:
        is_available = get_decoder(syntax).is_available
    except NotImplementedError:  # video
        is_available = False
    if not is_available:
        raise CleaningError(f"no installed package decodes {syntax.name}: {advice}")
    try:
        decompress(header, generate_instance_uid=False)
    except decode_errors() as error:
        reason = "its compressed pixels are truncated, damaged or need another decoder"
        raise CleaningError(f"{reason}: get it again, or {advice}") from error
    header.set_original_encoding(is_implicit_vr=False, is_little_endian=True)


def _count_removed(header: "Header") -> Counter[str]:
    return Counter(
        _element_kind(element)
        for element in header.iterall()
        if element.keyword not in ALLOWED_KEYWORDS and element.tag.element != 0
    )


def _element_kind(element: "DataElement") -> str:
    if element.tag.is_private:
        return "private element"
    if 0x6000 <= element.tag.group <= 0x60FF:
        return "overlay element"
    return ELEMENT_KINDS.get(element.VR, "other element")


def _keep_allowed(header: "Header", removed: Counter[str]) -> "Header":
    from pydicom.dataset import Dataset

    kept = Dataset()
    for element in header:
        if element.keyword not in ALLOWED_KEYWORDS:
            continue
        if element.VR == "SQ":
            items = [_keep_allowed(item, removed) for item in element.value]
            element.value = [item for item in items if len(item)] or None
            if element.value:
                kept.add(element)
        elif is_safe(element):
            kept.add(element)
        else:
            removed["value not defined for its element"] += 1
    return kept


def _set_identifiers(cleaned: "Header", header: "Header", pseudonyms: Pseudonyms, group: str) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset

    for keyword in EMPTIED_KEYWORDS:
        setattr(cleaned, keyword, "" if keyword != "SeriesNumber" else None)
    for keyword in PSEUDONYMISED_UIDS:
        uid = str(header.get(keyword) or "")
        if uid or keyword == "SOPInstanceUID":
            setattr(cleaned, keyword, pseudonyms.uid(uid or f"{group} without UID"))
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = DEIDENTIFICATION_PROFILE
    cleaned.PatientID = group
    cleaned.PatientIdentityRemoved = "YES"
    cleaned.DeidentificationMethod = DEIDENTIFICATION_METHOD[:64]
    cleaned.DeidentificationMethodCodeSequence = [code]
    cleaned.LongitudinalTemporalInformationModified = "REMOVED"
    cleaned.file_meta = FileMetaDataset()
    cleaned.file_meta.MediaStorageSOPClassUID = cleaned.SOPClassUID
    cleaned.file_meta.MediaStorageSOPInstanceUID = cleaned.SOPInstanceUID
    cleaned.file_meta.TransferSyntaxUID = _transfer_syntax(header)
    cleaned.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
    cleaned.file_meta.ImplementationVersionName = "AROGYA_BENCH"  # not pydicom's version
    cleaned.preamble = bytes(128)
    cleaned.set_original_encoding(*header.original_encoding)


def _transfer_syntax(header: "Header") -> str:
    from pydicom import uid

    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is not None:
        return str(syntax)
    is_implicit, is_little_endian = header.original_encoding
    little_endian = uid.ImplicitVRLittleEndian if is_implicit else uid.ExplicitVRLittleEndian
    return str(little_endian if is_little_endian else uid.ExplicitVRBigEndian)

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
    EMPTIED,
    EMPTIED_TOO,
    IMPLEMENTATION,
    KEPT,
    METHOD,
    PROFILE,
    RENAMED,
)
from arogya_bench.deidentification.dicom_burned_in import UNSEARCHED, flags_of, grey_of
from arogya_bench.deidentification.dicom_values import (
    PIXELS,
    cut_pixels,
    cut_tables,
    harmless,
    require_needed,
)
from arogya_bench.deidentification.images import Cleaned, Uncleanable
from arogya_bench.deidentification.pseudonyms import Pseudonyms
from arogya_bench.errors import needs_extra
from arogya_bench.images.dicom import unreadable

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset as Header

RUN_LENGTH = "1.2.840.10008.1.2.5"
# Filters of warnings and the settings of pydicom are those of the process.
ONE_AT_A_TIME = threading.Lock()


def clean(content: bytes, names: Pseudonyms, *, group: str) -> Cleaned:
    """Apply the basic application level confidentiality profile, and more.

    Args:
        content: Of the file.
        names: For the UIDs: those of one study stay those of one study.
        group: The pseudonym of the patient.

    Raises:
        Uncleanable: If the file is damaged, has no pixels, or has something in them that cannot
            be taken out.
        MissingExtra: If pydicom is not installed.
    """
    with needs_extra("dicom"):
        from pydicom import dcmread
    try:
        with _quiet():
            header = dcmread(BytesIO(content), force=True)
            return _cleaned(header, content, names, group)
    except unreadable() as error:
        # The message of the library may quote the file.
        raise Uncleanable(f"its header cannot be read ({type(error).__name__})") from error


def patient_of(content: bytes) -> str:
    """The patient that a file names: id and issuer; empty if it names none."""
    with needs_extra("dicom"):
        from pydicom import dcmread
    try:
        with _quiet():
            header = dcmread(BytesIO(content), force=True, stop_before_pixels=True)
            patient = str(header.get("PatientID") or "").strip()
            issuer = str(header.get("IssuerOfPatientID") or "").strip()
    except unreadable():
        return ""
    return f"{patient}\n{issuer}" if patient else ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pydicom from warning of values that break the standard: it quotes them."""
    from pydicom.config import disable_value_validation

    logger = logging.getLogger("pydicom")
    with ONE_AT_A_TIME, warnings.catch_warnings(), disable_value_validation():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.")
        disabled, logger.disabled = logger.disabled, True
        try:
            yield
        finally:
            logger.disabled = disabled


def _cleaned(header: "Header", content: bytes, names: Pseudonyms, group: str) -> Cleaned:
    from pydicom import dcmwrite

    _refuse(header)
    removed = _kinds(header)
    if any(content[:128]) and content[128:132] == b"DICM":
        removed["preamble"] += 1
    flags, grey = flags_of(header), grey_of(header)
    bare = _kept(header, removed)
    require_needed(bare)
    removed["bytes behind a table"] += cut_tables(bare, little=header.original_encoding[1])
    if _is_compressed(header):
        removed["comment in compressed pixels"] += _repacked(bare, header)
    else:
        removed["bytes behind the pixels"] += cut_pixels(bare)
    _name(bare, header, names, group)
    buffer = BytesIO()
    dcmwrite(buffer, bare, enforce_file_format=True)
    return Cleaned(
        content=buffer.getvalue(),
        suffix=".dcm",
        removed=+removed,  # without those that were not found
        width=int(header.Columns),
        height=int(header.Rows),
        grey=grey,
        flags=flags if grey is not None else (*flags, UNSEARCHED),
    )


def _refuse(header: "Header") -> None:
    if not any(key in header for key in PIXELS):
        raise Uncleanable("it has no pixels")
    if "SOPClassUID" not in header:
        raise Uncleanable("it does not say what kind of object it is")
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is not None and (syntax.is_private or not syntax.is_transfer_syntax):
        raise Uncleanable("its transfer syntax is none of the standard")
    drawn = [header.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2)]
    if any(element is not None and int(element.value or 0) for element in drawn):
        raise Uncleanable("an overlay lies in unused bits of its pixels")


def _is_compressed(header: "Header") -> bool:
    syntax = header.file_meta.get("TransferSyntaxUID")
    return syntax is not None and bool(syntax.is_encapsulated)


def _repacked(bare: "Header", header: "Header") -> bool:
    """Pack compressed frames anew, without comments; says whether there was anything else."""
    from pydicom.encaps import encapsulate, generate_frames

    count = int(header.get("NumberOfFrames") or 1)
    pixels = int(header.Rows) * int(header.Columns)
    before = list(generate_frames(header.PixelData, number_of_frames=count))
    if header.file_meta.TransferSyntaxUID == RUN_LENGTH:
        after = [frames.bare_rle(frame, pixels) for frame in before]
    elif all(frame.startswith(frames.KNOWN) for frame in before):
        after = [frames.bare(frame) for frame in before]
    else:
        raise Uncleanable("its pixels are compressed in a way that may hide text")
    bare.PixelData = encapsulate(after)
    bare["PixelData"].is_undefined_length = True
    # Padding at the end of a frame is nothing.
    return [frame.rstrip(b"\0") for frame in before] != [frame.rstrip(b"\0") for frame in after]


def _kinds(header: "Header") -> Counter[str]:
    """What will not be there any more, by kind."""
    kinds: Counter[str] = Counter()
    for element in header.iterall():
        if element.keyword in KEPT or element.tag.element == 0:
            continue
        kinds[_kind(element)] += 1
    return kinds


def _kind(element: "DataElement") -> str:
    if element.tag.is_private:
        return "private element"
    if 0x6000 <= element.tag.group <= 0x60FF:
        return "overlay element"
    kinds = {"PN": "person name", "UI": "UID", "DA": "date", "TM": "date", "DT": "date"}
    return kinds.get(element.VR, "other element")


def _kept(header: "Header", removed: Counter[str]) -> "Header":
    from pydicom.dataset import Dataset

    bare = Dataset()
    for element in header:
        if element.keyword not in KEPT:
            continue
        if element.VR == "SQ":
            items = [_kept(item, removed) for item in element.value]
            element.value = [item for item in items if len(item)] or None
            if element.value:
                bare.add(element)
        elif harmless(element):
            bare.add(element)
        else:
            removed["value that is none of its element"] += 1
    return bare


def _name(bare: "Header", header: "Header", names: Pseudonyms, group: str) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset

    for keyword in (*EMPTIED, *EMPTIED_TOO):
        setattr(bare, keyword, "" if keyword != "SeriesNumber" else None)
    for keyword in RENAMED:
        stated = str(header.get(keyword) or "")
        if stated or keyword == "SOPInstanceUID":
            setattr(bare, keyword, names.uid(stated or f"{group} without UID"))
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = PROFILE
    bare.PatientID = group
    bare.PatientIdentityRemoved = "YES"
    bare.DeidentificationMethod = METHOD[:64]
    bare.DeidentificationMethodCodeSequence = [code]
    bare.LongitudinalTemporalInformationModified = "REMOVED"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = bare.SOPClassUID
    meta.MediaStorageSOPInstanceUID = bare.SOPInstanceUID
    meta.TransferSyntaxUID = _syntax(header)
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = "AROGYA_BENCH"  # else pydicom writes its own version
    bare.file_meta = meta
    bare.preamble = bytes(128)
    bare.set_original_encoding(*header.original_encoding)


def _syntax(header: "Header") -> str:
    from pydicom import uid

    stated = header.file_meta.get("TransferSyntaxUID")
    if stated is not None:
        return str(stated)
    implicit, little = header.original_encoding
    plain = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
    return str(plain if little else uid.ExplicitVRBigEndian)

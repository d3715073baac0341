"""Cleans the files of one case and writes them, or says why not."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from arogya_bench.curation.journal import Record, is_intact, sha256_hex, write_atomically
from arogya_bench.curation.plan import CurationItem
from arogya_bench.deidentification.burned_in_text import count_ocr_lines, count_text_rows
from arogya_bench.deidentification.cleaned_file import CleanedFile, CleaningError
from arogya_bench.deidentification.dicom import clean as clean_dicom
from arogya_bench.deidentification.images import clean as clean_image
from arogya_bench.deidentification.masks import clean as clean_mask
from arogya_bench.deidentification.nifti import clean as clean_nifti
from arogya_bench.deidentification.pseudonyms import Pseudonyms
from arogya_bench.errors import DatasetError
from arogya_bench.images import dicom, nifti
from arogya_bench.images.decoding import HEADER_BYTES, detect_format
from arogya_bench.images.files import DECODE_ERRORS
from arogya_bench.runtime.digests import digest_of

CLEANING_VERSION = 3  # increased when the same options produce other files
IMAGES, MASKS = "images", "masks"


@dataclass(frozen=True, kw_only=True)
class CleaningOptions:
    """What decides how a file is written.

    Attributes:
        quality: Of JPEG, 1 to 100.
        drawn_on: ``stored``, ``upright`` or None: what masks were drawn on.
        text_check: Whether to look for rows of text.
        ocr: Whether to read them.
    """

    quality: int
    drawn_on: str | None
    text_check: bool
    ocr: bool

    @cached_property
    def key(self) -> str:
        """The same for what gives the same files."""
        return digest_of({"recipe": CLEANING_VERSION, **asdict(self)})


class CleanedCase(NamedTuple):
    """What becomes of a case.

    Attributes:
        contents: Of its files, by their name below the folder.
    """

    record: Record
    contents: Mapping[str, bytes]


class CurationStep(NamedTuple):
    """What a run did to a case; ``written`` says whether it wrote its files."""

    record: Record
    written: bool


def curate_case(
    item: CurationItem,
    out: Path,
    pseudonyms: Pseudonyms,
    cleaning_options: CleaningOptions,
    earlier_record: Record | None,
) -> CurationStep:
    """Write the files of one case, unless they are there already.

    Args:
        item: The case.
        out: The folder of the curated data.
        pseudonyms: For the names in DICOM files.
        cleaning_options: How to write them.
        earlier_record: What an earlier run did to the case.

    Returns:
        What was done, with the very record ``earlier_record`` if that says it already.
    """
    # Of the files when the source was read: one that changed since is done again by the next run.
    source = pseudonyms.content(
        f"{cleaning_options.key} {item.case.group_id} {item.content_digest} {item.quarantine_reason}"
    )
    if (
        earlier_record
        and earlier_record.source == source
        and earlier_record.reason is None
        and is_intact(out, earlier_record)
    ):
        return CurationStep(earlier_record, written=False)
    now = _clean_and_write(item, out, source, pseudonyms, cleaning_options)
    same = earlier_record if earlier_record is not None and earlier_record == now else now
    return CurationStep(same, written=now.reason is None)


def _clean_and_write(
    item: CurationItem,
    out: Path,
    source: str,
    pseudonyms: Pseudonyms,
    cleaning_options: CleaningOptions,
) -> Record:
    try:
        made = _clean_case(item, source, pseudonyms, cleaning_options)
    except CleaningError as error:
        return Record(case_id=item.case.case_id, source=source, reason=str(error))
    except _library_errors() as error:
        # The message of a library may quote the file; its kind does not.
        reason = f"it cannot be cleaned ({type(error).__name__})"
        return Record(case_id=item.case.case_id, source=source, reason=reason)
    _write_files(out, made.contents)
    return made.record


def _library_errors() -> tuple[type[Exception], ...]:
    """What libraries raise for damaged files, as found by flipping their bytes."""
    return (*DECODE_ERRORS, *dicom.decode_errors(), *nifti.decode_errors(), MemoryError, cv2.error)


def _clean_image(
    item: CurationItem, content: bytes, pseudonyms: Pseudonyms, cleaning_options: CleaningOptions
) -> CleanedFile:
    kind = detect_format(content[:HEADER_BYTES], item.image.name)
    if kind == "dicom":
        return clean_dicom(content, pseudonyms, group=item.case.group_id)
    if kind == "nifti":
        return clean_nifti(content)
    return clean_image(content, quality=cleaning_options.quality)


def _clean_case(
    item: CurationItem, source: str, pseudonyms: Pseudonyms, cleaning_options: CleaningOptions
) -> CleanedCase:
    if item.quarantine_reason:
        raise CleaningError(item.quarantine_reason)
    case_id = item.case.case_id
    image = _clean_image(item, item.image.read_bytes(), pseudonyms, cleaning_options)
    contents = {f"{IMAGES}/{case_id}{image.suffix}": image.content}
    if item.mask is not None:
        bare = _clean_mask(item.mask.read_bytes(), item.mask.name, image, cleaning_options)
        contents[f"{MASKS}/{case_id}{bare.suffix}"] = bare.content
    record = Record(
        case_id=case_id,
        source=source,
        files={name: sha256_hex(each) for name, each in contents.items()},
        removed=dict(image.removed),
        width=image.width,
        height=image.height,
        orientation=image.orientation,
        text_rows=_search_text(count_text_rows, image, enabled=cleaning_options.text_check),
        lines_read=_search_text(count_ocr_lines, image, enabled=cleaning_options.ocr),
        flags=image.flags,
    )
    return CleanedCase(record=record, contents=contents)


def _clean_mask(
    content: bytes, name: str, image: CleanedFile, cleaning_options: CleaningOptions
) -> CleanedFile:
    if detect_format(content[:HEADER_BYTES], name) == "nifti":
        return clean_nifti(content)
    return clean_mask(content, image, drawn_on=cleaning_options.drawn_on)


def _search_text(
    count: Callable[[NDArray[np.uint8]], int], image: CleanedFile, *, enabled: bool
) -> int | None:
    return count(image.grey) if enabled and image.grey is not None else None


def _write_files(out: Path, contents: Mapping[str, bytes]) -> None:
    try:
        for name, content in contents.items():
            write_atomically(out / name, content)
    except OSError as error:
        raise DatasetError(
            f"Curated files cannot be written to {out}: {error.strerror}.",
            fix="make space or name another folder, and run again: what is finished stays",
        ) from error

"""Cleans and writes the files of cases, or records why a case is quarantined, and deletes stale files."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from arogya_bench.curation.journal import PARTIAL_PREFIX, CaseRecord, is_intact, sha256_hex, write_atomically
from arogya_bench.curation.options import CurationOptions
from arogya_bench.curation.plan import CurationItem
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.deidentification.burned_in_text import count_ocr_lines, count_text_rows
from arogya_bench.deidentification.cleaned_file import CleanedFile, CleaningError
from arogya_bench.deidentification.dicom import clean as clean_dicom
from arogya_bench.deidentification.images import clean as clean_image
from arogya_bench.deidentification.masks import clean as clean_mask
from arogya_bench.deidentification.nifti import clean as clean_nifti
from arogya_bench.deidentification.pseudonyms import ID_LENGTH, Pseudonyms
from arogya_bench.errors import DatasetError
from arogya_bench.images import dicom, nifti
from arogya_bench.images.decoding import HEADER_BYTES, detect_format
from arogya_bench.images.files import DECODE_ERRORS
from arogya_bench.runtime.console import plural

IMAGES, MASKS = "images", "masks"
# A killed run may have written files that its journal does not list yet.
CURATED_NAME = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}(\.jpg|\.png|\.dcm|\.nii|\.nii\.gz)")


class CurationStep(NamedTuple):
    """The record of a case, and whether this run wrote its files."""

    record: CaseRecord
    written: bool


def curate_case(
    item: CurationItem, out: Path, pseudonyms: Pseudonyms, options: CurationOptions, earlier_record: CaseRecord | None
) -> CurationStep:
    """Write the files of one case, unless they are up to date.

    The record of the step is the object ``earlier_record`` itself if nothing changed.
    """
    # Digests date from reading the source: a file that changes later is redone by the next run.
    source = pseudonyms.content(
        f"{options.cleaning_key} {item.case.group_id} {item.content_digest} {item.quarantine_reason}"
    )
    if (
        earlier_record
        and earlier_record.source == source
        and earlier_record.reason is None
        and is_intact(out, earlier_record)
    ):
        return CurationStep(earlier_record, written=False)
    record = _clean_and_write(item, out, source, pseudonyms, options)
    if earlier_record is not None and earlier_record == record:
        record = earlier_record
    return CurationStep(record, written=record.reason is None)


def _clean_and_write(
    item: CurationItem, out: Path, source: str, pseudonyms: Pseudonyms, options: CurationOptions
) -> CaseRecord:
    case_id = item.case.case_id
    try:
        if item.quarantine_reason:
            raise CleaningError(item.quarantine_reason)
        image = _clean_image(item, pseudonyms, options)
        contents = {f"{IMAGES}/{case_id}{image.suffix}": image.content}
        if item.mask is not None:
            mask = _clean_mask(item.mask, image, options)
            contents[f"{MASKS}/{case_id}{mask.suffix}"] = mask.content
        record = CaseRecord(
            case_id=case_id,
            source=source,
            files={name: sha256_hex(content) for name, content in contents.items()},
            removed=dict(image.removed),
            width=image.width,
            height=image.height,
            orientation=image.orientation,
            text_rows=_search_text(count_text_rows, image, enabled=options.text_check),
            lines_read=_search_text(count_ocr_lines, image, enabled=options.ocr),
            flags=image.flags,
        )
    except CleaningError as error:
        return CaseRecord(case_id=case_id, source=source, reason=str(error))
    except _library_errors() as error:
        # The message of a library may quote the file; the name of its class does not.
        return CaseRecord(case_id=case_id, source=source, reason=f"it cannot be cleaned ({type(error).__name__})")
    _write_files(out, contents)
    return record


def _library_errors() -> tuple[type[Exception], ...]:
    """Errors that libraries raise for damaged files, found by flipping bytes."""
    return (*DECODE_ERRORS, *dicom.decode_errors(), *nifti.decode_errors(), MemoryError, cv2.error)


def _clean_image(item: CurationItem, pseudonyms: Pseudonyms, options: CurationOptions) -> CleanedFile:
    content = item.image.read_bytes()
    file_format = detect_format(content[:HEADER_BYTES], item.image.name)
    if file_format == "dicom":
        return clean_dicom(content, pseudonyms, group=item.case.group_id)
    if file_format == "nifti":
        return clean_nifti(content)
    return clean_image(content, quality=options.quality)


def _clean_mask(file: Path, image: CleanedFile, options: CurationOptions) -> CleanedFile:
    content = file.read_bytes()
    if detect_format(content[:HEADER_BYTES], file.name) == "nifti":
        return clean_nifti(content)
    return clean_mask(content, image, drawn_on=options.boxes_drawn_on)


def _search_text(count: Callable[[NDArray[np.uint8]], int], image: CleanedFile, *, enabled: bool) -> int | None:
    return count(image.grey) if enabled and image.grey is not None else None


def _write_files(out: Path, contents: Mapping[str, bytes]) -> None:
    try:
        for name, content in contents.items():
            write_atomically(out / name, content)
    except OSError as error:
        raise DatasetError(
            f"Curated files cannot be written to {out}: {error.strerror}.",
            fix="free disk space or name another folder, and run again: finished cases are kept",
        ) from error


def check_no_foreign_files(out: Path, earlier_records: Mapping[str, CaseRecord]) -> None:
    """Check that every image and mask in the folder was written by curation.

    Foreign files would be shared with the result, or deleted.

    Raises:
        DatasetError: With the names of some of them.
    """
    known = {name for record in earlier_records.values() for name in record.files}
    foreign = [
        name
        for name, path in _list_output_files(out)
        if not (name in known or path.name.startswith(PARTIAL_PREFIX) or CURATED_NAME.fullmatch(path.name))
    ]
    if foreign:
        raise DatasetError(
            f"Curation did not write {plural(len(foreign), 'file')} in {out}: {shorten_list(sorted(foreign))}.",
            fix="move them elsewhere: everything in this folder is shared with the images",
        )


def remove_stale(out: Path, records: Mapping[str, CaseRecord]) -> int:
    """Delete the files of removed cases and of killed runs; return the number of images and masks."""
    current = {name for record in records.values() for name in record.files}
    removed = 0
    for name, path in _list_output_files(out):
        if name not in current:
            path.unlink()
            removed += not path.name.startswith(PARTIAL_PREFIX)
    for file in out.glob(f"{PARTIAL_PREFIX}*"):
        file.unlink()
    return removed


def _list_output_files(out: Path) -> Iterator[tuple[str, Path]]:
    for folder in (IMAGES, MASKS):
        if (out / folder).is_dir():
            # Listed in full first, since the caller deletes files.
            yield from [(f"{folder}/{path.name}", path) for path in (out / folder).iterdir()]

"""Curates a folder of images: de-identifies, organises and divides it, so that it can be shared."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import joblib

from arogya_bench.curation.case_files import (
    IMAGES,
    MASKS,
    CurationStep,
    check_no_foreign_files,
    curate_case,
    remove_stale,
)
from arogya_bench.curation.journal import CaseRecord, Journal, lock_folder, sha256_hex, write_if_changed
from arogya_bench.curation.manifest import CuratedData, curated_cases, render_card, render_key_file, render_tables
from arogya_bench.curation.notices import CurationWarning, collect_warnings
from arogya_bench.curation.options import BOXES_DRAWN_ON, CurationOptions
from arogya_bench.curation.plan import CurationItem, CurationPlan, plan_curation
from arogya_bench.curation.sources import read_source
from arogya_bench.datasets.splits import DatasetSplit, SplitPolicy, split
from arogya_bench.deidentification.pseudonyms import Pseudonyms, load_pseudonyms
from arogya_bench.errors import ConfigError, DatasetError, check_extra, did_you_mean
from arogya_bench.runtime.atomic_write import atomic_write
from arogya_bench.runtime.home_folder import expand_home
from arogya_bench.runtime.progress import track
from arogya_bench.types import Case

CASES_PER_BATCH = 16  # per task of a thread


@dataclass(frozen=True, kw_only=True)
class CurationOutcome:
    """The result of a run.

    Attributes:
        cases: Number of cases in the result, written by this run or an earlier one.
        quarantined: Number of cases listed in ``quarantine.csv`` instead.
        written: Number of new or changed cases that this run wrote.
        rewritten: Number of cases whose files had been changed or deleted, and were restored.
        removed: Number of deleted files of cases that the source no longer has.
        warnings: What to review before sharing the result.
        split: Name of the split; None if the cases were not divided.
        unused: Number of source files that are not part of a case, by kind.
        notes: Notes of the reader of the source; may name files, so only for its owner.
    """

    cases: int
    quarantined: int
    written: int
    rewritten: int
    removed: int
    warnings: tuple[CurationWarning, ...]
    split: str | None
    unused: Mapping[str, int]
    notes: tuple[str, ...]


def curate(source: Path, out: Path, *, options: CurationOptions) -> CurationOutcome:
    """Organise, clean, de-identify and divide a folder of images.

    A killed run is completed by the next one, with the same bytes. Source files that changed are curated again; cases
    that the source no longer has are deleted from the result.

    Args:
        source: Class folders, a table, images with masks or with boxes.
        out: A new folder, or the result of an earlier run with the same secret.
        options: See ``CurationOptions``.

    Raises:
        ConfigError: If an option is out of range, or there is no secret.
        DatasetError: If the source is damaged or empty, or ``out`` holds files that were not curated there.
    """
    _check_options(source, out, options)
    pseudonyms = load_pseudonyms(options.secret_file)
    with warnings.catch_warnings():
        # Pillow's warnings about tags may quote them; damage shows when the image is decoded.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        plan = plan_curation(read_source(source, options), pseudonyms, options.keep)
        with lock_folder(out):
            return _run_curation(plan, out, pseudonyms, options)


def _run_curation(plan: CurationPlan, out: Path, pseudonyms: Pseudonyms, options: CurationOptions) -> CurationOutcome:
    journal = Journal(out, pseudonyms.check_value)
    journal.begin()
    earlier_records = dict(journal.records)
    (out / IMAGES).mkdir(exist_ok=True)
    if any(item.mask for item in plan.items):
        (out / MASKS).mkdir(exist_ok=True)
    # Report cases that cannot be divided before the work, not after.
    _split_cases(plan, [item.case for item in plan.items if not item.quarantine_reason], options.split)
    check_no_foreign_files(out, earlier_records)
    steps = {step.record.case_id: step for step in _curate_in_threads(plan, out, pseudonyms, journal, options)}
    records = {item.case.case_id: steps[item.case.case_id].record for item in plan.items}
    removed = remove_stale(out, records)
    data = _divide(plan, records, options)
    _write_tables(data, out, pseudonyms, options)
    journal.finish(records)
    if options.key_file:
        _write_key_file(expand_home(options.key_file), render_key_file(plan))
    written = [case_id for case_id, step in steps.items() if step.written]
    restored = [case_id for case_id in written if earlier_records.get(case_id) == records[case_id]]
    return CurationOutcome(
        cases=len(data.cases),
        quarantined=len(records) - len(data.cases),
        written=len(written) - len(restored),
        rewritten=len(restored),
        removed=removed,
        warnings=collect_warnings(records.values()),
        split=data.split.name if data.split else None,
        unused=plan.unused,
        notes=plan.dataset.notes,
    )


def _curate_in_threads(
    plan: CurationPlan, out: Path, pseudonyms: Pseudonyms, journal: Journal, options: CurationOptions
) -> Iterator[CurationStep]:
    def curate_batch(items: Sequence[CurationItem]) -> list[CurationStep]:
        earlier = journal.records
        return [curate_case(item, out, pseudonyms, options, earlier.get(item.case.case_id)) for item in items]

    # Threads suffice, since OpenCV and hashlib release the interpreter lock. In batches, since scheduling one case
    # costs as much as a small image.
    opencv_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # there is already one thread per processor
    pool = ThreadPoolExecutor(options.workers or joblib.cpu_count())
    try:
        futures = [
            pool.submit(curate_batch, plan.items[start : start + CASES_PER_BATCH])
            for start in range(0, len(plan.items), CASES_PER_BATCH)
        ]
        for future in track(as_completed(futures), "Curating", len(futures)):
            steps = future.result()
            journal.add(step.record for step in steps)
            yield from steps
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(opencv_threads)


def _divide(plan: CurationPlan, records: Mapping[str, CaseRecord], options: CurationOptions) -> CuratedData:
    cases = curated_cases(plan, records, options.boxes_drawn_on)
    dataset_split = _split_cases(plan, cases, options.split)
    if dataset_split:
        split_by_case = {case.case_id: name for name, part in dataset_split.parts.items() for case in part.cases}
    else:
        is_official = all(case.split for case in cases)
        split_by_case = {case.case_id: str(case.split) for case in cases} if is_official else {}
    return CuratedData(plan=plan, cases=cases, records=records, split=dataset_split, split_by_case=split_by_case)


def _split_cases(plan: CurationPlan, cases: Sequence[Case], policy: SplitPolicy | None) -> DatasetSplit | None:
    if policy is None or not plan.dataset.classes:
        return None
    return split(replace(plan.dataset, cases=tuple(cases)), policy)


def _write_tables(data: CuratedData, out: Path, pseudonyms: Pseudonyms, options: CurationOptions) -> None:
    tables = render_tables(data)
    digests = {name: sha256_hex(content) for name, content in tables.items()}
    tables["card.json"] = render_card(data, options, digests, id_length=pseudonyms.length)
    for name, content in tables.items():
        write_if_changed(out / name, content)
    for file in out.glob("boxes*.json"):  # left by a run with another split
        if file.name not in tables:
            file.unlink()


def _write_key_file(file: Path, content: bytes) -> None:
    """Write the key file, which maps pseudonyms to original ids, with mode 600."""
    try:
        if file.exists() and file.read_bytes() == content and not file.stat().st_mode & 0o077:
            return
        with atomic_write(file) as partial:
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
    except OSError as error:
        raise DatasetError(
            f"The key file {file} cannot be written: {error.strerror}.",
            fix="name a file in a writable folder as key file (--key-file)",
        ) from error


def _check_options(source: Path, out: Path, options: CurationOptions) -> None:
    if not 1 <= options.quality <= 100:
        raise ConfigError(f"quality={options.quality} is not a JPEG quality.", fix="use 1 to 100, such as 95")
    if options.workers is not None and options.workers < 1:
        raise ConfigError(f"workers={options.workers} is too small.", fix="use 1 or more")
    drawn_on = options.boxes_drawn_on
    if drawn_on not in (None, *BOXES_DRAWN_ON):
        raise ConfigError(
            f"boxes_drawn_on={drawn_on!r} is unknown.{did_you_mean(drawn_on, BOXES_DRAWN_ON)}",
            fix="use stored, upright, or null if no image is rotated",
        )
    if options.ocr:
        check_extra("ocr", "rapidocr_onnxruntime")
    source_path, out_path = source.resolve(), out.resolve()
    if source_path.is_relative_to(out_path) or out_path.is_relative_to(source_path):
        raise ConfigError(f"{source} and {out} must not contain one another.", fix="name a folder beside the source")
    if options.key_file and out_path in expand_home(options.key_file).resolve().parents:
        raise ConfigError(
            "The key file would be written among the curated files.",
            fix="set key_file to a file outside of the result, or to null for none",
        )

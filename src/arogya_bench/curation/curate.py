"""From a folder of images as somebody has them to one that may be given away."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2

from arogya_bench.curation import manifest
from arogya_bench.curation.box_orientation import check_boxes_drawn_on
from arogya_bench.curation.case_files import (
    IMAGES,
    MASKS,
    CleaningOptions,
    CurationStep,
    curate_case,
)
from arogya_bench.curation.journal import Journal, lock_folder, sha256_hex, write_if_changed
from arogya_bench.curation.key_file import write_key_file
from arogya_bench.curation.layouts import SourceLayout
from arogya_bench.curation.notices import CurationWarning, collect_warnings
from arogya_bench.curation.plan import CurationItem, CurationPlan, plan_curation
from arogya_bench.curation.removal import check_no_foreign_files, remove_stale
from arogya_bench.curation.sources import read_source
from arogya_bench.datasets.splits import DatasetSplit, SplitPolicy, split
from arogya_bench.deidentification.pseudonyms import Pseudonyms, load_pseudonyms
from arogya_bench.errors import ConfigError, check_extra
from arogya_bench.runtime.console import track
from arogya_bench.types import Case

CASES_PER_BATCH = 16  # cases that one thread takes


@dataclass(frozen=True, kw_only=True)
class CurationOptions:
    """How to curate.

    Attributes:
        licence: Of the images and labels; it goes with them.
        layout: What the source is; None to look what is there.
        dataset: Options of the reader of that layout, such as ``group`` or ``manifest``.
        keep: Columns of metadata that identify nobody; all others are dropped.
        secret_file: A file of mode 600 with the secret; by default the variable AROGYA_SECRET.
        key_file: A file outside of the result that tells which case was which, of mode 600; None
            for nowhere.
        boxes_drawn_on: ``stored`` or ``upright``: what boxes and masks were drawn on, where EXIF
            turns an image.
        quality: Of JPEG, 1 to 100.
        text_check: Whether to look for text in the pixels.
        ocr: Whether to count the lines of text that OCR reads; needs the extra ``ocr``.
        split: How to divide; None for the split of the source as it is, or none.
        workers: Threads; by default one per processor.
    """

    licence: str
    layout: str | None = None
    dataset: Mapping[str, object] = field(default_factory=dict)
    keep: Sequence[str] = ()
    secret_file: str | None = None
    key_file: str | None = None
    boxes_drawn_on: str | None = None
    quality: int = 95
    text_check: bool = True
    ocr: bool = False
    split: SplitPolicy | None = field(default_factory=SplitPolicy)
    workers: int | None = None


@dataclass(frozen=True, kw_only=True)
class CurationOutcome:
    """What a run came to.

    Attributes:
        cases: How many were written, now or earlier.
        quarantined: How many were not, and are listed in ``quarantine.csv``.
        written: How many were written by this run, without those that were mended.
        rewritten: How many files had been changed or deleted since, and were written again.
        removed: How many files of cases that the source no longer has were deleted.
        warnings: What a person should look at.
        split: Name of the split; None if the cases were not divided.
        unused: How many files of the source became no case, by kind.
        notes: What the reader of the source has to say; may name files, so only for its owner.
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

    A run that was killed is finished by the next one, with the same bytes. Source files that
    changed since are done again; what the source no longer has is deleted from the result.

    Args:
        source: Class folders, a table, images with masks or with boxes.
        out: A new folder, or one of an earlier run under the same secret.
        options: How.

    Raises:
        ConfigError: If an option is out of range, or there is no secret.
        DatasetError: If the source is damaged or empty, ``out`` is not a folder of ours, or a file
            of somebody else lies in it.
        MissingExtra: If a file needs a library that is not installed.
    """
    _check_options(source, out, options)
    names = load_pseudonyms(options.secret_file)
    description = SourceLayout(
        licence=options.licence,
        layout=options.layout,
        dataset=options.dataset,
        boxes_drawn_on=options.boxes_drawn_on,
    )
    recipe = CleaningOptions(
        quality=options.quality,
        drawn_on=options.boxes_drawn_on,
        text_check=options.text_check,
        ocr=options.ocr,
    )
    with warnings.catch_warnings():
        # Damage is told by what can be decoded; what Pillow mutters about tags may quote them.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        plan = plan_curation(read_source(source, description), names, options.keep)
        with lock_folder(out):
            return _run_curation(plan, out, names, recipe, options)


def _run_curation(
    plan: CurationPlan,
    out: Path,
    pseudonyms: Pseudonyms,
    cleaning_options: CleaningOptions,
    options: CurationOptions,
) -> CurationOutcome:
    journal = Journal(out, pseudonyms.check_value)
    journal.begin()
    for folder in (IMAGES, MASKS) if any(task.mask for task in plan.items) else (IMAGES,):
        (out / folder).mkdir(exist_ok=True)
    before = dict(journal.records)
    # What cannot be divided is said before hours of work, not after.
    _split_cases(
        plan, [task.case for task in plan.items if not task.quarantine_reason], options.split
    )
    check_no_foreign_files(out, before)
    done = {
        each.record.case_id: each
        for each in _curate_in_threads(plan, out, pseudonyms, cleaning_options, journal, options)
    }
    records = {task.case.case_id: done[task.case.case_id].record for task in plan.items}
    withdrawn = remove_stale(out, records)
    cases = manifest.curated_cases(plan, records, options.boxes_drawn_on)
    made = _split_cases(plan, cases, options.split)
    homes = {c.case_id: part for part, own in made.parts.items() for c in own.cases} if made else {}
    if not made and all(case.split for case in cases):
        homes = {case.case_id: str(case.split) for case in cases}
    tables = manifest.render_tables(plan, cases, records, homes)
    digests = {name: sha256_hex(content) for name, content in tables.items()}
    tables["card.json"] = manifest.render_card(
        plan,
        cases,
        records,
        made,
        pseudonyms=pseudonyms,
        cleaning_options=cleaning_options,
        digests=digests,
    )
    for name, content in tables.items():
        write_if_changed(out / name, content)
    for file in out.glob("boxes*.json"):  # of a run that divided otherwise
        if file.name not in tables:
            file.unlink()
    journal.finish(records)
    if options.key_file:
        write_key_file(Path(options.key_file).expanduser(), plan)
    return CurationOutcome(
        cases=len(cases),
        quarantined=len(records) - len(cases),
        written=sum(each.written and before.get(n) != each.record for n, each in done.items()),
        rewritten=sum(each.written and before.get(n) == each.record for n, each in done.items()),
        removed=withdrawn,
        warnings=collect_warnings(records.values()),
        split=made.name if made else None,
        unused=plan.unused,
        notes=plan.dataset.notes,
    )


def _curate_in_threads(
    plan: CurationPlan,
    out: Path,
    pseudonyms: Pseudonyms,
    cleaning_options: CleaningOptions,
    journal: Journal,
    options: CurationOptions,
) -> Iterator[CurationStep]:
    def curate_batch(tasks: Sequence[CurationItem]) -> list[CurationStep]:
        before = journal.records
        return [
            curate_case(each, out, pseudonyms, cleaning_options, before.get(each.case.case_id))
            for each in tasks
        ]

    # Threads rather than processes: OpenCV and hashlib let others run meanwhile. Several cases at
    # a time, since handing over one by one costs as much as a small image.
    starts = range(0, len(plan.items), CASES_PER_BATCH)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # ours are as many as there are processors
    pool = ThreadPoolExecutor(options.workers or _cpu_count())
    try:
        futures = [
            pool.submit(curate_batch, plan.items[start : start + CASES_PER_BATCH])
            for start in starts
        ]
        for future in track(as_completed(futures), "Curating", len(futures)):
            done = future.result()
            journal.add(each.record for each in done)
            yield from done
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(threads)


def _split_cases(
    plan: CurationPlan, cases: Sequence[Case], policy: SplitPolicy | None
) -> DatasetSplit | None:
    if policy is None or not plan.dataset.classes:
        return None
    return split(replace(plan.dataset, cases=tuple(cases)), policy)


def _check_options(source: Path, out: Path, options: CurationOptions) -> None:
    if not 1 <= options.quality <= 100:
        raise ConfigError(
            f"quality={options.quality} is no quality of JPEG.", fix="use 1 to 100, such as 95"
        )
    if options.workers is not None and options.workers < 1:
        raise ConfigError(f"workers={options.workers} can do nothing.", fix="use 1 or more")
    check_boxes_drawn_on(options.boxes_drawn_on)
    if options.ocr:
        check_extra("ocr", "rapidocr_onnxruntime")
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise ConfigError(
            f"{out} lies in {source}, or the other way round: results would become sources.",
            fix="name a folder beside the source",
        )
    if options.key_file and there in Path(options.key_file).expanduser().resolve().parents:
        raise ConfigError(
            "The list of the original names would lie among the curated files.",
            fix="name a file outside of the result in key_file, or null for none",
        )


def _cpu_count() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

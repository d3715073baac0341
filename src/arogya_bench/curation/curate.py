"""From a folder of images as somebody has them to one that may be given away."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2

from arogya_bench.curation import manifest
from arogya_bench.curation.box_orientation import check_drawn_on
from arogya_bench.curation.case_files import IMAGES, MASKS, Done, Recipe, curated
from arogya_bench.curation.journal import Journal, digest, held, publish
from arogya_bench.curation.key_file import write_originals
from arogya_bench.curation.layouts import Description
from arogya_bench.curation.notices import Notice, notices
from arogya_bench.curation.plan import Plan, Task, planned
from arogya_bench.curation.removal import refuse_foreign, withdraw
from arogya_bench.curation.sources import source_of
from arogya_bench.datasets.splits import Split, SplitPolicy, split
from arogya_bench.deidentification.pseudonyms import Pseudonyms, pseudonyms
from arogya_bench.errors import ConfigError, require_extra
from arogya_bench.runtime.console import watched
from arogya_bench.types import Case

AT_ONCE = 16  # cases that one thread takes


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to curate.

    Attributes:
        licence: Of the images and labels; it goes with them.
        layout: What the source is; None to look what is there.
        dataset: Options of the reader of that layout, such as ``group`` or ``manifest``.
        keep: Columns of metadata that identify nobody; all others are dropped.
        secret_file: A file of mode 600 with the secret; by default the variable AROGYA_SECRET.
        originals: A file outside of the result that tells which case was which, of mode 600; None
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
    originals: str | None = None
    boxes_drawn_on: str | None = None
    quality: int = 95
    text_check: bool = True
    ocr: bool = False
    split: SplitPolicy | None = field(default_factory=SplitPolicy)
    workers: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run came to.

    Attributes:
        cases: How many were written, now or earlier.
        quarantined: How many were not, and are listed in ``quarantine.csv``.
        written: How many were written by this run, without those that were mended.
        mended: How many files had been changed or deleted since, and were written again.
        withdrawn: How many files of cases that the source no longer has were deleted.
        notices: What a person should look at.
        split: Name of the split; None if the cases were not divided.
        unused: How many files of the source became no case, by kind.
        notes: What the reader of the source has to say; may name files, so only for its owner.
    """

    cases: int
    quarantined: int
    written: int
    mended: int
    withdrawn: int
    notices: tuple[Notice, ...]
    split: str | None
    unused: Mapping[str, int]
    notes: tuple[str, ...]


def curate(source: Path, out: Path, *, options: Options) -> Outcome:
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
    _check(source, out, options)
    names = pseudonyms(options.secret_file)
    description = Description(
        licence=options.licence,
        layout=options.layout,
        dataset=options.dataset,
        boxes_drawn_on=options.boxes_drawn_on,
    )
    recipe = Recipe(
        quality=options.quality,
        drawn_on=options.boxes_drawn_on,
        text_check=options.text_check,
        ocr=options.ocr,
    )
    with warnings.catch_warnings():
        # Damage is told by what can be decoded; what Pillow mutters about tags may quote them.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        plan = planned(source_of(source, description), names, options.keep)
        with held(out):
            return _curated(plan, out, names, recipe, options)


def _curated(plan: Plan, out: Path, names: Pseudonyms, recipe: Recipe, options: Options) -> Outcome:
    journal = Journal(out, names.check)
    journal.begin()
    for folder in (IMAGES, MASKS) if any(task.mask for task in plan.tasks) else (IMAGES,):
        (out / folder).mkdir(exist_ok=True)
    before = dict(journal.records)
    # What cannot be divided is said before hours of work, not after.
    _divided(plan, [task.case for task in plan.tasks if not task.refused], options.split)
    refuse_foreign(out, before)
    done = {each.record.case_id: each for each in _work(plan, out, names, recipe, journal, options)}
    records = {task.case.case_id: done[task.case.case_id].record for task in plan.tasks}
    withdrawn = withdraw(out, records)
    cases = manifest.curated_cases(plan, records, options.boxes_drawn_on)
    made = _divided(plan, cases, options.split)
    homes = {c.case_id: part for part, own in made.parts.items() for c in own.cases} if made else {}
    if not made and all(case.split for case in cases):
        homes = {case.case_id: str(case.split) for case in cases}
    tables = manifest.tables(plan, cases, records, homes)
    digests = {name: digest(content) for name, content in tables.items()}
    tables["card.json"] = manifest.card(
        plan, cases, records, made, names=names, recipe=recipe, digests=digests
    )
    for name, content in tables.items():
        publish(out / name, content)
    for file in out.glob("boxes*.json"):  # of a run that divided otherwise
        if file.name not in tables:
            file.unlink()
    journal.finish(records)
    if options.originals:
        write_originals(Path(options.originals).expanduser(), plan)
    return Outcome(
        cases=len(cases),
        quarantined=len(records) - len(cases),
        written=sum(each.written and before.get(n) != each.record for n, each in done.items()),
        mended=sum(each.written and before.get(n) == each.record for n, each in done.items()),
        withdrawn=withdrawn,
        notices=notices(records.values()),
        split=made.name if made else None,
        unused=plan.unused,
        notes=plan.dataset.notes,
    )


def _work(
    plan: Plan, out: Path, names: Pseudonyms, recipe: Recipe, journal: Journal, options: Options
) -> Iterator[Done]:
    def some(tasks: Sequence[Task]) -> list[Done]:
        before = journal.records
        return [curated(each, out, names, recipe, before.get(each.case.case_id)) for each in tasks]

    # Threads rather than processes: OpenCV and hashlib let others run meanwhile. Several cases at
    # a time, since handing over one by one costs as much as a small image.
    starts = range(0, len(plan.tasks), AT_ONCE)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # ours are as many as there are processors
    pool = ThreadPoolExecutor(options.workers or _processors())
    try:
        futures = [pool.submit(some, plan.tasks[start : start + AT_ONCE]) for start in starts]
        for future in watched(as_completed(futures), "Curating", len(futures)):
            done = future.result()
            journal.add(each.record for each in done)
            yield from done
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(threads)


def _divided(plan: Plan, cases: Sequence[Case], policy: SplitPolicy | None) -> Split | None:
    if policy is None or not plan.dataset.classes:
        return None
    return split(replace(plan.dataset, cases=tuple(cases)), policy)


def _check(source: Path, out: Path, options: Options) -> None:
    if not 1 <= options.quality <= 100:
        raise ConfigError(
            f"quality={options.quality} is no quality of JPEG.", fix="use 1 to 100, such as 95"
        )
    if options.workers is not None and options.workers < 1:
        raise ConfigError(f"workers={options.workers} can do nothing.", fix="use 1 or more")
    check_drawn_on(options.boxes_drawn_on)
    if options.ocr:
        require_extra("ocr", "rapidocr_onnxruntime")
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise ConfigError(
            f"{out} lies in {source}, or the other way round: results would become sources.",
            fix="name a folder beside the source",
        )
    if options.originals and there in Path(options.originals).expanduser().resolve().parents:
        raise ConfigError(
            "The list of the original names would lie among the curated files.",
            fix="name a file outside of the result in originals, or null for none",
        )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

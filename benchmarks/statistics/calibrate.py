"""Simulate the size of every test and the coverage of every interval, and write both as tables.

Run as ``python -m benchmarks.statistics.calibrate --out docs/calibration.md``.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from textwrap import fill

from threadpoolctl import threadpool_limits

from benchmarks.statistics.checks import CHECKS, Check
from benchmarks.statistics.simulation import ICC, PREVALENCE, SHARED_VARIANCE, SIGNAL
from benchmarks.statistics.trials import RESAMPLES, SimulatedStudy

STUDIES_PER_SETTING = {  # for methods that resample: an hour of two cores in all
    (50, False): 3_000,
    (200, False): 3_000,
    (1000, False): 4_000,
    (50, True): 3_000,
    (200, True): 3_000,
    (1000, True): 2_000,
}
QUICK_STUDIES = 10_000
SEED = 2026
MAX_SIZE, MIN_SIZE = 0.06, 0.03
COVERAGE_RANGE = (0.93, 0.97)
MIN_GROUPS_FOR_COVERAGE = 200  # groups; with fewer, coverage is shown without being checked
NO_ANSWER = "\u2013"
LINE_WIDTH = 120  # of the page, tables apart
BATCH_SIZE = 50  # studies per call of a worker


@dataclass(frozen=True, kw_only=True)
class StudySetting:
    """Number of patients in each study, and whether patients have several cases."""

    groups: int
    clustered: bool


@dataclass(frozen=True, kw_only=True)
class ErrorRate:
    """How often a method erred in a setting.

    Attributes:
        answers: Studies in which the method gave a result.
        errors: Studies in which that result was wrong.
        studies: All studies.
    """

    answers: int
    errors: int
    studies: int

    @property
    def error_share(self) -> float | None:
        """Errors per answer; None without answers."""
        return self.errors / self.answers if self.answers else None


CalibrationTable = dict[tuple[str, StudySetting], ErrorRate]


def calibrate(
    settings: Sequence[StudySetting], *, studies: int, quick_studies: int, workers: int = 1, seed: int = SEED
) -> CalibrationTable:
    """Count how often every method errs; the counts do not depend on the number of workers.

    Args:
        settings: Kinds of studies to simulate.
        studies: Number of studies per setting for methods that resample.
        quick_studies: Number for all other methods, at least ``studies``.
        workers: Number of processes.
        seed: Seed of all studies.
    """
    table: CalibrationTable = {}
    for setting in settings:
        counts: Counter[tuple[str, str]] = Counter()
        jobs = [
            (setting, first, min(first + BATCH_SIZE, quick_studies), studies, seed)
            for first in range(0, quick_studies, BATCH_SIZE)
        ]
        for batch in _map_batches(jobs, workers):
            counts.update(batch)
        for check in CHECKS:
            if check.supports_clusters or not setting.clustered:
                table[check.name, setting] = ErrorRate(
                    answers=counts[check.name, "answers"],
                    errors=counts[check.name, "errors"],
                    studies=studies if check.needs_resamples else quick_studies,
                )
    return table


def _map_batches(
    jobs: Sequence[tuple[StudySetting, int, int, int, int]], workers: int
) -> Iterator[Counter[tuple[str, str]]]:
    if workers == 1:
        yield from map(_run_batch, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_run_batch, jobs)


def _run_batch(job: tuple[StudySetting, int, int, int, int]) -> Counter[tuple[str, str]]:
    setting, first, last, studies, seed = job
    counts: Counter[tuple[str, str]] = Counter()
    with threadpool_limits(limits=1):
        for number in range(first, last):
            key = (seed, setting.groups, int(setting.clustered), number)
            study = SimulatedStudy(seed=key, groups=setting.groups, clustered=setting.clustered)
            for check in _applicable_checks(setting, with_resampling=number < studies):
                wrong = check.is_wrong(study)
                counts[check.name, "answers"] += wrong is not None
                counts[check.name, "errors"] += bool(wrong)
    return counts


def _applicable_checks(setting: StudySetting, *, with_resampling: bool) -> Iterator[Check]:
    for check in CHECKS:
        if (with_resampling or not check.needs_resamples) and (check.supports_clusters or not setting.clustered):
            yield check


def violations(table: CalibrationTable) -> list[str]:
    """Methods outside the nominal range: sizes above 6 %, coverage outside 93 to 97 %."""
    texts = []
    for (name, setting), rate in table.items():
        kind = next(check.kind for check in CHECKS if check.name == name)
        share = rate.error_share
        if share is None:
            continue
        within_range = (
            share <= MAX_SIZE
            if kind == "size"
            else setting.groups < MIN_GROUPS_FOR_COVERAGE
            or COVERAGE_RANGE[0] <= round(1 - share, 6) <= COVERAGE_RANGE[1]
        )
        if not within_range:
            where = f"{setting.groups} patients{', several cases each' * setting.clustered}"
            shown = share if kind == "size" else 1 - share
            texts.append(f"{name}, {where}: {100 * shown:.1f} %")
    return texts


def render_markdown(table: CalibrationTable) -> str:
    """Render the tables and how they were simulated as a page."""
    settings = sorted({setting for _, setting in table}, key=lambda setting: (setting.clustered, setting.groups))
    violated = fill(f"**Violations**: {'; '.join(violations(table)) or 'none'}.", LINE_WIDTH)
    blocks = ["# Calibration of the statistics", fill(_render_intro(table), LINE_WIDTH), violated]
    for kind, title in (("size", "Size of tests"), ("coverage", "Coverage of intervals")):
        rows = "\n".join(_render_rows(kind, table, settings))
        blocks += [f"## {title}", fill(SECTION_INTROS[kind], LINE_WIDTH), rows]
    return "\n\n".join(blocks) + "\n"


SECTION_INTROS = {
    "size": "Share of studies in which a true hypothesis was rejected at the nominal level of 5 %, in "
    "per cent. Above 6 is a violation. Below 3 (*) a test is conservative, as discrete tests are "
    "on few cases.",
    "coverage": "Share of intervals with a nominal level of 95 % that contain the true value, in per "
    "cent. From 200 patients on, values outside 93 to 97 are violations; values for 50 patients "
    "are shown only.",
}


def _render_intro(table: CalibrationTable) -> str:
    resampled, quick = _study_counts(table, resampled=True), _study_counts(table, resampled=False)
    fewest = min(resampled)
    standard_error = 100 * sqrt(0.05 * 0.95 / fewest)
    return (
        "Simulation study, written by `make calibrate`; do not edit. Studies have two classes; a "
        f"score has signal {SIGNAL} between the classes and noise of variance 1, of which "
        f"{SHARED_VARIANCE:.0%} is common to all models; {PREVALENCE:.0%} of the patients are "
        "positive. In clustered studies a patient has 1 to 7 cases, 4 on average, whose noise has "
        f"an intraclass correlation of {ICC}; columns give the number of patients. Methods that "
        f"resample were run on {_join_numbers(resampled)} studies per setting, with {RESAMPLES} "
        "resamples of patients, stratified by class; all others on "
        f"{_join_numbers(quick)}. The standard error of a size of 5 % is {standard_error:.2f} "
        f"percentage points with {fewest:,} studies. Seed {SEED}. `loss` is the squared error of "
        "the probability, averaged within a patient. A dash: the method assumes one case per "
        "patient."
    )


def _study_counts(table: CalibrationTable, *, resampled: bool) -> list[int]:
    names = {check.name for check in CHECKS if check.needs_resamples == resampled}
    return sorted({rate.studies for (name, _), rate in table.items() if name in names})


def _join_numbers(numbers: Sequence[int]) -> str:
    *first, last = (f"{number:,}" for number in numbers)
    return f"{', '.join(first)} or {last}" if first else last


def _render_rows(kind: str, table: CalibrationTable, settings: Sequence[StudySetting]) -> Iterator[str]:
    heads = [f"{setting.groups}{' clustered' * setting.clustered}" for setting in settings]
    yield "| method | " + " | ".join(heads) + " | note |"
    yield "|---" * (len(heads) + 2) + "|"
    for check in CHECKS:
        if check.kind == kind:
            cells = [_render_cell(check, table.get((check.name, setting))) for setting in settings]
            yield f"| {check.name} | " + " | ".join(cells) + f" | {check.note} |"


def _render_cell(check: Check, rate: ErrorRate | None) -> str:
    if rate is None or rate.error_share is None:
        return NO_ANSWER
    shown = rate.error_share if check.kind == "size" else 1 - rate.error_share
    conservative = check.kind == "size" and rate.error_share < MIN_SIZE
    unanswered = 1 - rate.answers / rate.studies
    text = f"{100 * shown:.1f}{'*' * conservative}"
    return text if unanswered < 0.001 else f"{text} ({unanswered:.1%} without result)"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; return 1 if there is a violation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument(
        "--studies", type=int, help="studies per setting, instead of the thousands of the published page"
    )
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args(argv)
    table: CalibrationTable = {}
    for (groups, clustered), studies in STUDIES_PER_SETTING.items():
        table |= calibrate(
            [StudySetting(groups=groups, clustered=clustered)],
            studies=arguments.studies or studies,
            quick_studies=arguments.studies or QUICK_STUDIES,
            workers=arguments.workers,
        )
        arguments.out.write_text(render_markdown(table), encoding="utf-8")
    return 1 if violations(table) else 0


if __name__ == "__main__":
    raise SystemExit(main())

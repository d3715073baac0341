"""Do tests keep their level, and intervals their word? Simulated, and written as a table.

Run as ``python -m arogya_bench.statistics.calibrate --out docs/calibration.md``.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import sqrt
from multiprocessing import get_context
from pathlib import Path

from threadpoolctl import threadpool_limits

from arogya_bench.statistics.checks import CALIBRATION_CHECKS, CalibrationCheck
from arogya_bench.statistics.simulation import ICC, PREVALENCE, SHARED_VARIANCE, SIGNAL
from arogya_bench.statistics.trials import RESAMPLES, SimulatedStudy

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
MIN_GROUPS_FOR_COVERAGE = 200  # groups; below, the coverage of an interval is shown and not judged
NO_ANSWER = "\u2013"
BATCH_SIZE = 50  # studies that a worker makes at a time


@dataclass(frozen=True, kw_only=True)
class StudySetting:
    """How many patients the studies have, and whether these have several cases."""

    groups: int
    clustered: bool


@dataclass(frozen=True, kw_only=True)
class ErrorRate:
    """How often a method erred in a setting.

    Attributes:
        answers: Studies in which the method gave an answer.
        errors: Those of them in which it was wrong.
        studies: All of them.
    """

    answers: int
    errors: int
    studies: int

    @property
    def error_share(self) -> float | None:
        """Errors by answers; None without any."""
        return self.errors / self.answers if self.answers else None


CalibrationTable = dict[tuple[str, StudySetting], ErrorRate]


def calibrate(
    settings: Sequence[StudySetting],
    *,
    studies: int,
    quick_studies: int,
    workers: int = 1,
    seed: int = SEED,
) -> CalibrationTable:
    """Count how often every check errs; the same numbers for any number of workers.

    Args:
        settings: Which studies to invent.
        studies: Their number in each setting, for methods that resample.
        quick_studies: The same for all other methods, at least ``studies``.
        workers: Processes.
        seed: Of everything.
    """
    table: CalibrationTable = {}
    for setting in settings:
        counted: Counter[tuple[str, str]] = Counter()
        jobs = [
            (setting, first, min(first + BATCH_SIZE, quick_studies), studies, seed)
            for first in range(0, quick_studies, BATCH_SIZE)
        ]
        for part in _map_batches(jobs, workers):
            counted.update(part)
        for check in CALIBRATION_CHECKS:
            if check.supports_clusters or not setting.clustered:
                table[check.name, setting] = ErrorRate(
                    answers=counted[check.name, "answers"],
                    errors=counted[check.name, "errors"],
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
    counted: Counter[tuple[str, str]] = Counter()
    with threadpool_limits(limits=1):
        for number in range(first, last):
            key = (seed, setting.groups, int(setting.clustered), number)
            trial = SimulatedStudy(seed=key, groups=setting.groups, clustered=setting.clustered)
            for check in _applicable_checks(setting, with_resampling=number < studies):
                wrong = check.is_wrong(trial)
                counted[check.name, "answers"] += wrong is not None
                counted[check.name, "errors"] += bool(wrong)
    return counted


def _applicable_checks(
    setting: StudySetting, *, with_resampling: bool
) -> Iterator[CalibrationCheck]:
    for check in CALIBRATION_CHECKS:
        if (with_resampling or not check.needs_resamples) and (
            check.supports_clusters or not setting.clustered
        ):
            yield check


def violations(table: CalibrationTable) -> list[str]:
    """The promises that a table breaks: sizes above 6 %, coverage outside 93 to 97 %."""
    broken = []
    for (name, setting), rate in table.items():
        kind = next(check.kind for check in CALIBRATION_CHECKS if check.name == name)
        share = rate.error_share
        if share is None:
            continue
        good = (
            share <= MAX_SIZE
            if kind == "size"
            else setting.groups < MIN_GROUPS_FOR_COVERAGE
            or COVERAGE_RANGE[0] <= round(1 - share, 6) <= COVERAGE_RANGE[1]
        )
        if not good:
            where = f"{setting.groups} patients{', several cases each' * setting.clustered}"
            shown = share if kind == "size" else 1 - share
            broken.append(f"{name}, {where}: {100 * shown:.1f} %")
    return broken


def render_markdown(table: CalibrationTable) -> str:
    """Write a table down, with how it was made."""
    settings = sorted(
        {setting for _, setting in table}, key=lambda each: (each.clustered, each.groups)
    )
    broken = violations(table)
    verdict = "; ".join(broken) if broken else "none"
    blocks = [_render_intro(table), f"**Promises broken**: {verdict}."]
    for kind, title in (("size", "Size of tests"), ("coverage", "Coverage of intervals")):
        rows = "\n".join(_render_rows(kind, table, settings))
        blocks.append(f"## {title}\n{SECTION_INTROS[kind]}\n{rows}")
    return "\n\n".join(blocks) + "\n"


SECTION_INTROS = {
    "size": "Share of studies in which a true hypothesis was rejected at 5 %, in per cent. "
    "Promise: never above 6. Below 3 (*) a test is cautious, as discreteness makes it on few "
    "cases.\n",
    "coverage": "Share of 95 % intervals that hold the truth, in per cent. Promise: 93 to 97 "
    "from 200 patients on. On 50 the numbers are shown and promise nothing.\n",
}


def _render_intro(table: CalibrationTable) -> str:
    most = {
        resampled: sorted(
            {
                rate.studies
                for (name, _), rate in table.items()
                if any(
                    c.name == name and c.needs_resamples == resampled for c in CALIBRATION_CHECKS
                )
            }
        )
        for resampled in (True, False)
    }
    few = min(most[True])
    noise = 100 * sqrt(0.05 * 0.95 / few)
    return (
        "# Calibration of the statistics\n"
        "Made by `make calibrate`; do not edit. Invented studies of two classes: a score has "
        f"signal {SIGNAL} between the classes and noise of variance 1, of which {SHARED_VARIANCE:.0%} is "
        f"common to all models; {PREVALENCE:.0%} of the patients are positive. With clusters a "
        "patient has 1 to 7 cases, 4 on average, whose noise has an intraclass correlation of "
        f"{ICC}; n counts patients. Each method that resamples saw {_join_numbers(most[True])} studies "
        f"a setting, with {RESAMPLES} resamples of patients, stratified by class; every other saw "
        f"{_join_numbers(most[False])}. A size of 5 % is known to ± {noise:.2f} (one standard error of "
        f"{few:,} studies). Seed {SEED}. `loss` is the squared error of the probability, averaged "
        "within a patient. A dash: the method assumes one case per patient."
    )


def _join_numbers(numbers: Sequence[int]) -> str:
    return " or ".join(f"{each:,}" for each in numbers)


def _render_rows(
    kind: str, table: CalibrationTable, settings: Sequence[StudySetting]
) -> Iterator[str]:
    heads = [f"{each.groups}{' clustered' * each.clustered}" for each in settings]
    yield "| method | " + " | ".join(heads) + " | note |"
    yield "|---" * (len(heads) + 2) + "|"
    for check in CALIBRATION_CHECKS:
        if check.kind == kind:
            cells = [_render_cell(check, table.get((check.name, each))) for each in settings]
            yield f"| {check.name} | " + " | ".join(cells) + f" | {check.note} |"


def _render_cell(check: CalibrationCheck, rate: ErrorRate | None) -> str:
    if rate is None or rate.error_share is None:
        return NO_ANSWER
    shown = rate.error_share if check.kind == "size" else 1 - rate.error_share
    cautious = check.kind == "size" and rate.error_share < MIN_SIZE
    silent = 1 - rate.answers / rate.studies
    text = f"{100 * shown:.1f}{'*' * cautious}"
    return text if silent < 0.001 else f"{text} ({silent:.1%} without answer)"


def main(argv: Sequence[str] | None = None) -> int:
    """Make the table; exit with 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--studies", type=int, help="in every setting, instead of thousands")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args(argv)
    table: CalibrationTable = {}
    for (groups, clustered), studies in STUDIES_PER_SETTING.items():
        table |= calibrate(
            [StudySetting(groups=groups, clustered=clustered)],
            studies=asked.studies or studies,
            quick_studies=asked.studies or QUICK_STUDIES,
            workers=asked.workers,
        )
        asked.out.write_text(render_markdown(table), encoding="utf-8")
    return 1 if violations(table) else 0


if __name__ == "__main__":
    raise SystemExit(main())

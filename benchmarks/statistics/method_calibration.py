"""Simulate the size of every test and the coverage of every interval."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from threadpoolctl import threadpool_limits

from arogya_bench.runtime.digests import digest_of
from benchmarks.statistics.checks import CHECKS, Check
from benchmarks.statistics.stored_results import StoredResults, code_digest
from benchmarks.statistics.trials import SimulatedStudy

STUDIES_PER_SETTING = {  # for methods that resample
    (50, False): 3_000,
    (200, False): 3_000,
    (1000, False): 4_000,
    (50, True): 3_000,
    (200, True): 3_000,
    (1000, True): 2_000,
}
QUICK_STUDIES = 10_000
SEED = 2026
MAX_SIZE = 0.06
COVERAGE_RANGE = (0.93, 0.97)
MIN_GROUPS_FOR_COVERAGE = 200  # groups; with fewer, coverage is shown without being checked
BATCH_SIZE = 50  # studies per call of a worker
MODULES = ("checks", "method_calibration", "methods", "simulation", "trials")


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


def calibrate_methods(
    *, studies: int | None = None, workers: int = 1, stored: StoredResults, only: str = ""
) -> Iterator[CalibrationTable]:
    """Yield the table of one setting after the other.

    Args:
        studies: Number of studies per setting, instead of the thousands of the published page.
        workers: Number of processes.
        stored: Where finished settings are kept, and read instead of simulated again.
        only: Part of the names of the settings to run.
    """
    for (groups, clustered), resampled in STUDIES_PER_SETTING.items():
        setting = StudySetting(groups=groups, clustered=clustered)
        name = f"methods: {groups} patients{', clustered' * clustered}"
        if only not in name:
            continue
        counts = {"studies": studies or resampled, "quick_studies": studies or QUICK_STUDIES}
        digest = digest_of({"name": name, **counts, "code": code_digest(MODULES)})
        rates = stored.get(name, digest)
        if rates is None:
            table = calibrate([setting], **counts, workers=workers)
            rates = {check: vars(rate) for (check, _), rate in table.items()}
            stored.put(name, digest, rates)
        yield {(check, setting): ErrorRate(**rate) for check, rate in rates.items()}


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

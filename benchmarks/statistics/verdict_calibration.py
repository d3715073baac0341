"""Simulate whole studies with a planted truth, ask the product for its verdict, and count how often it errs."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import reduce
from multiprocessing import get_context
from operator import add
from time import process_time
from typing import TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from arogya_bench.runtime.digests import digest_of
from benchmarks.statistics.stored_results import StoredResults, code_digest
from benchmarks.statistics.verdict_measures import MEASURES, Count, Truth
from benchmarks.statistics.verdict_product import judge_study
from benchmarks.statistics.verdict_results import SettingResult, unmet_goals
from benchmarks.statistics.verdict_settings import Setting, with_difference
from benchmarks.statistics.verdict_studies import draw_study, true_value

STUDIES, RESAMPLES = 2_000, 2_000
PILOT_STUDIES, PILOT_ROUNDS = 200, 2  # behind the mean detectable difference
BATCH_SIZE = 25  # studies per call of a worker
SEED = 2026
MODULES = ("simulation", "verdict_calibration", "verdict_measures", "verdict_product", "verdict_studies")


@dataclass(frozen=True, kw_only=True)
class StudyBatch:
    """Studies of a setting, from ``first`` to ``last`` - 1; each has a seed of its own.

    Attributes:
        stream: 0 for the studies that count, above it for pilot studies.
    """

    setting: Setting
    truth: Truth
    resamples: int
    first: int
    last: int
    stream: int


RunBatches: TypeAlias = Callable[[Iterable[StudyBatch]], Iterable[SettingResult]]


def calibrate_verdict(
    settings: Sequence[Setting],
    *,
    studies: int = STUDIES,
    resamples: int = RESAMPLES,
    workers: int = 1,
    stored: StoredResults | None = None,
) -> Iterator[tuple[Setting, SettingResult]]:
    """Simulate the settings one after the other; the counts do not depend on the number of workers.

    Args:
        settings: Kinds of studies to simulate.
        studies: Number of studies per setting.
        resamples: Number of bootstrap resamples per study, where a setting needs any.
        workers: Number of processes.
        stored: Where finished settings are kept, and read instead of simulated again.
    """
    with _batch_runner(workers) as run:
        for setting in settings:
            facts = {"setting": asdict(setting), "studies": studies, "resamples": resamples}
            digest = digest_of({**facts, "code": code_digest(MODULES)})
            known = stored.get(setting.name_in_full, digest) if stored else None
            if known is not None:
                yield setting, SettingResult.from_json(known)
                continue
            result = simulate(setting, studies=studies, resamples=resamples, run=run)
            if stored:
                stored.put(setting.name_in_full, digest, result.to_json())
            yield setting, result


def simulate(setting: Setting, *, studies: int, resamples: int, run: RunBatches) -> SettingResult:
    """Run all studies of one setting."""
    if not setting.plants_detectable:
        return _run_studies(setting, studies, resamples, run)
    planted = 0.0
    for stream in range(1, PILOT_ROUNDS + 1):
        # What is printed depends on how often the rows disagree, and so on the difference that was planted.
        pilot = _run_studies(_plant(setting, planted), PILOT_STUDIES, resamples, run, stream=stream)
        if pilot.mean_printed is None:
            return replace(pilot, counts=dict.fromkeys(MEASURES, Count(0, 0)))
        planted = pilot.mean_printed
    result = _run_studies(_plant(setting, planted), studies, resamples, run)
    return replace(result, planted=planted)


def planted_truth(setting: Setting) -> Truth:
    """The true metric of every row."""
    design = setting.design
    values = {row.name: true_value(design, row, setting.metric) for row in design.rows}
    return Truth(best=setting.best, values=values)


def run_batch(batch: StudyBatch) -> SettingResult:
    """Draw and judge each study of a batch."""
    with threadpool_limits(limits=1):
        return reduce(add, (_run_study(batch, number) for number in range(batch.first, batch.last)))


def study_rng(setting: Setting, number: int, stream: int = 0) -> np.random.Generator:
    """The source of randomness of one study, whatever else is simulated."""
    return np.random.default_rng([SEED, zlib.crc32(setting.name_in_full.encode()), stream, number])


def violations(results: Iterable[tuple[Setting, SettingResult]]) -> list[str]:
    """All goals that are missed."""
    return [text for setting, result in results for text in unmet_goals(setting, result)]


def _run_study(batch: StudyBatch, number: int) -> SettingResult:
    setting, started = batch.setting, process_time()
    rng = study_rng(setting, number, batch.stream)
    study = draw_study(setting.design, rng)
    seed = f"{rng.integers(2**63):016x}"
    resamples = batch.resamples if setting.needs_resamples else None
    verdict = judge_study(study, metric=setting.metric, resamples=resamples, seed=seed)
    printed = verdict.detectable_difference
    return SettingResult(
        studies=1,
        resamples=batch.resamples,
        counts={name: measure(verdict, batch.truth) for name, measure in MEASURES.items()},
        leaders={verdict.leader or "": 1},
        seconds=process_time() - started,
        printed=int(printed is not None),
        printed_sum=printed or 0.0,
    )


def _run_studies(setting: Setting, studies: int, resamples: int, run: RunBatches, *, stream: int = 0) -> SettingResult:
    truth = planted_truth(setting)
    batches = [
        StudyBatch(
            setting=setting,
            truth=truth,
            resamples=resamples,
            first=first,
            last=min(first + BATCH_SIZE, studies),
            stream=stream,
        )
        for first in range(0, studies, BATCH_SIZE)
    ]
    return reduce(add, run(batches))


def _plant(setting: Setting, difference: float) -> Setting:
    return replace(setting, design=with_difference(setting.design, difference))


@contextmanager
def _batch_runner(workers: int) -> Iterator[RunBatches]:
    """Run batches in this process, or in several, which are started once for all settings."""
    if workers == 1:
        yield lambda batches: map(run_batch, batches)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield lambda batches: pool.map(run_batch, batches)

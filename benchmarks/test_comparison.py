"""Comparing stored evaluations, against reading them; and many cases, against one table after the other.

Goals: 98 evaluations of 600 cases within 4 times the reading, 20 rows x 14 conditions x 1,000 cases within 60 s, and
200,000 cases x 10 rows x 2,000 resamples within 180 s and 4 GiB. Store, rows and conditions are made up; the runs hold
what evaluations log.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from arogya_bench.analysis.judgement import judge_rows
from arogya_bench.analysis.scored_rows import EvaluatedRow, score_rows, shared_cases
from arogya_bench.augmentations.conditions import AugmentationSpec, expand_conditions
from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.selection import Selection
from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.evaluation.job import Job, prepare
from arogya_bench.evaluation.run_items import cell_tags, job_params
from arogya_bench.models.prior import Prior
from arogya_bench.scoring.label_table import predictions_to_table
from arogya_bench.scoring.scores import Resampling, compute_scores, resample
from arogya_bench.tracking import tags
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.items import Params, ParquetTable, Scalars, Tags
from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, finish_run, search_runs, start_run, write_items
from arogya_bench.tracking.store import open_store
from arogya_bench.types import Case, Dataset, Predictions, Training

FUNCTIONS = "arogya_bench.augmentations.photometric"
METRICS = ["accuracy", "f1_macro", "auroc_macro_ovr", "ece"]
MANY_CASES, MANY_ROWS = 200_000, 10


def noise(case):
    return np.random.default_rng(int(case.case_id[1:])).integers(256, size=(8, 8, 3), dtype=np.uint8)


class Roster:
    """A dataset of ids: predictions are made up, and no image is read."""

    def __init__(self, patients):
        self.patients = patients

    def load(self):
        cases = [Case(case_id=f"c{i:05}", group_id=f"p{i:05}", target=i % 3, metadata={}) for i in range(self.patients)]
        return Dataset(
            name="roster", task="classification", classes=("a", "b", "c"), cases=tuple(cases), grouped=False,
            digest="0" * 32, licence="CC0-1.0", source="made up", version="1",
            read=noise,
        )  # fmt: skip


def planned_job(name, patients, severities):
    specs = {
        "clean": AugmentationSpec(function=f"{FUNCTIONS}.clean"),
        "gaussian_noise": AugmentationSpec(function=f"{FUNCTIONS}.gaussian_noise", severities=severities),
    }
    return prepare(
        Job(
            model_name=name, model=Prior(), source=Roster(patients), training_name="standard", training=Training(),
            conditions=expand_conditions(specs), split=SplitPolicy(train=0.2, validation=0.2, test=0.6), seed=1,
            device="cpu", limit=None, batch_size=8, resamples=10_000, resume=True, tracking_uri=None,
            experiment="study", threads=1, config={"model": {"name": name}},
        )
    )  # fmt: skip


def made_up(cases, seed, skill):
    odds = np.exp(np.random.default_rng(seed).normal(size=(len(cases), 3)) + skill * np.eye(3)[cases.targets])
    return Predictions(
        classes=cases.classes,
        case_ids=tuple(case.case_id for case in cases.cases),
        group_ids=tuple(case.group_id for case in cases.cases),
        targets=cases.targets,
        probabilities=odds / odds.sum(axis=1, keepdims=True),
    )


def build_store(folder, *, rows, conditions, patients, resamples=10_000):
    store = open_store(f"sqlite:///{folder / 'mlflow.db'}", "study", create=True)
    for row in range(rows):
        planned = planned_job(f"m{row}", patients, [0.01 * (i + 1) for i in range(conditions - 1)])
        for number, condition in enumerate(planned.job.conditions):
            predictions = made_up(planned.split.test, [row, number], 1.5 + 0.05 * row - 0.05 * number)
            scores = compute_scores(predictions, resamples=resamples, seed=planned.split.digest)
            run_id = start_run(store, planned.job.row_name, cell_tags(planned, condition))
            items = [
                Params(values=job_params(planned)),
                Scalars(values=scores.scalars()),
                Tags(values={tags.RESAMPLING_DIGEST: " ".join(scores.resampling_digests)}),
                ParquetTable(file="predictions.parquet", rows=predictions_to_table(predictions)),
            ]
            write_items(store, run_id, items)
            finish_run(store, run_id)
    return store


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build_store(tmp_path_factory.mktemp("small"), rows=7, conditions=14, patients=1000)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    return build_store(tmp_path_factory.mktemp("sweep"), rows=20, conditions=14, patients=1667)


def fetch(store):
    for run in search_runs(store, FINISHED_EVALUATIONS):
        with fetch_artifact(run, "predictions.parquet", uri=store.uri) as path:
            pd.read_parquet(path)


@pytest.mark.benchmark(group="98 evaluations of 600 cases")
def test_fetching(benchmark, small):
    benchmark.pedantic(fetch, (small,), rounds=5, warmup_rounds=1)


def compare(store):
    return ComparisonTables.from_store(store, selection=Selection(), metric="f1_macro")


@pytest.mark.benchmark(group="98 evaluations of 600 cases")
def test_comparing(benchmark, small):
    benchmark.pedantic(compare, (small,), rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group="280 evaluations of 1,000 cases")
def test_comparing_a_sweep(benchmark, sweep):
    benchmark.pedantic(compare, (sweep,), rounds=1)


@pytest.fixture(scope="module")
def many_cases():
    rng = np.random.default_rng(0)
    targets = rng.integers(2, size=MANY_CASES)
    ids = tuple(f"c{i:06}" for i in range(MANY_CASES))
    rows = []
    for row in range(MANY_ROWS):
        positive = 1 / (1 + np.exp(-rng.normal(size=MANY_CASES) - (1.0 + 0.02 * row) * (2 * targets - 1)))
        table = Predictions(
            classes=("a", "b"), case_ids=ids, group_ids=ids, targets=targets,
            probabilities=np.column_stack([1 - positive, positive]),
        )  # fmt: skip
        rows.append(EvaluatedRow(name=f"m{row}", predictions=(table,), seeds=("1",)))
    return rows


def judge_many(rows):
    predictions = rows[0].predictions[0]
    resampling = Resampling(predictions=predictions, resamples=2000, seed="1")
    scored = score_rows(rows, shared_cases(rows).task, METRICS, resampling)
    for row in scored:
        for metric in row.metrics:
            row.mean_over_seeds(metric).interval()
    return judge_rows(rows, metric="f1_macro", resamples=None, seed="1")


def resample_one(rows):
    predictions = rows[0].predictions[0]
    task = shared_cases(rows[:1]).task
    resample(task, predictions, METRICS, Resampling(predictions=predictions, resamples=2000, seed="1"))


@pytest.mark.benchmark(group="200,000 cases, 4 metrics, 2,000 resamples")
def test_ten_rows_and_45_pairs(benchmark, many_cases):
    benchmark.pedantic(judge_many, (many_cases,), rounds=1)
    benchmark.extra_info["peak_mib"] = peak_mib()


@pytest.mark.benchmark(group="200,000 cases, 4 metrics, 2,000 resamples")
def test_one_row(benchmark, many_cases):
    benchmark.pedantic(resample_one, (many_cases,), rounds=1)


def peak_mib():
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if sys.platform == "linux" else []
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), None)

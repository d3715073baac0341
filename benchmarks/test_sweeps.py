"""What a sweep costs beside its work: a job, a cell, a resumed study, and what a pool saves.

Goals: 0.5 s a job and 0.3 s a cell on SQLite with ``basic``; 15 s to resume 1,008 finished cells
in 56 jobs, start of the program included; ``pool`` on 2 cores 1.7 times as fast as ``basic`` for
cells of a second of pure Python.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arogya_bench.configuration.compose import RunRequest, compose_sweep
from arogya_bench.evaluation.inference import predict
from arogya_bench.evaluation.run_items import cell_tags, job_params
from arogya_bench.scoring import scores
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.scoring.label_table import predictions_to_table
from arogya_bench.sweeps.plan import prepare_all
from arogya_bench.sweeps.sweep import run_sweep
from arogya_bench.tracking.items import Params, ParquetTable, Scalars
from arogya_bench.tracking.runs import finish_run, search_runs, start_run, write_items
from arogya_bench.tracking.store import open_store
from arogya_bench.types import Predictions

TINY = (
    "dataset=synthetic",
    "dataset.cases=60",
    "dataset.classes=3",
    "dataset.image_size=32",
    "tracking.experiment=study",
)
NOISE = "augmentation=gaussian_noise"
BURNING = """
import time
from dataclasses import dataclass
from arogya_bench.models.prior import Prior


@dataclass(frozen=True, kw_only=True)
class Burning(Prior):
    adapter_name = "test_burning"
    adapter_version = 1

    def load(self, weights, *, classes, device):
        predictor = super().load(weights, classes=classes, device=device)

        def predict(images):
            end = time.process_time() + 1.0
            while time.process_time() < end:
                sum(range(1000))
            return predictor(images)

        return predict
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AROGYA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def asked(*words):
    return RunRequest(overrides=(*TINY, *words), multirun=True)


def severities(count):
    values = ",".join(f"{0.01 * (i + 1):.2f}" for i in range(count))
    return f"augmentation.gaussian_noise.severities=[{values}]"


def timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def work_itself(planned):
    """Seconds of a fit and of a cell without Hydra, MLflow and the rest."""
    job, parts = planned.job, planned.split
    out = Path("fit")
    out.mkdir()
    fit = timed(
        lambda: job.model.fit(parts.train, parts.validation, training=job.training, seed=1, device="cpu", out=out)
    )
    model = job.model.load(out, classes=parts.test.classes, device="cpu")
    condition = job.conditions[0]

    def cell():
        predictions = predict(model, parts.test, condition, task=CLASSIFICATION, batch_size=job.batch_size)
        scores.compute_scores(predictions, resamples=job.resamples, seed=parts.digest)

    cell()
    return fit, timed(cell)


def test_what_a_job_and_a_cell_cost(benchmark, folder):
    """Six jobs of one cell, and six of eleven: the difference is what cells cost."""
    run_sweep(asked("model=prior", NOISE, severities(1), "seed=0"))  # imports, store, cache
    (planned,) = prepare_all(_jobs("model=prior", NOISE, severities(1), "seed=0"))
    fit, cell = work_itself(planned)
    seeds, more = "seed=1,2,3,4,5,6", "seed=11,12,13,14,15,16"

    few = timed(lambda: run_sweep(asked("model=prior", NOISE, severities(1), seeds)))
    many = benchmark.pedantic(
        lambda: timed(lambda: run_sweep(asked("model=prior", NOISE, severities(11), more))), rounds=1
    )

    per_cell = (many - few) / 60 - cell
    per_job = few / 6 - per_cell - cell - fit
    print(f"\na job {per_job:.2f} s (goal 0.5), a cell {per_cell:.2f} s (goal 0.3)")
    print(f"the work itself: a fit {fit:.3f} s, a cell {cell:.3f} s")


def _jobs(*words):
    with compose_sweep(asked(*words)) as sweep:
        return sweep.jobs


MODELS = "model=prior,opencv,cnn,pytorch,resnet50,efficientnet_lite0,keras"
STUDY = (MODELS, "seed=1,2,3,4,5,6,7,8", NOISE, severities(18))


def finished_study():
    """A store that holds all cells of the study, with 60 numbers and a table each."""
    store = open_store(None, "study", create=True)
    with compose_sweep(asked(*STUDY)) as sweep:
        jobs = prepare_all(sweep.jobs)
    numbers = Scalars(values={f"metric_{i}": i / 60 for i in range(60)})
    for planned in jobs:
        model = planned.split.test
        rows = model.targets[:, None] == range(len(model.classes))
        table = ParquetTable(
            file="predictions.parquet",
            rows=predictions_to_table(
                Predictions(
                    classes=model.classes,
                    case_ids=tuple(case.case_id for case in model.cases),
                    group_ids=tuple(case.group_id for case in model.cases),
                    targets=model.targets,
                    probabilities=rows.astype(float),
                )
            ),
        )
        for condition in planned.job.conditions:
            run_id = start_run(store, "cell", cell_tags(planned, condition))
            write_items(store, run_id, [numbers, Params(values=job_params(planned)), table])
            finish_run(store, run_id)


def test_resuming_a_finished_study(benchmark, folder):
    finished_study()
    command = [sys.executable, "-m", "arogya_bench.cli.main", "run", "-m", *TINY, *STUDY]

    def resume():
        return subprocess.run(command, check=True, capture_output=True, text=True).stderr

    said = benchmark.pedantic(resume, rounds=1)

    assert "56 jobs" in said
    assert "0 cells to evaluate, 1008 already in MLflow." in said
    print(f"\nresuming 1,008 cells in 56 jobs: {benchmark.stats['median']:.1f} s (goal 15)")


def test_a_pool_against_one_process(benchmark, folder):
    """8 jobs of 14 cells, a second of pure Python each; whole commands, start included."""
    (folder / "burning.py").write_text(BURNING, encoding="utf-8")
    (folder / "options" / "model").mkdir(parents=True)
    (folder / "options" / "model" / "burning.yaml").write_text("_target_: burning.Burning\n")
    words = ("model=burning", "augmentation=all", "statistics.resamples=2000")
    seconds = {}

    def run(launcher, first):
        seeds = ",".join(str(first + i) for i in range(8))
        command = [
            *(sys.executable, "-m", "arogya_bench.cli.main", "run", "-m", *TINY, *words),
            *(f"seed={seeds}", f"hydra/launcher={launcher}", "--config-dir", "options"),
        ]
        own = {"PYTHONPATH": str(folder), "AROGYA_WORKERS": "2", "AROGYA_THREADS": "1"}
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **own})

    seconds["basic"] = timed(lambda: run("basic", 100))
    seconds["pool"] = benchmark.pedantic(lambda: timed(lambda: run("pool", 200)), rounds=1)
    working = {"basic": at_work(range(100, 108)), "pool": at_work(range(200, 208))}
    for name, took in (("whole commands", seconds), ("first cell to last", working)):
        basic, pool = took["basic"], took["pool"]
        print(f"\n{name}: basic {basic:.0f} s, pool {pool:.0f} s: {basic / pool:.2f}x (goal 1.7)")


def at_work(seeds):
    """Seconds from the start of the first cell to the end of the last."""
    store = open_store(None, "study", create=False)
    runs = search_runs(store, "tags.`arogya.kind` = 'evaluation'")
    mine = [run for run in runs if int(run.params["seed"]) in seeds]
    assert len(mine) == 8 * 14
    return (max(run.end_time for run in mine) - min(run.start_time for run in mine)) / 1000

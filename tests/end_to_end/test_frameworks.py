"""TensorFlow, PyTorch and Ultralytics in one process, in one sweep, with one number of threads."""

import os
import subprocess
import sys

import pytest

from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.store import open_store

pytestmark = pytest.mark.slow

ROWS = "pytorch,keras,yolov8_cls,opencv,prior"


def test_frameworks_share_a_process_and_its_threads(tmp_path, shared):
    words = [
        *("run", "-m", f"model={ROWS}", "dataset=synthetic", "dataset.cases=60"),
        *("dataset.classes=3", "dataset.image_size=32", "image_size=32", "training=quick"),
        *("training.epochs=1", "threads=1", "statistics.resamples=2000"),
        "tracking.experiment=frameworks",
    ]

    done = subprocess.run(
        [sys.executable, "-m", "arogya_bench.cli.main", *words],
        cwd=tmp_path,
        env={**os.environ, "AROGYA_CACHE": str(shared / "cache")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "5 cells evaluated, 0 reused, 0 failed" in done.stderr
    store = open_store(f"sqlite:///{tmp_path}/mlflow.db", "frameworks", create=False)
    runs = search_runs(store, "tags.`arogya.kind` = 'evaluation'")
    assert {run.tags["arogya.model"] for run in runs} == set(ROWS.split(","))
    assert {run.params["threads"] for run in runs} == {"1"}
    noise = [line for line in done.stderr.splitlines() if "tensorflow" in line.lower()]
    assert not noise
    left = {path.name.partition("-")[0] for path in tmp_path.iterdir()}  # with SQLite's own files
    assert left == {"mlflow.db", "mlruns"}

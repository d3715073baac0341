"""Writing one evaluation to SQLite MLflow: ours, ours with figures, and MLflow call by call.

The goal is 0.5 s for 60 metrics and 10,000 cases on two quiet cores, 1.5 s with figures.
"""

import mlflow
import numpy as np
import pytest

from arogya_bench.figures.evaluation import render_label_figures
from arogya_bench.scoring.label_table import predictions_to_preview, predictions_to_table
from arogya_bench.tracking.items import Params, ParquetTable, Scalars, TableView, Tags, Text
from arogya_bench.tracking.runs import finish_run, start_run, write_items
from arogya_bench.tracking.store import open_store
from arogya_bench.types import Predictions

CASES, CLASSES = 10_000, 7
METRICS = {f"metric_{i}": i / 60 for i in range(60)}
PARAMS = {f"param_{i}": i for i in range(20)}
TAGS = {f"arogya.tag_{i}": str(i) for i in range(20)}


@pytest.fixture(scope="module")
def predictions():
    rng = np.random.default_rng(0)
    return Predictions(
        classes=tuple(f"class_{i}" for i in range(CLASSES)),
        case_ids=tuple(f"case-{i:05d}" for i in range(CASES)),
        group_ids=tuple(f"patient-{i // 2:05d}" for i in range(CASES)),
        targets=rng.integers(CLASSES, size=CASES),
        probabilities=rng.dirichlet(np.ones(CLASSES), size=CASES),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    place = tmp_path_factory.mktemp("store") / "mlflow.db"
    return open_store(f"sqlite:///{place}", "benchmark", create=True)


def write(store, predictions, *, drawn):
    run_id = start_run(store, "evaluation", TAGS)
    items = [
        Params(values=PARAMS),
        Scalars(values=METRICS),
        Tags(values={"arogya.undefined_metrics": "{}"}),
        ParquetTable(file="predictions.parquet", rows=predictions_to_table(predictions)),
        TableView(file="predictions.json", rows=predictions_to_preview(predictions)),
    ]
    if drawn:
        items += [Text(file=f"{name}.svg", text=svg) for name, svg in render_label_figures(predictions).items()]
    write_items(store, run_id, items)
    finish_run(store, run_id)


def call_by_call(store, predictions):
    mlflow.set_tracking_uri(store.uri)
    with mlflow.start_run(experiment_id=store.experiment_id):
        for key, value in TAGS.items():
            mlflow.set_tag(key, value)
        for key, value in PARAMS.items():
            mlflow.log_param(key, value)
        for key, value in METRICS.items():
            mlflow.log_metric(key, value)
        mlflow.log_table(predictions_to_table(predictions), "predictions.json")


@pytest.mark.benchmark(group="write one evaluation, 60 metrics, 10,000 cases")
def test_ours(benchmark, store, predictions):
    benchmark.pedantic(write, (store, predictions), {"drawn": False}, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="write one evaluation, 60 metrics, 10,000 cases")
def test_ours_with_figures(benchmark, store, predictions):
    benchmark.pedantic(write, (store, predictions), {"drawn": True}, rounds=5, warmup_rounds=1)


# MLflow 3.17's log_table asks pandas 3 for object columns; may go when it names strings itself.
@pytest.mark.filterwarnings("ignore:For backward compatibility, 'str' dtypes")
@pytest.mark.benchmark(group="write one evaluation, 60 metrics, 10,000 cases")
def test_mlflow_call_by_call(benchmark, store, predictions):
    benchmark.pedantic(call_by_call, (store, predictions), rounds=3, warmup_rounds=1)

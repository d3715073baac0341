"""Importing 100,000 predictions: ours without and with intervals, beside pandas and scikit-learn on the same file.

The goals are 5 s without intervals and 90 s with 10,000 resamples, on two quiet cores.
"""

from itertools import count

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from arogya_bench.importing.rows import ImportRequest
from arogya_bench.importing.runs import log_cells
from arogya_bench.importing.table_files import read_table
from arogya_bench.importing.table_import import plan_table
from arogya_bench.tracking.store import open_store

CASES = 100_000
GROUP = "import 100,000 predictions of two classes, 50,000 patients"
names = (f"model-{number}" for number in count())  # the same predictions are imported once


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, CASES)
    positive = 1 / (1 + np.exp(-(rng.normal(size=CASES) + 2 * label - 1)))
    path = tmp_path_factory.mktemp("file") / "predictions.csv"
    columns = {
        "case_id": [f"case-{number:06d}" for number in range(CASES)],
        "patient": [f"patient-{number // 2:05d}" for number in range(CASES)],
        "label": np.where(label == 1, "malignant", "benign"),
        "age": rng.integers(20, 90, CASES),
        "p_benign": 1 - positive,
        "p_malignant": positive,
    }
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}", "benchmark", create=True)


def import_file(store, path, resamples):
    table = read_table(path, file_format="csv")
    request = ImportRequest(model=next(names))
    log_cells(plan_table(table, request, dataset="clinic", split=None, resamples=resamples), store)


def read_and_score(path):
    table = pd.read_csv(path)
    positive = table["p_malignant"]
    truth = table["label"] == "malignant"
    return f1_score(truth, positive >= 0.5), roc_auc_score(truth, positive), log_loss(truth, positive)


@pytest.mark.benchmark(group=GROUP)
def test_ours_without_intervals(benchmark, store, file):
    benchmark.pedantic(import_file, (store, file, 0), rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group=GROUP)
def test_ours_with_intervals(benchmark, store, file):
    benchmark.pedantic(import_file, (store, file, 10_000), rounds=1)


@pytest.mark.benchmark(group=GROUP)
def test_pandas_and_three_metrics_of_scikit_learn(benchmark, file):
    benchmark.pedantic(read_and_score, (file,), rounds=3, warmup_rounds=1)

"""Reading many evaluations: the logged values of 10,000 runs, beside fetching these runs with MLflow alone.

The goal is 1.3 times the time of fetching, on SQLite and on PostgreSQL.
"""

import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, insert, select

from arogya_bench.comparison.logged_values import logged_values
from arogya_bench.comparison.selection import Selection
from arogya_bench.runtime.gc_pause import gc_paused
from arogya_bench.tracking.items import Params, Scalars, Tags
from arogya_bench.tracking.postgres import run_postgres
from arogya_bench.tracking.runs import PAGE_SIZE, finish_run, start_run, write_items
from arogya_bench.tracking.store import open_store

RUNS, CHUNK = 10_000, 500
TAGS = {"arogya.kind": "evaluation", "arogya.dataset": "d", "arogya.dataset_digest": "0" * 32, "arogya.task":
        "classification", "arogya.split": "official", "arogya.split_digest": "0" * 32, "arogya.condition": "clean",
        "arogya.seed": "42", "arogya.model": "m", **{f"arogya.fact_{i}": "x" * 40 for i in range(20)}}  # fmt: skip
PARAMS = {f"model.param_{i}": i for i in range(18)}
METRICS = {f"metric_{i}{bound}": i / 60 for i in range(17) for bound in ("", ".ci_low", ".ci_high")}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request, tmp_path_factory):
    with ExitStack() as stack:
        if request.param == "postgresql":
            folder = stack.enter_context(tempfile.TemporaryDirectory())  # the path of a socket must be short
            uri = stack.enter_context(run_postgres(Path(folder)))
        else:
            uri = f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"
        store = open_store(uri, "benchmark", create=True)
        copy_run(uri, log_run(store), RUNS - 1)
        yield store


def log_run(store):
    run_id = start_run(store, "m", {**TAGS, "arogya.model_config_digest": "0"})
    write_items(store, run_id, [Params(values=PARAMS), Scalars(values=METRICS), Tags(values={})])
    finish_run(store, run_id)
    return run_id


def copy_run(uri, run_id, copies):
    """Copy the rows of a run in the database, with a model digest of their own: logging takes minutes."""
    engine, metadata = create_engine(uri), MetaData()
    names = ("runs", "tags", "params", "latest_metrics")
    metadata.reflect(engine, only=names)
    with engine.begin() as connection:
        rows = {}
        for name in names:
            table = metadata.tables[name]
            found = connection.execute(select(table).where(table.c.run_uuid == run_id)).mappings()
            rows[name] = [dict(row) for row in found]
        for start in range(0, copies, CHUNK):
            ids = [uuid.uuid4().hex for _ in range(start, min(start + CHUNK, copies))]
            for name in names:
                copied = [{**row, "run_uuid": copy} for copy in ids for row in rows[name]]
                for row in copied if name == "tags" else ():
                    if row["key"] == "arogya.model_config_digest":
                        row["value"] = row["run_uuid"]
                connection.execute(insert(metadata.tables[name]), copied)
    engine.dispose()


def fetch(store):
    """What any client pays: every page of the runs."""
    token, runs = None, []
    while True:
        page = store.client.search_runs(
            [store.experiment_id],
            "attributes.status = 'FINISHED' and tags.`arogya.kind` = 'evaluation'",
            max_results=PAGE_SIZE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        runs += page
        token = page.token
        if not token:
            return runs


def test_logged_values_of_many_runs(store, benchmark):
    with gc_paused():  # as ours: collecting garbage takes most of the time of fetching otherwise
        started = time.perf_counter()
        assert len(fetch(store)) == RUNS
        fetching = time.perf_counter() - started

    table = benchmark.pedantic(logged_values, (store, Selection()), rounds=2)

    assert table.shape == (RUNS, 14 + len(METRICS))
    benchmark.extra_info["fetching_s"] = round(fetching, 2)
    benchmark.extra_info["times_fetching"] = round(benchmark.stats.stats.min / fetching, 2)

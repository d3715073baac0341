"""Evaluations are selected by experiments, sweep, filter and run ids."""

from collections import Counter

import pytest

from arogya_bench import compare
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.selection import Selection
from arogya_bench.errors import ConfigError, TrackingError
from arogya_bench.tracking.runs import get_run
from arogya_bench.tracking.store import open_store


def models(store, **selection):
    loaded = load_evaluations(store, selection=Selection(**selection), resamples=2000)
    return sorted(name for block in loaded.blocks for name in block.row_names.values())


def test_runs_are_selected_by_their_ids(logged, store):
    first, _ = logged("a"), logged("b")

    assert models(store, run_ids=(first,)) == ["a"]
    assert models(store, run_ids=(first,), where="tags.`arogya.model` = 'a'") == ["a"]


def test_a_run_id_of_no_evaluation_is_named(logged, store):
    logged("a")

    with pytest.raises(TrackingError, match="'gone'") as refusal:
        models(store, run_ids=("gone",))

    assert "mlflow ui" in refusal.value.fix


def test_the_evaluations_of_one_sweep_are_selected(logged, store):
    logged("a", tags={"mlflow.parentRunId": "1"})
    logged("b", tags={"mlflow.parentRunId": "2"})

    assert models(store, sweep="1") == ["a"]


def test_a_sweep_without_evaluations_is_named(logged, store):
    logged("a")

    with pytest.raises(TrackingError, match="no finished evaluation of the sweep other") as refusal:
        models(store, sweep="other")

    assert "correct what selects evaluations, or leave it out" in str(refusal.value)


def test_an_id_cannot_leave_its_quotes(logged, store):
    logged("a")

    with pytest.raises(TrackingError, match="no finished evaluation"):
        models(store, sweep="1' or tags.`arogya.kind` = 'evaluation")


def test_an_unknown_choice_of_variants_is_refused():
    with pytest.raises(ConfigError, match="'best'"):
        Selection(variants="best")


def test_experiments_of_one_store_are_compared_as_one(logged, store):
    other = open_store(store.uri, "other", create=True)
    copy_to(logged("b"), store, other)
    logged("a")

    both = compare(["study", "other"], tracking_uri=store.uri)
    alone = compare("other", tracking_uri=store.uri)

    assert sorted(both.leaderboard["model"]) == ["a", "b"]
    assert both.about["experiment"] == "study, other"
    assert list(alone.leaderboard["model"]) == ["b"]


def copy_to(run_id, store, other):
    """Move a run to another experiment, as MLflow itself cannot."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(store.uri.removeprefix("sqlite:///"))) as database:
        database.execute("UPDATE runs SET experiment_id = ? WHERE run_uuid = ?", (other.experiment_id, run_id))
        database.commit()
    assert get_run(store.uri, run_id).experiment_id == other.experiment_id


def test_requests_do_not_grow_with_the_number_of_rows(logged, store, monkeypatch):
    logged("a")
    logged("b")
    few = count_requests(store, monkeypatch)
    for name in "cdef":
        logged(name, skill=0.5)

    many = count_requests(store, monkeypatch)

    assert few == many
    assert 0 < sum(few.values()) <= 10


def count_requests(store, monkeypatch):
    """Count the calls of MLflow's own store below its client, which on a server are one request each."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    counts = Counter()
    with monkeypatch.context() as patch:
        for name in ("search_runs", "_search_runs", "get_run", "get_experiment_by_name", "get_logged_model"):
            patch.setattr(SqlAlchemyStore, name, counted(getattr(SqlAlchemyStore, name), name, counts))
        compare("study", tracking_uri=store.uri)
    return counts


def counted(method, name, counts):
    def call(*arguments, **named):
        counts[name] += 1
        return method(*arguments, **named)

    return call

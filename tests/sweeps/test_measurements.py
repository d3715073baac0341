"""Measurements of a sweep: last, alone, found again, and never at the cost of other results."""

import json
import threading
import time
from dataclasses import replace

import pandas as pd
import pytest
from real_sweeps import ended as end_of
from real_sweeps import family, wait_until

from arogya_bench.evaluation.job import prepare
from arogya_bench.measurement.protocol import MeasurementProtocol
from arogya_bench.models.opencv import OpenCVClassifier
from arogya_bench.runtime.locks import machine_lock
from arogya_bench.sweeps.measurements import measurement_key, plan_measurements
from arogya_bench.tracking import tags
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import search_runs
from arogya_bench.tracking.store import open_store

SHORT = (
    "measure=quick",
    "measure.rounds=2",
    "measure.seconds=0.2",
    "measure.min_requests=11",
    "measure.batches=[8]",
    "measure.batch_seconds=0.1",
    "measure.pyfunc_seconds=0.1",
    "measure.warm_up_seconds=0.1",
    "measure.idle_seconds=0.01",
)
PROTOCOL = MeasurementProtocol(rounds=2)


def of_kind(store, kind):
    return [run for run in search_runs(store, "") if run.tags.get(tags.KIND) == kind]


def first_sweep(store):
    return of_kind(store, "sweep")[0].run_id


@pytest.fixture(scope="module")
def measured(command_in, tiny, tmp_path_factory):
    """A sweep of two models and two seeds with measurements, in a new store; for reading only."""
    folder = tmp_path_factory.mktemp("measured")
    words = (word for word in tiny if not word.startswith("model="))
    ended = command_in(folder, "run", "-m", *words, "model=prior,opencv", "seed=1,2", *SHORT)
    return folder, ended, open_store(f"sqlite:///{folder}/mlflow.db", "study", create=False)


def test_every_row_is_measured_once_whatever_its_seeds(measured):
    _, ended, store = measured

    runs = [run for run in of_kind(store, "measurement") if run.tags["mlflow.parentRunId"] == first_sweep(store)]

    assert ended.code == 0, ended.err
    assert sorted((run.tags[tags.MODEL], run.tags[tags.SEED], run.status) for run in runs) == [
        ("opencv", "1", "FINISHED"),
        ("prior", "1", "FINISHED"),
    ]
    assert "2 models to measure" in ended.err
    assert "2 models measured." in ended.err
    assert "viewStateShareKey=arogya-speed" in ended.err


def test_measurements_start_after_all_evaluations(measured):
    _, _, store = measured

    evaluated = max(run.end_time for run in of_kind(store, "evaluation"))

    assert all(run.start_time >= evaluated for run in of_kind(store, "measurement"))


def test_a_run_holds_machine_grade_spans_and_raw_samples(measured):
    _, _, store = measured
    (run,) = [run for run in of_kind(store, "measurement") if run.tags[tags.MODEL] == "opencv"]

    with fetch_artifact(run, "latencies.parquet", uri=store.uri) as path:
        latencies = pd.read_parquet(path)
    with fetch_artifact(run, "measurement.json", uri=store.uri) as path:
        details = json.loads(path.read_text())

    assert list(latencies.columns) == ["scenario", "round", "case_id", "span", "ms"]
    assert {"single_stream", "pyfunc"} <= set(latencies.scenario)
    assert run.tags[tags.GRADE] in "ABCD"
    assert run.tags[tags.MEASURE] == "quick"
    assert "cores" in run.tags[tags.MACHINE]
    assert run.metrics["latency_p50_ms"] >= run.metrics["forward_p50_ms"] > 0
    assert run.metrics["throughput_b8_img_s"] > 0
    assert details["batches"][1]["batch"] == 8
    assert details["allocator"]["name"]
    assert run.params["measure"] == "quick"
    assert {"throughput_b1_img_s", "ram_peak_mb"} <= set(run.metrics)  # columns of the view "speed"
    fit = next(fit for fit in of_kind(store, "fit") if fit.run_id == run.tags[tags.FIT_RUN_ID])
    assert fit.tags[tags.FIT_KEY] == run.tags[tags.FIT_KEY]


def test_the_same_command_measures_nothing_again(measured, command_in, tiny):
    folder, _, store = measured
    words = (word for word in tiny if not word.startswith("model="))
    before = len(of_kind(store, "measurement"))

    ended = command_in(folder, "measure", "-m", *words, "model=prior,opencv", "seed=1,2", *SHORT)

    assert ended.code == 0
    assert "0 models to measure; 2 measured before." in ended.err
    assert "cells" not in ended.err
    assert len(of_kind(store, "measurement")) == before


def test_a_dry_run_says_what_is_to_be_measured(measured, command_in, tiny):
    folder, _, _ = measured
    words = [word for word in tiny if not word.startswith("model=")]

    ended = command_in(folder, "run", "-m", "--dry-run", *words, "model=prior,opencv,opencv_soft", "seed=1", *SHORT)

    assert ended.code == 0
    assert "Measurements: 1 model to measure in at least 0 s, alone; 2 measured before." in ended.out


def test_models_that_were_not_fitted_are_not_measured(measured, command_in, tiny):
    folder, _, _ = measured

    ended = command_in(folder, "measure", *tiny, "seed=3", *SHORT)

    assert ended.code == 2
    assert "no finished fit with these settings of: prior on synthetic-60x3" in ended.err
    assert "Fix: run the same settings" in ended.err


def test_measure_needs_something_to_measure(measured, command_in, tiny):
    folder, _, _ = measured

    ended = command_in(folder, "measure", *tiny, "seed=1", "measure=none")

    assert ended.code == 2
    assert "measure=none measures nothing" in ended.err


def test_machines_of_a_cluster_are_not_measured_from_afar(command, tiny):
    ended = command("run", "-m", *tiny, "hydra/launcher=slurm", "measure=quick")

    assert ended.code == 2
    assert "measures the machine of this command" in ended.err


def test_a_model_that_fails_is_a_failed_run_and_the_others_stand(command, tiny, options, tmp_path):
    words = (word for word in tiny if not word.startswith("model="))

    ended = command("run", "-m", *words, "model=prior,collapsing", "--config-dir", str(options), *SHORT)

    store = open_store(f"sqlite:///{tmp_path}/mlflow.db", "study", create=False)
    runs = {run.tags[tags.MODEL]: run for run in of_kind(store, "measurement")}
    assert ended.code == 3
    assert runs["prior"].status == "FINISHED"
    assert runs["collapsing"].status == "FAILED"
    assert runs["collapsing"].tags[tags.ERROR] == "ValueError"
    assert "collapsed" in runs["collapsing"].tags[tags.ERROR_MESSAGE]
    assert "in forward" in runs["collapsing"].tags[tags.TRACEBACK]
    assert [run.status for run in of_kind(store, "evaluation")] == ["FINISHED"] * 2


def test_measurements_that_do_not_fit_in_the_budget_are_not_started(measured, command_in, tiny):
    folder, _, store = measured
    words = [*(word for word in tiny if not word.startswith("model=")), "model=prior", "seed=1", "sweep.resume=false"]
    price = ("+prices.machines.box={cpus: 1, memory_gb: 1, per_hour: 3.6e9}", "prices.machine=box", "sweep.budget=10")

    ended = command_in(folder, "measure", *words, *SHORT, *price)

    newest = of_kind(store, "measurement")[-1]
    assert ended.code == 3
    assert (newest.status, newest.tags[tags.ERROR]) == ("FAILED", "BudgetExceeded")
    assert "The work was not started" in newest.tags[tags.ERROR_MESSAGE]
    assert "Cost: " in ended.err


def test_a_row_stands_for_its_seeds_but_not_for_other_data_or_threads(job_of, roster):
    def planned(**fields):
        return prepare(job_of(**{"measure": PROTOCOL, **fields}), check=False)

    jobs = [planned(seed=1), planned(seed=2), planned(source=roster()), planned(threads=2)]

    assert [each.planned.job.seed for each in plan_measurements(jobs)] == [1, 42, 42]
    assert len(plan_measurements([jobs[0], planned(seed=1, measure=MeasurementProtocol(rounds=3))])) == 2
    assert plan_measurements([planned(), prepare(job_of(), check=False)])[0].planned.job.measure is PROTOCOL


def test_a_key_depends_on_what_decides_the_numbers(job_of, monkeypatch):
    from arogya_bench.runtime.hardware import read_hardware
    from arogya_bench.sweeps import measurements

    planned = prepare(job_of(), check=False)
    other_model = prepare(job_of(model=OpenCVClassifier(image_size=32)), check=False)
    key = measurement_key(planned, PROTOCOL)

    keys = {
        measurement_key(other_model, PROTOCOL),
        measurement_key(planned, replace(PROTOCOL, batches=[8])),
        measurement_key(replace(planned, job=replace(planned.job, threads=2)), PROTOCOL),
        measurement_key(replace(planned, job=replace(planned.job, device="cuda")), PROTOCOL),
    }
    assert measurement_key(planned, replace(PROTOCOL, step_timeout=1.0)) == key  # a limit changes no number
    machine = replace(read_hardware(), cores=64)
    monkeypatch.setattr(measurements, "read_hardware", lambda: machine)

    assert key not in keys
    assert len(keys) == 4
    assert measurement_key(planned, PROTOCOL) not in {key, *keys}


@pytest.mark.slow
def test_a_measurement_waits_until_other_jobs_of_the_machine_have_ended(measured, command_in, tiny):
    folder, _, store = measured
    words = [*(word for word in tiny if not word.startswith("model=")), "model=prior", "seed=2", *SHORT]
    locked, released = threading.Event(), []

    def work():
        with machine_lock(exclusive=False):
            locked.set()
            time.sleep(1.5)
            released.append(1000 * time.time())

    working = threading.Thread(target=work)
    working.start()
    locked.wait(10)
    ended = command_in(folder, "measure", *words)
    working.join()

    newest = of_kind(store, "measurement")[-1]
    assert ended.code == 0
    assert "Waiting until this machine is idle" in ended.err
    assert newest.start_time >= released[0] - 5


@pytest.mark.slow
def test_a_sweep_that_is_killed_while_it_measures_leaves_no_process_and_resumes(at_work, tmp_path):
    sweep = at_work(*SHORT, "measure.seconds=600", "measure.max_seconds=600", model="prior,opencv")
    wait_until(lambda: len(measuring(sweep)) == 2, sweep)
    workers = measuring(sweep)

    sweep.kill()
    sweep.wait()

    wait_until(lambda: not any(worker.is_running() for worker in workers))
    again = at_work(*SHORT, model="prior,opencv")
    code, err = end_of(again)
    statuses = sorted(
        run.status
        for run in of_kind(open_store(f"sqlite:///{tmp_path}/mlflow.db", "study", create=False), "measurement")
    )
    assert code == 0, err
    assert statuses == ["FINISHED", "FINISHED", "KILLED", "KILLED"]


def measuring(sweep):
    """The workers of a sweep, which are started by spawn."""
    return [child for child in family(sweep.pid) if "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.slow
def test_the_memory_of_a_model_does_not_depend_on_the_models_beside_it(command, tiny, tmp_path):
    """Keras loads hundreds of megabytes, none of which are in the process of the baseline."""
    pytest.importorskip("keras")
    words = [*(word for word in tiny if not word.startswith("model=")), *SHORT, "training.epochs=1", "image_size=32"]

    together = command("run", "-m", *words, "model=keras,prior", "seed=1")
    alone = command("run", "-m", *words, "model=prior", "seed=2")

    store = open_store(f"sqlite:///{tmp_path}/mlflow.db", "study", create=False)
    peaks = {
        (run.tags[tags.MODEL], run.tags[tags.SEED]): run.metrics["ram_peak_mb"] for run in of_kind(store, "measurement")
    }
    assert (together.code, alone.code) == (0, 0)
    assert peaks["keras", "1"] > peaks["prior", "1"] + 200
    assert peaks["prior", "1"] <= peaks["prior", "2"] + 20

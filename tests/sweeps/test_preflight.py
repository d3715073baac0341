"""What a worker says of the store and the data, before the first cell."""

import socket
from dataclasses import replace

import pytest

from arogya_bench.evaluation.job import prepare
from arogya_bench.runtime.process import Process, current_process
from arogya_bench.sweeps.preflight import WorkerProbe
from arogya_bench.sweeps.worker import RunJob


@pytest.fixture
def probe(store, job_of, tmp_path):
    """Build a probe of a job, sent by this process."""

    def build(key=None, *, job=None, **fields):
        run_job = RunJob(
            store_uri=store.uri,
            parent="",
            owner=current_process(),
            in_child_process=False,
            timeout=None,
            folder=str(tmp_path),
        )
        probed = job or job_of()
        fit_key = key or prepare(probed).fit_key
        return WorkerProbe(run_job=replace(run_job, **fields), jobs=((probed, fit_key),))

    return build


def test_a_worker_that_reaches_everything_has_nothing_to_say(probe):
    found = probe()({})

    assert (found.host, found.problems) == (socket.gethostname(), ())


def test_a_file_is_no_store_for_several_machines(probe):
    ((problem, fix),) = probe(owner=Process(host="head", pid=1, start_time=0.0))({}).problems

    assert "several machines cannot share safely" in problem
    assert "tracking=server" in fix


def test_a_store_that_does_not_answer_is_named(probe):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}"

    ((problem, _),) = probe(store_uri=uri)({}).problems

    assert uri in problem


def test_data_that_are_not_there_are_named(probe, source, job_of):
    gone = replace(source, cases=1)

    ((problem, _),) = probe("some key", job=job_of(source=gone))({}).problems

    assert "1" in problem


def test_data_that_are_other_data_are_named(probe):
    ((problem, fix),) = probe("another key")({}).problems

    assert "differs on this machine" in problem
    assert "every machine has the same data" in fix

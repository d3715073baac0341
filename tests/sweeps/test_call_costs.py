"""What a sweep says of the API calls of its jobs when they have ended: what was really paid."""

import re

import pytest
from api_calls import MOST_USD, USD, Client, answer, good, request_of, requests_of
from chat_server import ChatServer
from tiny_api import TinyApi

from arogya_bench.api_models.calls import CallError
from arogya_bench.errors import ApiError
from arogya_bench.models.prior import Prior
from arogya_bench.runtime.process import Process, current_process
from arogya_bench.sweeps.call_costs import CallCosts, usd_of_process
from arogya_bench.sweeps.job_result import JobResult
from arogya_bench.sweeps.worker import print_result
from arogya_bench.tracking.tags import ERROR_MESSAGE

INPUT_USD, OUTPUT_USD = 0.3e-3, 2.5e-3  # of a token; a thousand times as much as one costs, for sums above a cent
MACHINE = ("+prices.machines.box={cpus: 1, memory_gb: 1, per_hour: 0.000001}", "prices.machine=box")


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The ledger of calls of this test."""
    monkeypatch.setenv("AROGYA_API_LEDGER", str(tmp_path / "calls.sqlite"))
    return tmp_path / "calls.sqlite"


@pytest.fixture
def served(command, tiny, tmp_path, file):
    """Run a model on a server; what it is asked there, and what the command says."""
    words = [word for word in tiny if word != "model=prior"]
    price = f"+prices.tokens.seen={{input_per_million: {INPUT_USD * 1e6}, output_per_million: {OUTPUT_USD * 1e6}}}"

    def run(server, *more):
        model = ("model=openai_compatible", "model.id=seen", "model.billed=true", f"model.base_url={server.url}")
        return command("run", "-m", *words, *model, price, *MACHINE, "dataset.external_api=allowed", *more)

    return run


def job_costs(job_of, model=None):
    return CallCosts.begin(job_of("tiny", model or TinyApi()))


def amounts_of(ended, pattern):
    """USD in the lines of a command."""
    return [float(found) for found in re.findall(pattern, ended.err, re.MULTILINE)]


def test_a_job_costs_what_its_own_calls_cost(file, job_of):
    """Three requests came before it; one of its own may have been billed."""
    answer(Client(), requests_of(3), file)
    calls = job_costs(job_of)

    behave = lambda request, n: CallError("timeout", "", may_be_billed=True) if n == 0 else good()  # noqa: E731
    answer(Client(behave), [request_of(7)], file)

    assert calls.end([], "sqlite://") == pytest.approx(float(MOST_USD + USD), abs=1e-12)


def test_a_failed_job_costs_what_it_sent(file, job_of):
    calls = job_costs(job_of)

    with pytest.raises(ApiError):
        answer(Client(lambda request, n: CallError("auth", "the key is wrong")), requests_of(3), file)

    assert calls.end([], "sqlite://") == 0


def test_local_models_and_damaged_ledgers_have_no_known_cost(file, job_of):
    calls = job_costs(job_of)
    file.write_text("an answer " * 1000, encoding="utf-8")

    assert job_costs(job_of, Prior()) is None
    assert job_costs(job_of) is None
    assert calls.end([], "sqlite://") is None


def test_a_process_that_was_killed_has_cost_what_the_ledger_says(file, job_of):
    answer(Client(), requests_of(2), file)

    assert usd_of_process(job_of("tiny", TinyApi()), current_process()) == pytest.approx(float(2 * USD))
    assert usd_of_process(job_of("tiny", TinyApi()), Process(host="other", pid=1, start_time=0.0)) == 0
    assert usd_of_process(job_of(), current_process()) is None


@pytest.mark.parametrize(("earlier", "later", "together"), [(0.5, 0.25, 0.75), (None, 0.25, None), (0.5, None, None)])
def test_a_job_that_was_tried_twice_costs_both(earlier, later, together):
    killed, ended = (JobResult(name="g", seed=1, evaluated=0, seconds=1.0, api_usd=usd) for usd in (earlier, later))

    assert ended.after(killed).api_usd == together
    assert ended.after(None).api_usd == later


def test_the_sum_stands_behind_the_problem_and_not_behind_its_fix(capsys):
    cause = {ERROR_MESSAGE: "It is [gone].\nFix: find it."}
    print_result(JobResult(name="g", seed=1, evaluated=0, seconds=1.0, cause=cause), facts=["0.05 USD so far"])

    assert capsys.readouterr().err.splitlines() == ["✗ g · seed 1 · It is [gone]. · 0.05 USD so far", "Fix: find it."]


@pytest.mark.slow
def test_a_sweep_tells_while_it_runs_what_its_calls_cost(served):
    """The second seed asks the same, which is not sent again."""
    with ChatServer() as server:
        ended = served(server, "seed=1,2")
        tokens = server.tokens

    paid = tokens.input * INPUT_USD + tokens.output * OUTPUT_USD
    assert ended.code == 0, ended.err
    assert amounts_of(ended, r"^✓.* ([\d.]+) USD so far") == [pytest.approx(paid, abs=0.006)] * 2
    assert amounts_of(ended, r"^Cost: ([\d.]+) USD") == [pytest.approx(paid, abs=0.006)]


@pytest.mark.slow
def test_a_job_that_sends_nothing_costs_nothing(served):
    with ChatServer() as server:
        ended = served(server, "budget.usd=0.001")

    assert (ended.code, len(server.requests)) == (3, 0)
    assert amounts_of(ended, r"^✗.* ([\d.]+) USD so far$") == [pytest.approx(0, abs=1e-6)]
    assert amounts_of(ended, r"^Cost: ([\d.]+) USD") == [pytest.approx(0, abs=1e-6)]

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from arogya_bench.prices.price_list import Machine, PriceList
from arogya_bench.prices.spending import JobCost, Spending
from arogya_bench.sweeps.ledger import STOP_MARGIN_S, Ledger
from arogya_bench.sweeps.sweep_costs import RemoteWork, describe_cost
from arogya_bench.sweeps.sweep_prices import SweepPrices

PRICES = PriceList(
    name="ward", source="invoice", valid_from="2026-05-01", machines={"box": Machine(cpus=2, memory_gb=8, per_hour=4)}
)


@pytest.fixture
def ledger(tmp_path):
    """Build a ledger of ten jobs whose calls cost 1 USD each."""

    def build(**fields):
        jobs = {str(number): JobCost(row="gemini", seconds=None, api_usd=1.0) for number in range(10)}
        values = {"usd_per_hour": 0.36, "started": time.time(), "jobs": jobs, "workers": 2}
        return Ledger(file=str(tmp_path / "ledger"), plan=Spending(**{**values, **fields}))

    return build


def test_workers_that_begin_at_once_do_not_pass_the_budget_together(ledger):
    kept = ledger(budget=3.5)

    with ThreadPoolExecutor(max_workers=5) as workers:
        refused = list(workers.map(kept.begin, map(str, range(10))))

    assert sum(each is None for each in refused) == 3
    assert len(kept.read().begun) == 3


def test_a_job_that_begins_again_is_paid_once(ledger):
    """A worker was lost, and its job finds its finished cells."""
    kept = ledger(budget=1.5)

    assert kept.begin("1") is None
    assert kept.begin("1") is None
    assert kept.begin("2") is not None


def test_running_jobs_end_before_the_budget_is_passed(ledger):
    """The machine costs .0001 a second: in so many seconds, 10 jobs and .01 USD are spent."""
    now = time.time()

    assert ledger(budget=0.01, started=now - 80).stop_reason() is None
    assert "The work was ended" in ledger(budget=0.01, started=now - 101 + STOP_MARGIN_S).stop_reason().problem
    assert ledger(started=now - 1e9).stop_reason() is None


def test_the_end_of_a_job_says_what_the_sweep_costs(ledger):
    kept = ledger()
    kept.begin("1")

    assert kept.end("1", 36.0) == "1.00 USD so far, about 10.02 USD in all"


def test_jobs_on_other_machines_are_paid_by_their_hours(ledger):
    prices = SweepPrices(prices=PRICES, machine="box")

    text = describe_cost(ledger(usd_per_hour=4.0, jobs={}), prices, remote=RemoteWork(seconds=5_400.0, paid={}))

    assert text == "Cost: 6.00 USD for 1.50 hours of jobs (box at 4 USD an hour; ward (invoice), from 2026-05-01)."


def test_the_cost_of_machines_without_a_price_is_not_said_to_be_0(ledger):
    prices = SweepPrices(prices=PRICES, machine=None, reason="jobs run on other machines")
    kept = ledger(usd_per_hour=None)
    kept.begin("1")

    nothing = describe_cost(ledger(usd_per_hour=None, jobs={}), prices, remote=None)
    calls = describe_cost(kept, prices, remote=None)

    assert nothing == ""
    assert calls == "Cost: 1.00 USD, without the machine (ward (invoice), from 2026-05-01)."


def test_a_job_that_ended_has_cost_what_its_calls_cost(ledger):
    """A job was expected to cost 1 USD; the second one failed before it sent anything, the third one runs."""
    kept = ledger(usd_per_hour=None)
    for key in "123":
        kept.begin(key)

    kept.end("1", 36.0, api_usd=0.25)
    told = kept.end("2", 36.0, api_usd=0.0)

    assert told == "1.25 USD so far, about 8.25 USD in all, without the machine"


def test_calls_of_unknown_cost_count_as_expected(ledger):
    kept = ledger(usd_per_hour=None)
    kept.begin("1")

    assert kept.end("1", 36.0).startswith("1.00 USD so far")


def test_what_a_job_has_not_spent_is_left_for_the_next(ledger):
    kept = ledger(usd_per_hour=0.0, budget=2.5)

    assert (kept.begin("1"), kept.begin("2")) == (None, None)
    assert kept.begin("3") is not None
    kept.end("1", 36.0, api_usd=0.25)
    assert kept.begin("3") is None
    assert kept.begin("4") is not None


def test_a_job_whose_worker_was_lost_has_cost_what_was_expected_at_least(ledger):
    """Nobody knows what the lost worker spent; the second one found its answers."""
    kept = ledger(usd_per_hour=None)
    kept.begin("1")
    kept.begin("1")

    assert kept.end("1", 36.0, api_usd=0.01).startswith("1.00 USD so far")


def test_a_job_that_ended_twice_paid_twice(ledger):
    kept = ledger(usd_per_hour=None)
    for usd in (0.25, 0.5):
        kept.begin("1")
        told = kept.end("1", 36.0, api_usd=usd)

    assert told.startswith("0.75 USD so far")


def test_calls_from_other_machines_cost_what_their_jobs_report(ledger):
    """Nine jobs of ten did not report."""
    prices = SweepPrices(prices=PRICES, machine=None, reason="jobs run on other machines")

    text = describe_cost(ledger(usd_per_hour=None), prices, remote=RemoteWork(seconds=36.0, paid={"1": 0.25}))

    assert text.startswith("Cost: 9.25 USD for 0.01 hours of jobs, without the machine")


def test_the_place_of_a_job_and_the_rest_of_the_time_are_said(ledger):
    jobs = {name: JobCost(row=name, seconds=60.0, api_usd=0.0) for name in "abc"}
    jobs["measured"] = JobCost(row="a", seconds=120.0, api_usd=0.0, is_job=False)
    kept = ledger(jobs=jobs, workers=1)
    kept.begin("b")
    first = kept.progress("b")
    kept.end("b", 60.0)
    kept.begin("a")

    assert (first, kept.progress("a")) == ("job 1 of 3, about 5 min left", "job 2 of 3, about 4 min left")
    assert kept.progress("measured") == ""


def test_without_history_only_the_place_is_said(ledger):
    kept = ledger()
    kept.begin("1")

    assert kept.progress("1") == "job 1 of 10"


def test_a_single_job_has_no_place(ledger):
    kept = ledger(jobs={"1": JobCost(row="a", seconds=60.0, api_usd=0.0)})
    kept.begin("1")

    assert kept.progress("1") == ""


def test_no_job_begins_after_so_many_have_failed(ledger):
    kept = replace(ledger(), max_failures=2)
    for key, failed in (("1", True), ("2", False), ("3", True)):
        assert kept.begin(key) is None
        kept.end(key, 1.0, failed=failed)

    assert "2 jobs failed, and sweep.max_failures=2" in kept.begin("4").problem

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from arogya_bench.prices.price_list import Machine, PriceList
from arogya_bench.prices.spending import JobCost, Spending
from arogya_bench.sweeps.ledger import STOP_MARGIN_S, Ledger
from arogya_bench.sweeps.sweep_costs import describe_cost
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

    text = describe_cost(ledger(usd_per_hour=4.0, jobs={}), prices, remote_seconds=5_400.0)

    assert text == "Cost: 6.00 USD for 1.50 hours of jobs (box at 4 USD an hour; ward (invoice), from 2026-05-01)."


def test_the_cost_of_machines_without_a_price_is_not_said_to_be_0(ledger):
    prices = SweepPrices(prices=PRICES, machine=None, reason="jobs run on other machines")
    kept = ledger(usd_per_hour=None)
    kept.begin("1")

    nothing = describe_cost(ledger(usd_per_hour=None, jobs={}), prices, remote_seconds=None)
    calls = describe_cost(kept, prices, remote_seconds=None)

    assert nothing == ""
    assert calls == "Cost: 1.00 USD, without the machine (ward (invoice), from 2026-05-01)."

import pytest

from arogya_bench.prices.spending import JobCost, Spending, format_usd

HOUR = 3600.0
JOBS = {
    "a": JobCost(row="prior", seconds=HOUR, api_usd=0.0),
    "b": JobCost(row="prior", seconds=2 * HOUR, api_usd=0.0),
    "c": JobCost(row="gemini", seconds=HOUR, api_usd=3.0),
}


def sweep(**fields):
    return Spending(**{"usd_per_hour": 2.0, "started": 100.0, "jobs": JOBS, **fields})


def test_a_machine_is_paid_from_the_start_of_the_sweep():
    assert sweep().so_far(100.0) == 0
    assert sweep().so_far(100.0 + HOUR / 2) == 1


def test_api_calls_count_in_full_when_their_job_begins():
    found = sweep(begun=("a", "c"), ended={"a": HOUR})

    assert found.so_far(100.0 + HOUR) == 2 + 3


def test_the_rest_is_forecast_from_history():
    """After an hour: 2 USD; 3 hours of jobs and 3 USD of calls are left."""
    found = sweep(begun=("a",), ended={"a": HOUR})

    assert found.in_all(100.0 + HOUR) == 2 + 6 + 3


def test_workers_share_the_machine():
    found = sweep(workers=2)

    assert found.in_all(100.0) == 4 + 3


def test_a_job_without_history_takes_what_ended_jobs_of_its_row_took():
    jobs = {"a": JobCost(row="r", seconds=None, api_usd=0.0), "b": JobCost(row="r", seconds=None, api_usd=0.0)}

    assert sweep(jobs=jobs).in_all(100.0) is None
    assert sweep(jobs=jobs, begun=("a",), ended={"a": HOUR}).in_all(100.0 + HOUR) == 4


def test_a_job_fits_if_it_ends_before_the_budget_is_spent():
    """It would cost 2 for its hour, and job c 3 more for its calls."""
    assert sweep(budget=2.01).fits("a", 100.0)
    assert not sweep(budget=2.0).fits("a", 100.0)
    assert not sweep(budget=4.9).fits("c", 100.0)
    assert sweep(budget=5.1).fits("c", 100.0)
    assert sweep(budget=None).fits("b", 1e9)


def test_a_job_of_unknown_duration_fits_as_long_as_something_is_left():
    jobs = {"a": JobCost(row="r", seconds=None, api_usd=0.0)}

    assert sweep(jobs=jobs, budget=1.0).fits("a", 100.0)
    assert not sweep(jobs=jobs, budget=1.0).fits("a", 100.0 + HOUR)


def test_what_is_left_of_a_budget():
    assert sweep(budget=5.0).left(100.0 + HOUR) == 3
    assert sweep(budget=1.0).left(100.0 + HOUR) == -1
    assert sweep().left(100.0) is None


def test_a_clock_that_went_back_costs_nothing():
    assert sweep().so_far(0.0) == 0


def test_a_sweep_says_what_it_costs():
    assert sweep().describe(100.0 + HOUR) == "2.00 USD so far, about 13.00 USD in all"
    assert sweep(ended=dict.fromkeys("abc", 1.0)).describe(100.0 + HOUR) == "2.00 USD so far"


def test_a_sweep_of_unknown_prices_says_nothing_rather_than_0():
    jobs = {"a": JobCost(row="r", seconds=1.0, api_usd=0.0)}

    assert sweep(usd_per_hour=None, jobs=jobs).describe(200.0) == ""
    assert sweep(usd_per_hour=None, begun=("c",)).describe(200.0).endswith("without the machine")


def test_an_api_without_a_price_is_named():
    jobs = {**JOBS, "d": JobCost(row="other", seconds=HOUR, api_usd=None)}

    text = sweep(jobs=jobs).describe(100.0 + HOUR)

    assert text == "2.00 USD so far, about 15.00 USD in all, without the API of other"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (1e-7, "0.00000010"), (0.00123, "0.0012"), (0.0951, "0.10"), (3.14159, "3.14"), (1234.5, "1234.50")],
)
def test_small_amounts_keep_two_digits(amount, text):
    assert float(format_usd(amount).removesuffix(" USD")) == float(text)


def test_an_ended_job_counts_what_its_calls_cost():
    assert sweep(begun=("c",), ended={"c": HOUR}, paid={"c": 0.5}).so_far(100.0) == 0.5
    assert sweep(begun=("c",), ended={"c": HOUR}, paid={"c": 0.5}).in_all(100.0) == 6 + 0.5
    assert sweep(begun=("c",), ended={"c": HOUR}, paid={"c": 0.0}).so_far(100.0) == 0


def test_a_job_that_begins_again_counts_in_full_beside_what_it_paid():
    assert sweep(begun=("c",), paid={"c": 0.5}).so_far(100.0) == 3 + 0.5
    assert not sweep(budget=5.4, begun=("c",), ended={"c": HOUR}, paid={"c": 0.5}).fits("c", 100.0)
    assert sweep(budget=5.6, begun=("c",), ended={"c": HOUR}, paid={"c": 0.5}).fits("c", 100.0)

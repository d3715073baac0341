"""What a sweep will cost when it starts, and what it has cost when it ends."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from arogya_bench.configuration.compose import ComposedSweep
from arogya_bench.prices.spending import SECONDS_PER_HOUR, Spending, format_usd
from arogya_bench.sweeps.forecast import forecast_costs, parallel_jobs
from arogya_bench.sweeps.history import load_history
from arogya_bench.sweeps.launcher_settings import worker_count
from arogya_bench.sweeps.ledger import Ledger
from arogya_bench.sweeps.measurements import PlannedMeasurement, measurement_costs, pending_measurements
from arogya_bench.sweeps.plan import SweepPlan
from arogya_bench.sweeps.sweep_prices import SweepPrices
from arogya_bench.tracking.store import Store


def plan_spending(
    composed: ComposedSweep,
    plan: SweepPlan,
    measurements: Sequence[PlannedMeasurement],
    store: Store,
    prices: SweepPrices,
    started: float,
) -> Spending:
    """What the pending jobs and measurements of a sweep are expected to cost.

    For jobs that follows from the history of the experiment, for measurements from their protocol.
    """
    history = load_history(store if plan.pending else None, sizes=False)
    budget = composed.config.sweep.budget
    jobs = forecast_costs(plan, history, prices, alone=budget is not None)
    return Spending(
        usd_per_hour=prices.usd_per_hour,
        started=started,
        jobs={**jobs, **measurement_costs(pending_measurements(measurements, store))},
        workers=parallel_jobs(plan, worker_count(composed.config)),
        budget=budget,
    )


@dataclass(frozen=True, kw_only=True)
class RemoteWork:
    """What the jobs of a sweep took on other machines, which are paid while they have a job.

    Attributes:
        seconds: Of all jobs.
        paid: USD that the API calls of a job cost, where that is known; else the estimate counts.
    """

    seconds: float
    paid: Mapping[str, float]


def describe_cost(ledger: Ledger, prices: SweepPrices, *, remote: RemoteWork | None) -> str:
    """Say what a sweep has cost, and on which prices that rests; empty if no price is known.

    Args:
        ledger: What the workers of this machine noted.
        prices: Of the sweep.
        remote: Work on other machines; None if there was none.
    """
    spending, hours = ledger.read(), ""
    if spending.usd_per_hour is None and not any(job.api_usd for job in spending.jobs.values()):
        return ""
    usd = spending.so_far(time.time())
    if remote is not None:
        ended = dict.fromkeys(remote.paid, 0.0)
        calls = replace(spending, begun=tuple(spending.jobs), ended=ended, paid=remote.paid).calls
        usd = calls + remote.seconds / SECONDS_PER_HOUR * (spending.usd_per_hour or 0.0)
        hours = f" for {remote.seconds / SECONDS_PER_HOUR:.2f} hours of jobs"
    basis = prices.describe(date.today())  # noqa: DTZ011  (prices have dates of no time zone)
    return f"Cost: {format_usd(usd)}{hours}{spending.not_counted} ({basis})."

"""What a sweep will cost when it starts, and what it has cost when it ends."""

import time
from collections.abc import Sequence
from datetime import date

from arogya_bench.configuration.compose import ComposedSweep
from arogya_bench.prices.spending import Spending, format_usd
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
    return Spending(
        usd_per_hour=prices.usd_per_hour,
        started=started,
        jobs={**forecast_costs(plan, history, prices), **measurement_costs(pending_measurements(measurements, store))},
        workers=parallel_jobs(plan, worker_count(composed.config)),
        budget=composed.config.sweep.budget,
    )


def describe_cost(ledger: Ledger, prices: SweepPrices, *, remote_seconds: float | None) -> str:
    """Say what a sweep has cost, and on which prices that rests; empty if no price is known.

    Args:
        ledger: What the workers of this machine noted.
        prices: Of the sweep.
        remote_seconds: Duration of all jobs, if they ran on other machines: each is paid while it has a job.
    """
    spending, hours = ledger.read(), ""
    if spending.usd_per_hour is None and not any(job.api_usd for job in spending.jobs.values()):
        return ""
    usd = spending.so_far(time.time())
    if remote_seconds is not None:
        calls = sum(job.api_usd or 0.0 for job in spending.jobs.values())
        usd = calls + remote_seconds / 3600 * (spending.usd_per_hour or 0.0)
        hours = f" for {remote_seconds / 3600:.2f} hours of jobs"
    basis = prices.describe(date.today())  # noqa: DTZ011  (prices have dates of no time zone)
    return f"Cost: {format_usd(usd)}{hours}{spending.not_counted} ({basis})."

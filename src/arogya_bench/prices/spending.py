"""What a sweep has cost, what it will cost, and whether a job fits in its budget."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import mean

import numpy as np

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class JobCost:
    """What a job is expected to take.

    Attributes:
        row: Name of the leaderboard row.
        seconds: None without previous runs.
        api_usd: Price of its API calls; 0 for a local model, None if it is not known.
        is_job: Whether it is a job that evaluates, and no measurement.
    """

    row: str
    seconds: float | None
    api_usd: float | None
    is_job: bool = True


@dataclass(frozen=True, kw_only=True)
class Spending:
    """The cost of a sweep on one machine, which is paid as long as the sweep runs.

    Attributes:
        usd_per_hour: Price of the machine; None if it is not known.
        started: Time at which the sweep began, in seconds, as ``now`` of the methods.
        jobs: By key; what each job of the sweep is expected to take.
        workers: Number of jobs that run at once.
        budget: In USD; None means no limit.
        begun: Keys of the jobs that were started; until they end, their API calls count in full, paid or not yet.
        ended: Seconds that each ended job took.
        paid: USD that the API calls of a job cost, by its ended processes.
    """

    usd_per_hour: float | None
    started: float
    jobs: Mapping[str, JobCost]
    workers: int = 1
    budget: float | None = None
    begun: Collection[str] = ()
    ended: Mapping[str, float] = field(default_factory=dict)
    paid: Mapping[str, float] = field(default_factory=dict)

    @property
    def calls(self) -> float:
        """USD for the API calls of the jobs that were started."""
        running = sum(self._expected_calls(key) for key in self.jobs if key in self.begun and key not in self.ended)
        return sum(self.paid.values()) + running

    def so_far(self, now: float) -> float:
        """USD until now, with all API calls of the jobs that were started."""
        return self.calls + self._machine_usd(now - self.started)

    def in_all(self, now: float) -> float | None:
        """USD that the sweep will have cost; None if a job has no history, here or in earlier sweeps."""
        seconds = self.seconds_left
        if seconds is None:
            return None
        calls = sum(self._expected_calls(key) for key in self.jobs if key not in self.begun)
        return self.so_far(now) + calls + self._machine_usd(seconds)

    @property
    def seconds_left(self) -> float | None:
        """Until all jobs have ended, those that run counted in full; None if one has no history, here or earlier."""
        remaining = [self._expected_seconds(key) for key in self.jobs if key not in self.ended]
        if any(seconds is None for seconds in remaining):
            return None
        return sum(seconds for seconds in remaining if seconds is not None) / self.workers

    def left(self, now: float) -> float | None:
        """USD that the budget leaves; None without a budget."""
        return None if self.budget is None else self.budget - self.so_far(now)

    def with_job(self, key: str, now: float) -> float:
        """USD that the sweep will have cost when this job ends; without its duration if that is not known."""
        running = key in self.begun and key not in self.ended
        calls = 0.0 if running else self._expected_calls(key)
        return self.so_far(now) + calls + self._machine_usd(self._expected_seconds(key) or 0.0)

    def fits(self, key: str, now: float) -> bool:
        """Whether a job may start: it ends, as far as is known, before the budget is spent."""
        return self.budget is None or self.with_job(key, now) < self.budget

    @property
    def not_counted(self) -> str:
        """What has no known price, for the end of a sum; empty if everything has one."""
        rows = dict.fromkeys(job.row for job in self.jobs.values() if job.api_usd is None)
        missing = [*([] if self.usd_per_hour is not None else ["the machine"]), *(f"the API of {row}" for row in rows)]
        return f", without {' and '.join(missing)}" if missing else ""

    def describe(self, now: float) -> str:
        """What the sweep has cost and will cost; empty if nothing is known to cost anything."""
        if self.usd_per_hour is None and not any(job.api_usd for job in self.jobs.values()):
            return ""
        total = self.in_all(now)
        text = f"{format_usd(self.so_far(now))} so far"
        if total is not None and set(self.jobs) - set(self.ended):
            text += f", about {format_usd(total)} in all"
        return text + self.not_counted

    def _machine_usd(self, seconds: float) -> float:
        return max(seconds, 0.0) / SECONDS_PER_HOUR * (self.usd_per_hour or 0.0)

    def _expected_calls(self, key: str) -> float:
        return (self.jobs[key].api_usd or 0.0) if key in self.jobs else 0.0

    def _expected_seconds(self, key: str) -> float | None:
        """From earlier sweeps, or else the mean of the jobs of this row that this sweep has ended."""
        job = self.jobs.get(key)
        if job is None or job.seconds is not None:
            return None if job is None else job.seconds
        same_row = [
            seconds for other, seconds in self.ended.items() if other in self.jobs and self.jobs[other].row == job.row
        ]
        return mean(same_row) if same_row else None


def format_usd(amount: float) -> str:
    """An amount in USD, to the cent, or with two digits where it is less."""
    if 0 < abs(amount) < 0.095:
        return f"{np.format_float_positional(amount, precision=2, fractional=False, unique=False)} USD"
    return f"{amount:.2f} USD"

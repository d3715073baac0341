"""Which jobs of a sweep began and ended, in a file that its workers on this machine share."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from arogya_bench.errors import BudgetExceeded, TooManyFailures, UserError
from arogya_bench.prices.spending import Spending, format_usd
from arogya_bench.runtime.console import format_duration, plural

# A running job is ended when so little time is left: a second until that is seen, and the rest to log it.
STOP_MARGIN_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The spending of a sweep, kept by its workers.

    Attributes:
        file: Lines of JSON, one for each job that began or ended.
        plan: What is known when the sweep starts.
        max_failures: Number of failed jobs after which none is started; None means no limit.
    """

    file: str
    plan: Spending
    max_failures: int | None = None

    def read(self) -> Spending:
        """The spending as it is now."""
        begun: list[str] = []
        running: Counter[str] = Counter()
        ended: dict[str, float] = {}
        paid: dict[str, float] = {}
        for entry in self._entries():
            key = entry["key"]
            if entry["event"] == "begin":
                begun.append(key)
                running[key] += 1
                ended.pop(key, None)
            else:
                ended[key] = entry["seconds"]
                paid[key] = paid.get(key, 0.0) + self._price(entry, lost=running.pop(key, 1) > 1)
        return replace(self.plan, begun=tuple(begun), ended=ended, paid=paid)

    def begin(self, key: str) -> UserError | None:
        """Note that a job begins, unless it does not fit in the budget or too many have failed: then return why."""
        with FileLock(f"{self.file}.lock", poll_interval=0.1):
            if (failed := self._failed_jobs()) >= (self.max_failures or failed + 1):
                return self._too_many(failed)
            spending, now = self.read(), time.time()
            if not spending.fits(key, now):
                return self._exceeded("The work was not started", spending.with_job(key, now), spending)
            self._write({"event": "begin", "key": key})
        return None

    def end(self, key: str, seconds: float, *, api_usd: float | None = None, failed: bool = False) -> str:
        """Note that a job has ended; return what the sweep has cost and will cost.

        ``api_usd`` is what its API calls cost; None counts what was expected.
        """
        with FileLock(f"{self.file}.lock", poll_interval=0.1):
            self._write({"event": "end", "key": key, "seconds": seconds, "api_usd": api_usd, "failed": failed})
            return self.read().describe(time.time())

    def progress(self, key: str) -> str:
        """Which job of how many this is, by their begin, and how long the rest will take if that is known.

        Empty where there is one job only.
        """
        with FileLock(f"{self.file}.lock", poll_interval=0.1):
            spending = self.read()
        jobs = {name for name, job in spending.jobs.items() if job.is_job}
        if len(jobs) < 2 or key not in jobs:
            return ""
        begun = list(dict.fromkeys(name for name in spending.begun if name in jobs))
        place = f"job {begun.index(key) + 1} of {len(jobs)}"
        left = spending.seconds_left
        return f"{place}, about {format_duration(left)} left" if left else place

    def stop_reason(self) -> BudgetExceeded | None:
        """Why running jobs have to end; None as long as the budget lasts, or without one."""
        if self.plan.budget is None:
            return None  # asked every second, also while times are measured
        with FileLock(f"{self.file}.lock", poll_interval=0.1):
            spending, now = self.read(), time.time() + STOP_MARGIN_S
        left = spending.left(now)
        if left is None or left > 0:
            return None
        return self._exceeded("The work was ended", spending.so_far(now), spending)

    def _entries(self) -> Iterator[dict[str, Any]]:
        path = Path(self.file)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        yield from map(json.loads, lines)

    def _price(self, end: Mapping[str, Any], *, lost: bool) -> float:
        """What the API calls of an ended job cost; one whose earlier process was lost has paid as much as expected."""
        job = self.plan.jobs.get(end["key"])
        expected = (job.api_usd or 0.0) if job else 0.0
        known = end["api_usd"]
        return expected if known is None else max(known, expected if lost else 0.0)

    def _write(self, entry: Mapping[str, object]) -> None:
        with Path(self.file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(entry) + "\n")

    def _failed_jobs(self) -> int:
        ended = {entry["key"]: entry.get("failed", False) for entry in self._entries() if entry["event"] == "end"}
        return sum(ended.values())

    def _too_many(self, failed: int) -> TooManyFailures:
        return TooManyFailures(
            f"The work was not started: {plural(failed, 'job')} failed, and sweep.max_failures={self.max_failures}.",
            fix="mend what failed, and run the same command again; it does what is missing.",
        )

    @staticmethod
    def _exceeded(what: str, usd: float, spending: Spending) -> BudgetExceeded:
        budget = spending.budget or 0.0
        return BudgetExceeded(
            f"{what}: with it the sweep would cost {format_usd(usd)}, and its budget is {format_usd(budget)}.",
            fix="increase sweep.budget=USD, which counts anew for each command; the same command runs what is missing.",
        )

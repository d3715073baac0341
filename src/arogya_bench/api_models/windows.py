"""Sliding windows over the requests of an account, counted in the ledger and thus over all processes.

The server counts a request some time between its sending and its answer. A slot is therefore held until a whole window
has passed since the latest moment at which the server can have counted it: its answer, or two seconds after sending if
there is none by then.
"""

import sqlite3
from datetime import datetime
from typing import NamedTuple

from arogya_bench.api_models.limits import RateLimits
from arogya_bench.errors import ApiError, UserError

ARRIVAL_S = 2.0  # a request that was sent has reached the server after so many seconds
DAY_S = 24 * 3600.0
# A server that does not say when the quota of the day is renewed is asked again after so long: other cells of a sweep
# do not find out one by one, and a larger quota can be used soon.
UNKNOWN_DAY_S = 120.0
LONGEST_PAUSE_S = 900.0  # a server that asks for more is not waited for


class _Window(NamedTuple):
    """The last seconds before a time."""

    now: float
    seconds: float

    @property
    def ends(self) -> tuple[float, float]:
        """Times of the requests that count.

        A request that arrives later than is possible was sent before the clock was set back: when is not known, and it
        must not be waited for until the clock has caught up.
        """
        return self.now - self.seconds, self.now + ARRIVAL_S


def free_at(connection: sqlite3.Connection, account: str, limits: RateLimits, *, tokens: int, now: float) -> float:
    """When one more request may be sent, in seconds since 1970; 0 if it may be sent now.

    Raises:
        ApiError: If the requests of the day are spent.
        UserError: If the request alone is above the limit.
    """
    _check_spent_day(connection, account, now)
    if limits.requests_per_day is not None:
        _check_day(connection, account, limits.requests_per_day, now)
    times = [_paused_until(connection, account, now)]
    if limits.requests_per_minute is not None:
        newest = _nth_newest(connection, account, limits.requests_per_minute, _Window(now, limits.window_s))
        times.append(0.0 if newest is None else newest + limits.window_s)
    if limits.tokens_per_minute is not None:
        times.append(_tokens_free_at(connection, account, limits, tokens, now))
    return max(times)


def pause(connection: sqlite3.Connection, account: str, until: float) -> None:
    """Let no process send on this account before a time, in seconds since 1970."""
    connection.execute(
        "INSERT INTO pauses VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET until = max(until, excluded.until)",
        (account, until),
    )


def close_day(connection: sqlite3.Connection, account: str, now: float, retry_after_s: float | None) -> None:
    """Send no request that the quota of the day would refuse.

    Args:
        connection: Of the ledger.
        account: Whose quota is spent.
        now: Seconds since 1970.
        retry_after_s: What the server says; None if it says nothing.
    """
    until = now + (UNKNOWN_DAY_S if retry_after_s is None else retry_after_s)
    connection.execute(
        "INSERT INTO spent_days VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET until = excluded.until",
        (account, until),
    )


def wait_until(resumes_at: float | None, problem: str) -> ApiError:
    """The error for a quota that is spent for so long that nothing waits for it, such as that of the day."""
    when = "when the quota is renewed, within 24 hours" if resumes_at is None else f"after {_local_time(resumes_at)}"
    return ApiError(problem, fix=f"run the same command {when}: it resumes, and sends no answered request again.")


def _paused_until(connection: sqlite3.Connection, account: str, now: float) -> float:
    row = connection.execute("SELECT until FROM pauses WHERE account = ?", (account,)).fetchone()
    # A clock that was set back must not make a pause of minutes one of days.
    return float(row[0]) if row is not None and now < row[0] <= now + LONGEST_PAUSE_S else 0.0


def _nth_newest(connection: sqlite3.Connection, account: str, n: int, window: _Window) -> float | None:
    row = connection.execute(
        "SELECT arrived_by FROM attempts WHERE account = ? AND arrived_by BETWEEN ? AND ? "
        "ORDER BY arrived_by DESC LIMIT 1 OFFSET ?",
        (account, *window.ends, n - 1),
    ).fetchone()
    return None if row is None else float(row[0])


def _tokens_free_at(connection: sqlite3.Connection, account: str, limits: RateLimits, tokens: int, now: float) -> float:
    limit = limits.tokens_per_minute or 0
    if tokens > limit:
        raise UserError(
            f"A request takes about {tokens:,} tokens, and the limit is {limit:,} tokens per window.",
            fix="increase model.tokens_per_minute, or send smaller images or fewer examples.",
        )
    rows = connection.execute(
        "SELECT arrived_by, window_tokens FROM attempts WHERE account = ? AND arrived_by BETWEEN ? AND ? "
        "ORDER BY arrived_by DESC",
        (account, *_Window(now, limits.window_s).ends),
    )
    for arrived_by, counted in rows:
        tokens += counted
        if tokens > limit:
            return float(arrived_by) + limits.window_s
    return 0.0


def _check_spent_day(connection: sqlite3.Connection, account: str, now: float) -> None:
    row = connection.execute("SELECT until FROM spent_days WHERE account = ?", (account,)).fetchone()
    if row is not None and now < row[0] <= now + DAY_S:
        raise wait_until(float(row[0]), "The service has said that the quota of the day is spent.")


def _check_day(connection: sqlite3.Connection, account: str, limit: int, now: float) -> None:
    newest = _nth_newest(connection, account, limit, _Window(now, DAY_S))
    if newest is not None:
        problem = f"{limit:,} requests were sent in the last 24 hours, as many as model.requests_per_day allows."
        raise wait_until(newest + DAY_S, problem)


def _local_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M %Z")

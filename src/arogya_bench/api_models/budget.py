"""The budget of an experiment: money is reserved before a request is sent, so that it is never passed."""

import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from arogya_bench.api_models.ledger_file import to_units, to_usd
from arogya_bench.errors import BudgetExceeded, ConfigError

ALERTS = (50, 80, 100)  # percent of the budget


@dataclass(frozen=True, kw_only=True)
class ApiBudget:
    """What the requests of a scope may cost, over all processes and runs.

    Attributes:
        scope: Such as the digest of store and experiment.
        usd: None means no limit.
    """

    scope: str
    usd: float | None = None

    def __post_init__(self) -> None:
        if self.usd is not None and not self.usd >= 0:
            raise ConfigError(f"The budget is {self.usd} USD.", fix="set budget.usd to 0 or more.")

    @property
    def units(self) -> int | None:
        """The limit as amounts are stored; None without one."""
        return None if self.usd is None else to_units(Decimal(str(self.usd)))


@dataclass(frozen=True, kw_only=True)
class ScopeSpending:
    """What the requests of a scope have cost, in units of the ledger.

    Attributes:
        spent: By the tokens that were reported.
        possible: What attempts without an answer may have been billed besides.
        in_flight: Reserved by requests that will be answered within their time limit.
        in_batches: Reserved by batches.
        overrun: The largest factor by which an answer has cost more than was reserved for it; at least 1.
    """

    spent: int
    possible: int
    in_flight: int
    in_batches: int
    overrun: float


def read_spending(connection: sqlite3.Connection, scope: str) -> ScopeSpending:
    """What the requests of a scope have cost so far, and what is reserved."""
    row = connection.execute("SELECT spent, possible, overrun FROM spending WHERE scope = ?", (scope,)).fetchone()
    reserved = connection.execute(
        "SELECT coalesce(sum(reserved) FILTER (WHERE batch IS NULL), 0), "
        "coalesce(sum(reserved) FILTER (WHERE batch IS NOT NULL), 0) "
        "FROM attempts WHERE scope = ? AND ended_at IS NULL",
        (scope,),
    ).fetchone()
    spent, possible, overrun = (0, 0, 1.0) if row is None else row
    return ScopeSpending(spent=spent, possible=possible, in_flight=reserved[0], in_batches=reserved[1], overrun=overrun)


def amount_to_reserve(connection: sqlite3.Connection, budget: ApiBudget, most: int) -> int | None:
    """What is reserved for a request that costs ``most`` at most; None if it may fit when others turn out cheaper.

    Bounds of tokens are estimates where a provider does not say how it counts images. The first request of a scope is
    therefore answered alone, and an answer that cost more than was reserved raises all further reservations.

    Raises:
        BudgetExceeded: If it cannot fit however the requests in flight end.
    """
    limit = budget.units
    if limit is None or most == 0:
        return most
    spending = read_spending(connection, budget.scope)
    amount = ceil(most * spending.overrun)
    used = spending.spent + spending.possible + spending.in_batches
    if used + amount > limit:
        raise _exceeded(budget, spending, amount)
    is_first = not spending.spent and spending.in_flight > 0
    return None if is_first or used + spending.in_flight + amount > limit else amount


def add_spending(
    connection: sqlite3.Connection, scope: str, *, spent: int, possible: int, overrun: float = 1.0
) -> None:
    """Count what an attempt has cost; negative amounts correct what was counted before."""
    connection.execute(
        "INSERT INTO spending (scope, spent, possible, overrun) VALUES (?, ?, ?, ?) ON CONFLICT (scope) DO UPDATE "
        "SET spent = spent + excluded.spent, possible = possible + excluded.possible, "
        "overrun = max(overrun, excluded.overrun)",
        (scope, spent, possible, overrun),
    )


def next_alert(connection: sqlite3.Connection, budget: ApiBudget) -> str | None:
    """A line for the user if 50, 80 or 100 % of the budget is used for the first time, else None."""
    limit, used = budget.units, _used(connection, budget.scope)
    if not limit:
        return None
    percent = max((step for step in ALERTS if 100 * used >= step * limit), default=0)
    if not _is_new_alert(connection, budget, percent):
        return None
    return f"API budget: {percent} % used ({_usd(used)} of {_usd(limit)})."


def alert_refused(connection: sqlite3.Connection, budget: ApiBudget) -> str | None:
    """The alert of 100 % for a request that was refused, since what is left is not enough for it."""
    if not _is_new_alert(connection, budget, ALERTS[-1]):
        return None
    used = _used(connection, budget.scope)
    return f"API budget: used up ({_usd(used)} of {_usd(budget.units or 0)}; the next request may cost more)."


def _is_new_alert(connection: sqlite3.Connection, budget: ApiBudget, percent: int) -> bool:
    """Note an alert, unless it was given before; another limit starts anew."""
    changed = connection.execute(
        "UPDATE spending SET alerted_budget = :limit, alerted_percent = :percent WHERE scope = :scope "
        "AND :percent > iif(alerted_budget IS :limit, alerted_percent, 0)",
        {"limit": budget.units, "percent": percent, "scope": budget.scope},
    )
    return changed.rowcount > 0


def _used(connection: sqlite3.Connection, scope: str) -> int:
    row = connection.execute("SELECT spent + possible FROM spending WHERE scope = ?", (scope,)).fetchone()
    return 0 if row is None else int(row[0])


def _exceeded(budget: ApiBudget, spending: ScopeSpending, amount: int) -> BudgetExceeded:
    parts = [f"{_usd(spending.spent)} were spent"]
    if spending.possible:
        parts.append(f"up to {_usd(spending.possible)} may have been billed for attempts without an answer")
    if spending.in_batches:
        parts.append(f"up to {_usd(spending.in_batches)} are reserved for batches")
    return BudgetExceeded(
        f"The next request may cost {_usd(amount)}, which the budget of {_usd(budget.units or 0)} does not leave: "
        f"{', '.join(parts)}.",
        fix="increase budget.usd, which counts over all commands of this experiment; the same command resumes, and "
        "sends no answered request again.",
    )


def _usd(units: int) -> str:
    """An amount in USD, with as many digits as its size needs."""
    usd = float(to_usd(units))
    return f"{usd:.2f} USD" if usd == 0 or usd >= 1 else f"{usd:.3g} USD"

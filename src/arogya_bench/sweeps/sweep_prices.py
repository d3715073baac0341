"""The prices of a sweep: of the machine that it runs on, and of the APIs that its models call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from arogya_bench.configuration.compose import ComposedSweep
from arogya_bench.configuration.prices import build_price_list
from arogya_bench.errors import ConfigError, PriceError
from arogya_bench.evaluation.job import Job
from arogya_bench.prices.machines import choose_machine
from arogya_bench.prices.price_list import PriceList
from arogya_bench.runtime.hardware import read_hardware
from arogya_bench.sweeps.launcher_settings import launcher_spec


@dataclass(frozen=True, kw_only=True)
class SweepPrices:
    """What a sweep pays for.

    Attributes:
        prices: None without a price list.
        machine: Name of the machine in the list; None if its price is not known.
        reason: Why that is not known; empty if it is.
    """

    prices: PriceList | None
    machine: str | None
    reason: str = ""

    @property
    def usd_per_hour(self) -> float | None:
        """Price of the machine; None if it is not known."""
        if self.prices is None or self.machine is None:
            return None
        return self.prices.find(self.machine).per_hour * self.prices.usd

    def api_usd_per_image(self, job: Job) -> float | None:
        """Price of the API calls for one image: 0 for a local model, None if it is not listed."""
        names = (job.row_name, job.model_name)
        if self.prices is not None and any(name in self.prices.api for name in names):
            return self.prices.api_price(*names).per_1k_images * self.prices.usd / 1000
        return None if getattr(job.model, "paid", False) else 0.0

    def describe(self, today: date) -> str:
        """On which prices the costs rest."""
        if self.prices is None:
            return ""
        machine = ""
        if self.machine is not None:
            listed = self.prices.find(self.machine)
            machine = f"{self.machine} at {listed.per_hour:g} {self.prices.currency} an hour; "
        return f"{machine}{self.prices.origin(today)}"


def sweep_prices(sweep: ComposedSweep) -> SweepPrices:
    """Find the prices of a sweep.

    Raises:
        UserError: For an invalid price list or budget, or a budget that cannot be kept, since a price is not
            known or the machines are not.
    """
    budget = sweep.config.sweep.budget
    config = _check_one_config(sweep.jobs, budget)
    if budget is not None and not budget > 0:
        raise ConfigError(f"sweep.budget={budget:g} is not above 0.", fix="give it in USD, or remove it.")
    found = _find_prices(sweep, build_price_list(config["prices"]) if config.get("prices") else None)
    if budget is not None:
        _check_budget(sweep, found)
    return found


def _find_prices(sweep: ComposedSweep, prices: PriceList | None) -> SweepPrices:
    if prices is None:
        return SweepPrices(prices=None, machine=None, reason="there is no price list: add prices=default")
    if launcher_spec(sweep.config).remote and prices.machine is None:
        reason = "jobs run on other machines: name theirs with prices.machine=NAME"
        return SweepPrices(prices=prices, machine=None, reason=reason)
    try:
        return SweepPrices(prices=prices, machine=choose_machine(prices, read_hardware()))
    except PriceError as error:
        return SweepPrices(prices=prices, machine=None, reason=f"{error.problem} Fix: {error.fix}")


def _check_one_config(jobs: Sequence[Job], budget: float | None) -> Mapping[str, Any]:
    """Return the config of all jobs, who share the machine and the budget: several values have no meaning."""
    prices, budgets = {repr(job.config.get("prices")) for job in jobs}, {job.config["sweep"]["budget"] for job in jobs}
    if len(prices) > 1 or budgets != {budget}:
        raise ConfigError(
            "The jobs of this sweep have several price lists or budgets.",
            fix="give prices and sweep.budget one value, as key=VALUE; `compare --prices FILE` computes costs with "
            "other prices.",
        )
    return jobs[0].config


def _check_budget(sweep: ComposedSweep, found: SweepPrices) -> None:
    launcher = launcher_spec(sweep.config)
    if launcher.remote:
        raise ConfigError(
            f"sweep.budget cannot be kept with the launcher {launcher.name}, whose machines are not counted here.",
            fix="remove sweep.budget, or use hydra/launcher=basic or pool.",
        )
    if found.usd_per_hour is None:
        raise PriceError(
            f"sweep.budget={sweep.config.sweep.budget:g} needs the price of this machine. {found.reason}",
            fix="set prices.machine to a listed machine, or remove sweep.budget.",
        )
    for job in sweep.jobs:
        if found.api_usd_per_image(job) is None and found.prices is not None:
            found.prices.api_price(job.row_name, job.model_name)

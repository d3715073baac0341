"""The prices of a sweep: of the machine that it runs on, and of the APIs that its models call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from arogya_bench.api_models.model import ApiModel
from arogya_bench.configuration.compose import ComposedSweep
from arogya_bench.configuration.prices import build_price_list
from arogya_bench.errors import ConfigError, PriceError
from arogya_bench.evaluation.job import Job
from arogya_bench.prices.machines import choose_machine
from arogya_bench.prices.price_list import PriceList
from arogya_bench.prices.tokens import TokenRates, token_rates
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

    def token_rates(self, model: ApiModel) -> TokenRates | None:
        """Prices of the tokens of an API today; None if nobody bills them.

        Raises:
            PriceError: If they are billed and have no price.
        """
        if model.price_name is None:
            return None
        if self.prices is None:
            raise PriceError(
                f"There is no price of the tokens of {model.price_name!r}, since there is no price list.",
                fix="add prices=default, or a list of yours.",
            )
        return token_rates(self.prices, model.price_name, on=datetime.now(UTC).date(), batch=model.batch)

    def api_usd_per_image(self, job: Job, classes: tuple[str, ...]) -> float | None:
        """Expected price of the API calls for one image: 0 for a local model, None if it is not listed."""
        if isinstance(job.model, ApiModel):
            rates = self.token_rates(job.model)
            return 0.0 if rates is None else float(rates.usd(job.model.estimate_tokens(classes)[0]))
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
    config = _check_one_config(sweep)
    if budget is not None and not budget > 0:
        raise ConfigError(f"sweep.budget={budget:g} is not above 0.", fix="give it in USD, or remove it.")
    _check_api_budget(sweep)
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


def _check_one_config(sweep: ComposedSweep) -> Mapping[str, Any]:
    """Return the config of all jobs, who share the machine and the budgets: several values have no meaning."""
    configs = [job.config for job in sweep.jobs]
    prices = {repr(config.get("prices")) for config in configs}
    budgets = {(config["sweep"]["budget"], config["budget"]["usd"]) for config in configs}
    if len(prices) > 1 or budgets != {(sweep.config.sweep.budget, sweep.config.budget.usd)}:
        raise ConfigError(
            "The jobs of this sweep have several price lists or budgets.",
            fix="give prices, sweep.budget and budget.usd one value, as key=VALUE; `compare --prices FILE` computes "
            "costs with other prices.",
        )
    return configs[0]


def _check_api_budget(sweep: ComposedSweep) -> None:
    """Raise ConfigError if API calls with a budget would be counted on several machines, each by itself."""
    launcher = launcher_spec(sweep.config)
    asked = any(isinstance(job.model, ApiModel) for job in sweep.jobs)
    if asked and launcher.remote and sweep.config.budget.usd is not None:
        raise ConfigError(
            f"budget.usd cannot be kept with the launcher {launcher.name}: each machine counts its own API calls.",
            fix="use hydra/launcher=basic or pool for the rows of APIs.",
        )


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
    for job in sweep.jobs:  # the tokens of an ApiModel must have a price with any budget
        if not isinstance(job.model, ApiModel) and found.api_usd_per_image(job, ()) is None and found.prices:
            found.prices.api_price(job.row_name, job.model_name)

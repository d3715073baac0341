"""A price list: what machines, energy and API calls cost, with the source and the dates of the prices."""

import math
import re
from dataclasses import dataclass, field
from datetime import date

from arogya_bench.errors import PriceError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine that is paid by the hour, rented or one's own.

    Attributes:
        cpus: Processors as an operating system counts them.
        memory_gb: Of 1e9 bytes.
        per_hour: In the currency of the list, for the whole machine.
        gpu: Name such as ``L4``; None without one.
        gpus: Number of GPUs; all are paid, even if one was measured.
        free: Whether a price of 0 is meant.
    """

    cpus: int
    memory_gb: float
    per_hour: float
    gpu: str | None = None
    gpus: int = 1
    free: bool = False


@dataclass(frozen=True, kw_only=True)
class ApiPrice:
    """What predictions of an API cost, in the currency of the list; ``free`` says that a price of 0 is meant."""

    per_1k_images: float
    free: bool = False


@dataclass(frozen=True, kw_only=True)
class TokenPrice:
    """What the tokens of an API model cost, in the currency of the list.

    Attributes:
        valid_from: The first day on which the price was seen, as valid_to the last one.
        free: Whether prices of 0 are meant.
    """

    input_per_million: float
    output_per_million: float
    cached_input_per_million: float | None = None
    source: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    free: bool = False


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """Prices with their source and dates, all in one currency.

    Attributes:
        source: An address or a text that says where the prices were read.
        valid_from: ISO date, as ``valid_to``; None for the end means that none was announced.
        currency: ISO code.
        usd_per_unit: USD for one unit of the currency; 1 for USD, required for others.
        utilisation: Share of the paid time in which a machine works, above 0 and at most 1.
        energy_per_kwh: None means that energy is not counted.
        grid_g_co2_per_kwh: Grams of CO2 equivalents; None means that emissions are not counted.
        machine: The machine to compute with; None means the cheapest one that has what was measured on.
        machines: By name.
        api: By leaderboard row.
        tokens: By API model; prices that change have one entry for each period, in order.
    """

    name: str
    source: str
    valid_from: str
    currency: str = "USD"
    usd_per_unit: float | None = None
    valid_to: str | None = None
    utilisation: float = 0.5
    energy_per_kwh: float | None = None
    grid_g_co2_per_kwh: float | None = None
    grid_source: str | None = None
    machine: str | None = None
    machines: dict[str, Machine] = field(default_factory=dict)
    api: dict[str, ApiPrice] = field(default_factory=dict)
    tokens: dict[str, list[TokenPrice]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check everything that types do not say; PriceError for the first problem."""
        _check_list(self)
        for name, machine in self.machines.items():
            _check_machine(f"prices.machines.{name}", machine)
        for name, price in self.api.items():
            _check_price(f"prices.api.{name}.per_1k_images", price.per_1k_images, free=price.free)
        for name, tokens in self.tokens.items():
            for period in tokens:
                _check_tokens(f"prices.tokens.{name}", period)
        if self.machine is not None:
            self.find(self.machine)

    @property
    def usd(self) -> float:
        """USD for one unit of the currency."""
        return 1.0 if self.usd_per_unit is None else self.usd_per_unit

    def find(self, name: str) -> Machine:
        """A machine by its name; PriceError if it is not listed."""
        if name not in self.machines:
            raise PriceError(
                f"The price list {self.name!r} has no machine {name!r}.{did_you_mean(name, self.machines)}",
                fix=f"choose one of: {', '.join(self.machines)}; or add it to prices.machines with its price."
                if self.machines
                else "add it to prices.machines with its price per hour.",
            )
        return self.machines[name]

    def api_price(self, *names: str) -> ApiPrice:
        """The price of an API by the first listed of several names of a row; PriceError if none is listed."""
        for name in names:
            if name in self.api:
                return self.api[name]
        raise PriceError(
            f"The price list {self.name!r} has no API price of {names[0]!r}.{did_you_mean(names[0], self.api)}",
            fix=f"add it, in {self.currency} for 1,000 images: +prices.api.{names[0]}.per_1k_images=PRICE",
        )

    def origin(self, today: date) -> str:
        """Where and when the prices were read, and whether they are out of date."""
        text = f"{self.name} ({self.source}), from {self.valid_from}"
        if self.valid_to is not None:
            text += f" to {self.valid_to}"
        if self.valid_to is not None and date.fromisoformat(self.valid_to) < today:
            text += f"; WARNING: these prices expired on {self.valid_to}"
        if date.fromisoformat(self.valid_from) > today:
            text += f"; WARNING: these prices are not valid before {self.valid_from}"
        return text


def _check_list(prices: PriceList) -> None:
    for name in ("name", "source"):
        if not str(getattr(prices, name)).strip():
            raise PriceError(f"prices.{name} is empty.", fix=f"say in prices.{name} where the prices were read.")
    _check_currency(prices)
    start = _check_date("prices.valid_from", prices.valid_from)
    if prices.valid_to is not None and _check_date("prices.valid_to", prices.valid_to) < start:
        raise PriceError(
            f"prices.valid_to={prices.valid_to} is before prices.valid_from={prices.valid_from}.", fix="swap them."
        )
    if not 0 < prices.utilisation <= 1:
        raise PriceError(
            f"prices.utilisation={prices.utilisation} is no share of the paid time.",
            fix="set it above 0 and to 1 at most; 0.5 means that a machine works half of the time.",
        )
    if prices.energy_per_kwh is not None:
        _check_price("prices.energy_per_kwh", prices.energy_per_kwh, free=False)
    if prices.grid_g_co2_per_kwh is not None:
        _check_price("prices.grid_g_co2_per_kwh", prices.grid_g_co2_per_kwh, free=True)
        if not (prices.grid_source or "").strip():
            raise PriceError(
                "prices.grid_g_co2_per_kwh has no source.",
                fix="say in prices.grid_source whose figure it is, or remove prices.grid_g_co2_per_kwh.",
            )


def _check_currency(prices: PriceList) -> None:
    if not re.fullmatch(r"[A-Z]{3}", prices.currency):
        raise PriceError(
            f"prices.currency={prices.currency!r} is no ISO code.", fix="use three capital letters, such as EUR."
        )
    rate = prices.usd_per_unit
    if prices.currency == "USD" and rate not in (None, 1.0):
        raise PriceError(f"prices.usd_per_unit={rate} for USD.", fix="remove it, or correct prices.currency.")
    if prices.currency != "USD" and rate is None:
        raise PriceError(
            f"prices.usd_per_unit is missing, and prices are in {prices.currency}.",
            fix=f"set prices.usd_per_unit to the USD that one {prices.currency} is worth.",
        )
    if rate is not None:
        _check_price("prices.usd_per_unit", rate, free=False)


def _check_machine(path: str, machine: Machine) -> None:
    _check_price(f"{path}.per_hour", machine.per_hour, free=machine.free)
    for name in ("cpus", "memory_gb", "gpus"):
        if not getattr(machine, name) > 0:
            raise PriceError(f"{path}.{name}={getattr(machine, name)} is not above 0.", fix="correct it.")


def _check_tokens(path: str, tokens: TokenPrice) -> None:
    for name in ("input_per_million", "output_per_million", "cached_input_per_million"):
        value = getattr(tokens, name)
        if value is not None:
            _check_price(f"{path}.{name}", value, free=tokens.free)
    for name in ("valid_from", "valid_to"):
        if getattr(tokens, name) is not None:
            _check_date(f"{path}.{name}", getattr(tokens, name))


def _check_price(path: str, value: float, *, free: bool) -> None:
    if not math.isfinite(value) or value < 0:
        raise PriceError(f"{path}={value} is no price.", fix="set a price above 0.")
    if value == 0 and not free:
        raise PriceError(f"{path} is 0.", fix="set a price above 0, or say that it costs nothing with `free: true`.")


def _check_date(path: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PriceError(f"{path}={text!r} is no date.", fix="write it as YEAR-MONTH-DAY: 2026-09-24.") from None

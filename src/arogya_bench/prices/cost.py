"""Cost of predictions and of training, with energy and carbon."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from arogya_bench.errors import UndefinedMetric
from arogya_bench.prices.price_list import PriceList

HOURS_PER_MONTH = 730  # 365 · 24 / 12, as cloud providers bill a month


class Throughput(NamedTuple):
    """Images per second of one machine, with the ends of its interval, or None without one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of 1,000 images in USD.

    Attributes:
        usd_per_1k: Machine or API, and energy where it is counted.
        low: At the upper end of the throughput; None without one.
        high: At the lower end of the throughput; None without one, or if it is 0.
        machine_usd: The part of the machine; None for an API.
        energy_usd: The part of energy; None if it is not counted.
        g_co2: Grams of CO2 equivalents of the energy; None if they are not counted.
        assumption: A sentence on what the cost rests on, to be printed beside it.
    """

    usd_per_1k: float
    low: float | None
    high: float | None
    machine_usd: float | None
    energy_usd: float | None
    g_co2: float | None
    assumption: str


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """Whether a machine of one's own is cheaper than an API, and from how many images.

    Attributes:
        images_per_month: From which the machine costs less; None if it never does.
        capacity: Images per month that one machine predicts at the stated utilisation.
        machine_usd_per_month: What the machine costs, whether it works or not.
        sentence: The same in words, with the assumptions.
    """

    images_per_month: int | None
    capacity: int
    machine_usd_per_month: float
    sentence: str


@dataclass(frozen=True, kw_only=True)
class TrainingCost:
    """Total cost of several fits.

    Attributes:
        cost: In the currency of the price.
        kwh: Energy of the devices only; None without their power, as ``kg_co2``.
        n: Number of fits, as ``groups``.
    """

    gpu_hours: float
    cost: float
    kwh: float | None
    kg_co2: float | None
    n: int
    groups: int
    method: str = "hours times devices"
    seed: int | None = None
    note: str = "energy, if there is any, is estimated from mean power, not metered"


def cost_per_1000_images(*, price_per_hour: float, images_per_s: float) -> float:
    """Compute the price of a machine for 1,000 images: 1000 / rate · price / 3600.

    Raises:
        UndefinedMetric: If the rate is 0.
    """
    _check_amounts(price_per_hour, images_per_s)
    if images_per_s == 0:
        raise UndefinedMetric("the throughput is 0, so the cost per image is undefined")
    return 1000 / images_per_s * price_per_hour / 3600


def local_cost(
    prices: PriceList, machine: str, rate: Throughput, *, today: date, energy_wh_per_1k: float | None = None
) -> Cost:
    """Compute what 1,000 images cost on a machine: its price per hour at the stated utilisation, and energy.

    Args:
        prices: A checked list.
        machine: A name in it.
        rate: Images per second.
        today: For a warning if the list has expired.
        energy_wh_per_1k: Measured energy of 1,000 images; None if it was not measured.

    Raises:
        PriceError: If the machine is not listed.
        UndefinedMetric: If the throughput is 0.
    """
    per_hour = prices.find(machine).per_hour * prices.usd
    energy = _energy_usd(prices, energy_wh_per_1k)

    def total(images_per_s: float | None) -> float | None:
        if not images_per_s:
            return None
        hour = cost_per_1000_images(price_per_hour=per_hour, images_per_s=images_per_s)
        return hour / prices.utilisation + (energy or 0.0)

    part = cost_per_1000_images(price_per_hour=per_hour, images_per_s=rate.value) / prices.utilisation
    return Cost(
        usd_per_1k=part + (energy or 0.0),
        low=total(rate.high),
        high=total(rate.low),
        machine_usd=part,
        energy_usd=energy,
        g_co2=_g_co2(prices, energy_wh_per_1k),
        assumption=f"{_machine_text(prices, machine)}, at work {prices.utilisation:.0%} of the paid time; "
        f"{_energy_text(prices, energy_wh_per_1k)}. Prices: {prices.origin(today)}.",
    )


def api_cost(prices: PriceList, *names: str, today: date) -> Cost:
    """Look up what 1,000 images cost with an API, by the names of a row, of which the first listed one counts.

    Raises:
        PriceError: If none is listed.
    """
    usd = prices.api_price(*names).per_1k_images * prices.usd
    return Cost(
        usd_per_1k=usd,
        low=None,
        high=None,
        machine_usd=None,
        energy_usd=None,
        g_co2=None,
        assumption=f"a price for 1,000 images that was entered by hand. Prices: {prices.origin(today)}.",
    )


def break_even(
    prices: PriceList, machine: str, rate: Throughput, *, api_usd_per_1k: float, energy_wh_per_1k: float | None = None
) -> BreakEven:
    """Find from how many images a month a machine that runs all the time costs less than an API.

    Formula: N = price of a month / (API price - energy) per image. A machine predicts rate · utilisation ·
    hours of a month; where N is above that, the machine never pays.

    Raises:
        PriceError: If the machine is not listed.
        UndefinedMetric: If the throughput is 0.
    """
    _check_amounts(rate.value, api_usd_per_1k)
    if rate.value == 0:
        raise UndefinedMetric("the throughput is 0, so the machine predicts nothing")
    month = prices.find(machine).per_hour * prices.usd * HOURS_PER_MONTH
    capacity = int(rate.value * 3600 * HOURS_PER_MONTH * prices.utilisation)
    saved = (api_usd_per_1k - (_energy_usd(prices, energy_wh_per_1k) or 0.0)) / 1000
    needed = int(np.ceil(month / saved)) if saved > 0 else None
    pays = needed is not None and needed <= capacity
    text = f"{_machine_text(prices, machine)} costs {month:,.2f} USD a month and predicts up to {capacity:,} images"
    verdict = f"cheaper than {api_usd_per_1k:g} USD for 1,000 images"
    return BreakEven(
        images_per_month=needed if pays else None,
        capacity=capacity,
        machine_usd_per_month=month,
        sentence=f"{text} in it, at work {prices.utilisation:.0%} of the time: "
        + (f"{verdict} from {needed:,} images a month." if pays else f"never {verdict}."),
    )


def training_cost(
    hours: Sequence[float], *, devices: int, price: float, watt: float | None = None, kg_per_kwh: float | None = None
) -> TrainingCost:
    """Compute the total cost of fits in device hours, money, energy and carbon.

    Formula: h = devices · Σ hours; cost = h · price; kWh = h · W / 1000; kg CO2 = kWh · kg/kWh.

    Args:
        hours: Duration of each fit, including every seed and fold.
        devices: Number of devices per fit.
        price: Price of a device per hour.
        watt: Mean power of a device; None if it is not known.
        kg_per_kwh: Carbon dioxide intensity of the grid; None if it is not known.

    Raises:
        UndefinedMetric: If there are no fits.
    """
    if not len(hours):
        raise UndefinedMetric("no fits")
    _check_amounts(*hours, devices, price, *(amount for amount in (watt, kg_per_kwh) if amount is not None))
    device_hours = float(sum(hours)) * devices
    kwh = None if watt is None else device_hours * watt / 1000
    return TrainingCost(
        gpu_hours=device_hours,
        cost=device_hours * price,
        kwh=kwh,
        kg_co2=None if kwh is None or kg_per_kwh is None else kwh * kg_per_kwh,
        n=len(hours),
        groups=len(hours),
    )


def _energy_usd(prices: PriceList, energy_wh_per_1k: float | None) -> float | None:
    if energy_wh_per_1k is None or prices.energy_per_kwh is None:
        return None
    _check_amounts(energy_wh_per_1k)
    return energy_wh_per_1k / 1000 * prices.energy_per_kwh * prices.usd


def _g_co2(prices: PriceList, energy_wh_per_1k: float | None) -> float | None:
    if energy_wh_per_1k is None or prices.grid_g_co2_per_kwh is None:
        return None
    return energy_wh_per_1k / 1000 * prices.grid_g_co2_per_kwh


def _machine_text(prices: PriceList, machine: str) -> str:
    listed = prices.find(machine)
    gpus = f" for all of its {listed.gpus} GPUs" if listed.gpu and listed.gpus > 1 else ""
    return f"{machine} at {listed.per_hour:g} {prices.currency} an hour{gpus}"


def _energy_text(prices: PriceList, energy_wh_per_1k: float | None) -> str:
    if prices.energy_per_kwh is None:
        return "energy is not counted, or part of the price"
    price = f"energy at {prices.energy_per_kwh:g} {prices.currency} a kWh"
    return f"{price} was not measured and is not counted" if energy_wh_per_1k is None else price


def _check_amounts(*amounts: float) -> None:
    if invalid := [amount for amount in amounts if not np.isfinite(amount) or amount < 0]:
        raise ValueError(f"amounts must be finite and not negative, not {invalid}")

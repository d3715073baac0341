"""Latency and throughput from timed batches, and cost, energy and carbon of training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from arogya_bench.errors import UndefinedMetric
from arogya_bench.types import Floats

# Batches needed for a percentile at 99 % confidence with one batch above the limit.
MIN_BATCHES = {"p50_ms": 11, "p90_ms": 64, "p95_ms": 130, "p99_ms": 662}


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Latency of batches (not of single images) and throughput.

    Attributes:
        p50_ms: Median by linear interpolation; None with too few batches, as other percentiles.
        images_per_s: Number of images / total time.
        n: Number of timed batches, as ``groups``, since batches are assumed to be independent.
        note: Which percentiles need more batches, or an empty string.
    """

    mean_ms: float
    p50_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    images_per_s: float
    n: int
    groups: int
    method: str = "linear interpolation; images / total time"
    seed: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainingCost:
    """Total cost of several fits.

    Attributes:
        cost: In the currency of the price.
        kwh: Energy of the devices only.
        n: Number of fits, as ``groups``.
    """

    gpu_hours: float
    cost: float
    kwh: float
    kg_co2: float
    n: int
    groups: int
    method: str = "hours times devices"
    seed: int | None = None
    note: str = "energy is estimated from mean power, not metered"


def raw_latency(batch_ms: Sequence[float] | Floats, *, batch_size: int) -> Latency:
    """Summarise timed batches with all percentiles, regardless of their number.

    Source: numpy's linear quantiles; throughput is n · batch size / Σ seconds.

    Args:
        batch_ms: Shape (n,), milliseconds of each timed batch, without warm-up.
        batch_size: Number of images per batch.

    Raises:
        UndefinedMetric: If there are no batches.
    """
    times, n = np.asarray(batch_ms, dtype=np.float64), len(batch_ms)
    if not n:
        raise UndefinedMetric("no timed batches")
    if times.ndim != 1 or not (np.isfinite(times) & (times > 0)).all() or batch_size < 1:
        raise ValueError(f"{batch_ms} ms for batches of {batch_size}: all must be above 0")
    percentiles = np.percentile(times, [50, 90, 95, 99]).tolist()
    uncertain = [f"{name[:3]} needs {least}" for name, least in MIN_BATCHES.items() if n < least]
    return Latency(
        **dict(zip(MIN_BATCHES, percentiles, strict=True)),
        mean_ms=float(times.mean()),
        images_per_s=float(1000 * n * batch_size / times.sum()),
        n=n,
        groups=n,
        note=f"of {n} batches: {', '.join(uncertain)}" if uncertain else "",
    )


def latency_percentiles(batch_ms: Sequence[float] | Floats, *, batch_size: int) -> Latency:
    """Summarise timed batches as ``raw_latency``, with None for percentiles of too few batches.

    Source: early stopping of MLPerf LoadGen at 99 % confidence, the least n with
    BinomCDF(1; n, 1 - p) <= .01: 11 for p50, 64 for p90, 130 for p95, 662 for p99.

    Raises:
        UndefinedMetric, ValueError: As ``raw_latency``.
    """
    raw = raw_latency(batch_ms, batch_size=batch_size)
    p50, p90, p95, p99 = (getattr(raw, name) if raw.n >= least else None for name, least in MIN_BATCHES.items())
    return replace(raw, p50_ms=p50, p90_ms=p90, p95_ms=p95, p99_ms=p99)


def cost_per_1000_images(*, price_per_hour: float, images_per_s: float) -> float:
    """Compute the price of a machine for 1,000 images: 1000 / rate · price / 3600.

    Raises:
        UndefinedMetric: If the rate is 0.
    """
    _check_amounts(price_per_hour, images_per_s)
    if images_per_s == 0:
        raise UndefinedMetric("the throughput is 0, so the cost per image is undefined")
    return 1000 / images_per_s * price_per_hour / 3600


def training_cost(
    hours: Sequence[float], *, devices: int, price: float, watt: float, kg_per_kwh: float
) -> TrainingCost:
    """Compute the total cost of fits in device hours, money, energy and carbon.

    Formula: h = devices · Σ hours; cost = h · price; kWh = h · W / 1000; kg CO2 = kWh · kg/kWh.

    Args:
        hours: Duration of each fit, including every seed and fold.
        devices: Number of devices per fit.
        price: Price of a device per hour.
        watt: Mean power of a device.
        kg_per_kwh: Carbon dioxide intensity of the grid.

    Raises:
        UndefinedMetric: If there are no fits.
    """
    if not len(hours):
        raise UndefinedMetric("no fits")
    _check_amounts(*hours, devices, price, watt, kg_per_kwh)
    device_hours = float(sum(hours)) * devices
    kwh = device_hours * watt / 1000
    return TrainingCost(
        gpu_hours=device_hours,
        cost=device_hours * price,
        kwh=kwh,
        kg_co2=kwh * kg_per_kwh,
        n=len(hours),
        groups=len(hours),
    )


def _check_amounts(*amounts: float) -> None:
    if invalid := [amount for amount in amounts if not np.isfinite(amount) or amount < 0]:
        raise ValueError(f"amounts must be finite and not negative, not {invalid}")

"""How speed and cost are measured, for the methods of a report."""

from collections.abc import Mapping
from typing import Any

NOT_MEASURED_TEXT = "latency or cost has not been measured for the model on this dataset; it is not zero"
LATENCY_TEXT = (
    "of one request end to end: decoding, preprocessing, network, postprocessing; batch 1, images of the test split in "
    "turn, each model alone in a process of its own after a warm-up. Percentiles have bounds by order statistics, "
    "without an assumed distribution, or by resampled blocks of requests where successive ones are alike; one with too "
    "few requests is absent (n/a)"
)


def describe_measuring(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of a term and its explanation; without any measurement only what "not measured" means."""
    measured = [facts for facts in about.get("measurements", ()) if facts["machine"]]
    terms = [("Not measured", NOT_MEASURED_TEXT)]
    if measured:
        machines = dict.fromkeys(f"{facts['machine']}, device {facts['device']}" for facts in measured)
        terms += [("Latency", LATENCY_TEXT), ("Machine", "; ".join(machines))]
    if about.get("prices") and measured:
        terms.append(("Prices", _describe_prices(about["prices"])))
    return terms


def _describe_prices(prices: Mapping[str, Any]) -> str:
    until = f" to {prices['valid_to']}" if prices["valid_to"] else ""
    rate = "" if prices["currency"] == "USD" else f" (1 {prices['currency']} = {prices['usd_per_unit']:g} USD)"
    energy = prices["energy_per_kwh"]
    counted = "energy is not counted" if energy is None else f"energy at {energy:g} {prices['currency']} a kWh"
    grid = prices["grid_g_co2_per_kwh"]
    carbon = "" if grid is None else f"; {grid:g} g CO2 a kWh ({prices['grid_source']})"
    return (
        f"{prices['name']}, in {prices['currency']}{rate}, from {prices['valid_from']}{until}: {prices['source']}. A "
        f"machine works {100 * prices['utilisation']:.0f} % of the paid time; {counted}{carbon}. Nothing is measured "
        "again for other prices: compare --prices FILE"
    )

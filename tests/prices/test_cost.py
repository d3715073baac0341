from datetime import date

import numpy as np
import pytest

from arogya_bench.errors import PriceError, UndefinedMetric
from arogya_bench.prices.cost import Throughput, api_cost, break_even, cost_per_1000_images, local_cost, training_cost
from arogya_bench.prices.price_list import ApiPrice, Machine, PriceList


def test_thousand_images_cost_the_time_that_they_take():
    """25 seconds of an hour of 2.50."""
    found = cost_per_1000_images(price_per_hour=2.5, images_per_s=40)

    assert found == pytest.approx(25 * 2.5 / 3600)


def test_cost_without_throughput_is_undefined():
    with pytest.raises(UndefinedMetric, match="throughput is 0"):
        cost_per_1000_images(price_per_hour=1, images_per_s=0)


def test_training_adds_up_by_hand():
    """4 hours on 2 devices."""
    found = training_cost([1.0, 3.0], devices=2, price=2.0, watt=250, kg_per_kwh=0.5)

    assert (found.gpu_hours, found.cost, found.kwh, found.kg_co2) == (8, 16, 2, 1)
    assert found.n == 2
    assert "not metered" in found.note


def test_training_without_a_power_has_a_cost_and_no_energy():
    found = training_cost([1.0, 3.0], devices=1, price=2.0)

    assert (found.gpu_hours, found.cost, found.kwh, found.kg_co2) == (4, 8, None, None)


def test_no_fits_have_no_cost():
    with pytest.raises(UndefinedMetric, match="no fits"):
        training_cost([], devices=1, price=1, watt=1, kg_per_kwh=1)


@pytest.mark.parametrize("wrong", [{"price": -1.0}, {"watt": np.inf}, {"devices": -1}])
def test_amounts_below_zero_or_without_end_are_refused(wrong):
    with pytest.raises(ValueError, match="not negative"):
        training_cost([1.0], **{"devices": 1, "price": 1, "watt": 1, "kg_per_kwh": 1, **wrong})


TODAY = date(2026, 11, 30)
MACHINES = {
    "box": Machine(cpus=2, memory_gb=8, per_hour=3.6),
    "rack": Machine(cpus=64, memory_gb=512, per_hour=36, gpu="H200", gpus=8),
}


def listed(**fields):
    values = {"name": "ward", "source": "invoice", "valid_from": "2026-05-01", "machines": MACHINES}
    return PriceList(**{**values, **fields})


def test_a_local_row_costs_its_machine_at_the_stated_utilisation():
    """1,000 images take 100 s, of a machine that costs .001 a second and works half of the time."""
    found = local_cost(listed(), "box", Throughput(10.0, 8.0, 12.5), today=TODAY)

    assert found.usd_per_1k == found.machine_usd == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.16, 0.25))
    assert (found.energy_usd, found.g_co2) == (None, None)
    assert "box at 3.6 USD an hour, at work 50% of the paid time" in found.assumption
    assert "energy is not counted" in found.assumption
    assert "ward (invoice), from 2026-05-01" in found.assumption


def test_energy_is_added_where_it_has_a_price():
    """50 Wh at 0.4 a kWh are .02, and 20 g at 400 g a kWh."""
    prices = listed(energy_per_kwh=0.4, grid_g_co2_per_kwh=400.0, grid_source="ours")

    found = local_cost(prices, "box", Throughput(10.0, 8.0, 12.5), today=TODAY, energy_wh_per_1k=50.0)

    assert (found.machine_usd, found.energy_usd, found.usd_per_1k) == pytest.approx((0.2, 0.02, 0.22))
    assert (found.low, found.high, found.g_co2) == pytest.approx((0.18, 0.27, 20.0))
    assert "energy at 0.4 USD a kWh." in found.assumption


def test_energy_that_was_not_measured_is_said_to_be_left_out():
    found = local_cost(listed(energy_per_kwh=0.4), "box", Throughput(10.0), today=TODAY)

    assert found.energy_usd is None
    assert "was not measured and is not counted" in found.assumption


def test_costs_in_another_currency_are_in_usd():
    prices = listed(currency="EUR", usd_per_unit=1.5, energy_per_kwh=0.4, api={"x": ApiPrice(per_1k_images=2)})

    found = local_cost(prices, "box", Throughput(10.0), today=TODAY, energy_wh_per_1k=50.0)

    assert found.usd_per_1k == pytest.approx(1.5 * 0.22)
    assert "3.6 EUR an hour" in found.assumption
    assert api_cost(prices, "x", today=TODAY).usd_per_1k == 3


def test_bounds_of_a_cost_are_absent_where_those_of_the_rate_are():
    found = local_cost(listed(), "box", Throughput(10.0), today=TODAY)
    slow = local_cost(listed(), "box", Throughput(10.0, 0.0, 20.0), today=TODAY)

    assert (found.low, found.high) == (None, None)
    assert (slow.low, slow.high) == (pytest.approx(0.1), None)


def test_all_gpus_of_a_machine_are_paid():
    found = local_cost(listed(), "rack", Throughput(10.0), today=TODAY)

    assert "rack at 36 USD an hour for all of its 8 GPUs" in found.assumption


def test_prices_that_expired_are_used_with_a_warning():
    found = local_cost(listed(valid_to="2026-06-01"), "box", Throughput(10.0), today=TODAY)

    assert "WARNING: these prices expired on 2026-06-01" in found.assumption


def test_a_machine_that_is_not_listed_costs_no_0():
    with pytest.raises(PriceError, match="Did you mean 'box'"):
        local_cost(listed(), "bax", Throughput(10.0), today=TODAY)


def test_a_machine_that_predicts_nothing_has_no_cost():
    with pytest.raises(UndefinedMetric, match="throughput is 0"):
        local_cost(listed(), "box", Throughput(0.0), today=TODAY)
    with pytest.raises(UndefinedMetric, match="throughput is 0"):
        break_even(listed(), "box", Throughput(0.0), api_usd_per_1k=1.0)


def test_an_api_costs_what_was_entered_and_an_unknown_one_is_an_error():
    prices = listed(api={"gemini": ApiPrice(per_1k_images=0.83)})

    found = api_cost(prices, "gemini", today=TODAY)

    assert (found.usd_per_1k, found.low, found.high, found.machine_usd) == (0.83, None, None, None)
    assert "entered by hand" in found.assumption
    with pytest.raises(PriceError, match="no API price of 'other'"):
        api_cost(prices, "other", today=TODAY)


def test_a_machine_pays_from_the_price_of_its_month():
    """A month of 730 hours costs 2,628; at 2 a thousand that is 1,314,000 images. It predicts 13,140,000."""
    found = break_even(listed(), "box", Throughput(10.0), api_usd_per_1k=2.0)

    assert found.images_per_month == 1_314_000
    assert found.capacity == 13_140_000
    assert found.machine_usd_per_month == pytest.approx(2_628)
    assert "cheaper than 2 USD for 1,000 images from 1,314,000 images a month" in found.sentence
    assert "2,628.00 USD a month" in found.sentence


def test_energy_delays_the_break_even():
    """Each thousand saves 2 - .02."""
    found = break_even(listed(energy_per_kwh=0.4), "box", Throughput(10.0), api_usd_per_1k=2.0, energy_wh_per_1k=50.0)

    assert found.images_per_month == int(np.ceil(2_628 / 1.98 * 1_000))


@pytest.mark.parametrize("api", [0.19, 0.0])
def test_an_api_below_the_cost_of_a_busy_machine_is_always_cheaper(api):
    found = break_even(listed(), "box", Throughput(10.0), api_usd_per_1k=api)

    assert found.images_per_month is None
    assert "never cheaper" in found.sentence


def test_a_machine_at_its_capacity_costs_what_local_cost_says():
    found = break_even(listed(), "box", Throughput(10.0), api_usd_per_1k=0.2001)

    assert found.images_per_month == pytest.approx(found.capacity, rel=1e-3)

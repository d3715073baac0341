import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from arogya_bench.errors import UndefinedMetric
from arogya_bench.prices.cost import MIN_BATCHES, cost_per_1000_images, latency_percentiles, raw_latency, training_cost

PERCENTILES = {"p50_ms": 0.50, "p90_ms": 0.90, "p95_ms": 0.95, "p99_ms": 0.99}


def test_throughput_is_images_over_total_time_not_the_mean_of_rates():
    """16 images in 400 ms; the rates of 80 and 26.7 have a mean of 53.3."""
    assert raw_latency([100.0, 300.0], batch_size=8).images_per_s == 40


def test_percentiles_are_interpolated_linearly():
    """95 % of the way from the first to the last of 0 to 20 ms in steps of 1."""
    found = raw_latency(np.arange(1.0, 22.0), batch_size=1)

    assert (found.p50_ms, found.p90_ms, found.p95_ms) == pytest.approx((11, 19, 20))
    assert found.p99_ms == pytest.approx(20.8)
    assert found.mean_ms == 11


@pytest.mark.parametrize("name", PERCENTILES)
def test_percentile_appears_with_the_least_number_of_batches_and_not_before(name):
    least = MIN_BATCHES[name]

    before = latency_percentiles(np.ones(least - 1), batch_size=1)
    after = latency_percentiles(np.ones(least), batch_size=1)

    assert getattr(before, name) is None
    assert f"{name[:3]} needs {least}" in before.note
    assert getattr(after, name) == 1
    assert name[:3] not in after.note


@pytest.mark.parametrize(("name", "share"), PERCENTILES.items())
def test_least_numbers_are_those_of_early_stopping_with_one_slower_request(name, share):
    least = MIN_BATCHES[name]

    assert binom.cdf(1, least, 1 - share) <= 0.01 < binom.cdf(1, least - 1, 1 - share)


def test_enough_batches_leave_nothing_to_say():
    found = latency_percentiles(np.linspace(1, 2, 662), batch_size=4)

    assert found.note == ""
    assert found == raw_latency(np.linspace(1, 2, 662), batch_size=4)


def test_refusal_keeps_mean_and_throughput():
    raw, found = (f([10.0, 30.0], batch_size=2) for f in (raw_latency, latency_percentiles))

    assert (found.mean_ms, found.images_per_s, found.n) == (20, 100, 2)
    assert (raw.p50_ms, found.p50_ms) == (20, None)


@given(st.permutations([12.1, 11.8, 12.4, 30.5, 45.0, 11.9]))
def test_order_of_batches_changes_nothing(times):
    found = raw_latency(times, batch_size=8)
    sorted_ = raw_latency(sorted(times), batch_size=8)

    assert found.images_per_s == pytest.approx(sorted_.images_per_s)
    assert found.p95_ms == pytest.approx(sorted_.p95_ms)


def test_nothing_timed_has_no_latency():
    with pytest.raises(UndefinedMetric, match="no timed batches"):
        latency_percentiles([], batch_size=1)


@pytest.mark.parametrize(("times", "size"), [([1.0, 0.0], 1), ([np.nan], 1), ([[1.0]], 1), ([1.0], 0)])
def test_times_and_batch_sizes_that_cannot_be_are_refused(times, size):
    with pytest.raises(ValueError, match="above 0"):
        latency_percentiles(times, batch_size=size)


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


def test_no_fits_have_no_cost():
    with pytest.raises(UndefinedMetric, match="no fits"):
        training_cost([], devices=1, price=1, watt=1, kg_per_kwh=1)


@pytest.mark.parametrize("wrong", [{"price": -1.0}, {"watt": np.inf}, {"devices": -1}])
def test_amounts_below_zero_or_without_end_are_refused(wrong):
    with pytest.raises(ValueError, match="not negative"):
        training_cost([1.0], **{"devices": 1, "price": 1, "watt": 1, "kg_per_kwh": 1, **wrong})

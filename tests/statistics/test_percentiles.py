import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.percentiles import (
    MIN_REQUESTS,
    half_drift,
    lag_one_autocorrelation,
    least_requests,
    linear_percentile,
    paired_ratio,
    percentile,
    percentile_upper_bound,
    rate_interval,
)

ORACLES = Path(__file__).resolve().parents[2].parent / "shared" / "oracles" / "cases" / "cost.json"
STUDIES = 1_000


def log_normal(rng, n):
    return np.exp(0.25 * rng.standard_normal(n))


def bimodal(rng, n):
    """Three requests of a hundred meet the garbage collector."""
    return np.where(rng.random(n) < 0.03, 5 + rng.random(n), 1 + rng.random(n) / 5)


def bimodal_percentile(percent):
    """The percentile of ``bimodal``: uniform between 1 and 1.2 for 97 %, between 5 and 6 for the rest."""
    share = percent / 100
    return 1 + share / 0.97 / 5 if share <= 0.97 else 5 + (share - 0.97) / 0.03


TRUTH = {log_normal: lambda percent: np.exp(0.25 * norm.ppf(percent / 100)), bimodal: bimodal_percentile}


@pytest.mark.parametrize(("percent", "least"), MIN_REQUESTS.items())
def test_least_numbers_are_those_of_early_stopping_with_one_slower_request(percent, least):
    assert least_requests(percent) == least
    assert binom.cdf(1, least, 1 - percent / 100) <= 0.01 < binom.cdf(1, least - 1, 1 - percent / 100)


@pytest.mark.parametrize(("percent", "least"), [(50, 8), (90, 46), (95, 93), (99, 473), (99.9, 4742)])
def test_least_numbers_at_another_confidence(percent, least):
    """The row for 95 % in the method paper of the project."""
    assert least_requests(percent, confidence=0.95) == least


@pytest.mark.parametrize("percent", MIN_REQUESTS)
def test_a_percentile_appears_with_the_least_number_of_requests_and_not_before(percent):
    least = MIN_REQUESTS[percent]

    before = percentile(np.linspace(1, 2, least - 1), percent)
    after = percentile(np.linspace(1, 2, least), percent)

    assert (before.value, before.low, before.high) == (None, None, None)
    assert before.note == f"n/a (n={least - 1}, needs {least})"
    assert after.value == pytest.approx(1 + percent / 100)
    assert after.n == after.groups == least
    assert "n/a" not in after.note


def test_there_is_no_p99_of_661_requests():
    assert percentile(np.arange(1.0, 662.0), 99).value is None
    assert percentile(np.arange(1.0, 663.0), 99).value == pytest.approx(1 + 0.99 * 661)


def test_the_interval_of_a_median_by_hand():
    """Of 11 requests: BinomPPF(.025; 11, .5) = 2 and BinomPPF(.975; 11, .5) + 1 = 10."""
    found = percentile(np.arange(11.0, 0.0, -1.0), 50)

    assert (found.low, found.value, found.high) == (2, 6, 10)


def test_the_order_statistics_are_those_of_the_binomial_distribution():
    times = np.sort(log_normal(np.random.default_rng(5), 2_000))

    found = percentile(times, 99, confidence=0.9)

    lower, upper = binom.ppf([0.05, 0.95], 2_000, 0.99).astype(int)
    assert (found.low, found.high) == (times[lower - 1], times[upper])


def test_an_interval_may_have_no_upper_end():
    """Of 662 requests, u at 99.9 % is 663: more than there are."""
    found = percentile(np.arange(1.0, 663.0), 99, confidence=0.999)

    assert found.low is not None
    assert found.high is None
    assert "no upper end" in found.note


def test_an_upper_bound_by_hand():
    """Of 64 requests, BinomCDF(1; 64, .1) = .0097: one may be above, and none is dropped."""
    times = np.arange(1.0, 65.0)

    assert percentile_upper_bound(times, 90) == 64
    assert percentile_upper_bound(times[:63], 90) is None
    assert percentile_upper_bound(times, 50) == 64 - 21  # BinomCDF(22; 64, .5) = .0084, of 23 .0164


@pytest.mark.parametrize("percent", [50, 90, 95, 99])
@pytest.mark.parametrize("n", [700, 1_500])
def test_an_upper_bound_is_what_early_stopping_of_loadgen_leaves(percent, n):
    times = log_normal(np.random.default_rng(n), n)
    above = max(t for t in range(n) if binom.cdf(t, n, 1 - percent / 100) <= 0.01)

    assert percentile_upper_bound(times, percent) == np.sort(times)[: n - (above - 1)].max()


@pytest.mark.parametrize("draw", [log_normal, bimodal])
@pytest.mark.parametrize(("percent", "n"), [(50, 11), (90, 64), (95, 130), (99, 662), (99, 1_986)])
def test_bounds_hold_the_true_percentile_at_their_rate(draw, percent, n):
    rng, truth = np.random.default_rng(percent * n), TRUTH[draw](percent)

    inside = above = 0
    for _ in range(STUDIES):
        times = draw(rng, n)
        found = percentile(times, percent)
        inside += (found.low is None or found.low <= truth) and (found.high is None or truth <= found.high)
        above += truth <= percentile_upper_bound(times, percent)

    assert inside / STUDIES >= 0.95 - 3 * (0.95 * 0.05 / STUDIES) ** 0.5
    assert above / STUDIES >= 0.99 - 3 * (0.99 * 0.01 / STUDIES) ** 0.5


@pytest.mark.skipif(not ORACLES.exists(), reason=f"no reference cases in {ORACLES}")
def test_timed_batches_agree_with_the_reference_case():
    """Percentiles by linear interpolation; throughput is images over total time, not the mean of rates."""
    (case,) = [each for each in json.loads(ORACLES.read_text()) if each["id"] == "cost.latency"]
    times, size, expected = np.array(case["inputs"]["batch_ms"]), case["inputs"]["batch_size"], case["expected"]

    rate = rate_interval(np.full(times.size, size), times / 1000)

    found = [linear_percentile(times, percent) for percent in (50, 95, 99)]
    assert found == pytest.approx([expected[name] for name in ("median_ms", "p95_ms", "p99_ms")], abs=1e-9)
    assert rate.value == pytest.approx(expected["images_per_s"], abs=1e-9)


def test_percentiles_are_interpolated_linearly():
    """99 % of the way from the first to the last of 1 to 21 in steps of 1."""
    times = np.arange(1.0, 22.0)

    found = [linear_percentile(times, percent) for percent in (50, 90, 95, 99)]

    assert found == pytest.approx([11, 19, 20, 20.8])


@given(st.permutations([12.1, 11.8, 12.4, 30.5, 45.0, 11.9, 12.0, 12.2, 13.0, 14.0, 12.9]))
def test_the_order_of_requests_changes_no_percentile(times):
    assert percentile(times, 50) == percentile(sorted(times), 50)


def test_a_rate_is_images_over_total_time_not_the_mean_of_rates():
    """16 images in 0.4 s; the rates of 80 and 26.7 have a mean of 53.3."""
    found = rate_interval([8, 8], [0.1, 0.3])

    assert found.value == pytest.approx(40)


def test_the_interval_of_a_rate_by_hand():
    """Without each round: 8/.3, 8/.1. Spread √(1/2 · 2 · 26.67²) = 26.67; t(1) = 12.706."""
    found = rate_interval([8, 8], [0.1, 0.3])

    assert found.low == 0
    assert found.high == pytest.approx(40 + 12.7062 * 26.6667, rel=1e-4)
    assert (found.n, found.groups) == (2, 2)


def test_a_single_round_has_a_rate_and_no_interval():
    found = rate_interval([8], [0.1])

    assert (found.value, found.low, found.high) == (80, None, None)
    assert "single round" in found.note


def test_the_interval_of_a_rate_holds_it_at_its_rate():
    """Rounds of 32 images, half of which are disturbed; the truth is the limit of long measuring."""
    rng, truth, inside = np.random.default_rng(3), 32 / (1.1 + 0.5 * 0.2), 0
    for _ in range(2_000):
        seconds = rng.uniform(1, 1.2, 20) + 0.2 * (rng.random(20) < 0.5)
        found = rate_interval(np.full(20, 32), seconds)
        inside += found.low <= truth <= found.high

    assert inside / 2_000 >= 0.95 - 3 * (0.95 * 0.05 / 2_000) ** 0.5


def test_a_paired_ratio_by_hand():
    """Ratios of 2 and 8: geometric mean 4; half the difference of their logs is ln 2, t(1) = 12.706."""
    found = paired_ratio([2, 8], [1, 1])

    assert found.value == pytest.approx(4)
    assert found.low == pytest.approx(4 / 2**12.7062, rel=1e-3)
    assert found.high == pytest.approx(4 * 2**12.7062, rel=1e-3)


def test_a_drift_that_hits_both_cancels_in_a_paired_ratio():
    drift = np.linspace(1, 3, 10)

    found = paired_ratio(2 * drift, drift)

    assert (found.low, found.value, found.high) == pytest.approx((2, 2, 2))


def test_a_ratio_of_one_round_has_no_interval():
    found = paired_ratio([3], [2])

    assert (found.value, found.low, found.high) == (pytest.approx(1.5), None, None)


def test_autocorrelation_of_a_slow_wave_is_near_1_and_of_a_zigzag_near_minus_1():
    assert lag_one_autocorrelation(2 + np.sin(np.linspace(0, 6, 1_000))) > 0.99
    assert lag_one_autocorrelation([1, 2] * 500) == pytest.approx(-1, abs=0.01)


def test_autocorrelation_by_hand():
    """Deviations -1, 0, 1: products of neighbours 0, squares 2."""
    assert lag_one_autocorrelation([1, 2, 3]) == 0


@pytest.mark.parametrize("times", [[], [1.0, 2.0], [3.0] * 10])
def test_too_few_or_equal_requests_have_no_autocorrelation(times):
    assert lag_one_autocorrelation(times) is None


def test_drift_is_the_second_half_over_the_first():
    assert half_drift([10, 10, 11, 11]) == pytest.approx(0.1)
    assert half_drift([10, 10, 10]) == 0
    assert half_drift([1.0]) is None


@pytest.mark.parametrize("times", [[1.0, 0.0], [np.nan], [[1.0]], [np.inf], [-1.0]])
def test_times_that_cannot_be_are_refused(times):
    with pytest.raises(ValueError, match="above 0"):
        percentile(times, 50)


def test_nothing_timed_has_no_percentile():
    with pytest.raises(UndefinedMetric, match="no timed requests"):
        percentile([], 50)


@pytest.mark.parametrize("percent", [0, 100, -1, 150])
def test_percentiles_that_are_none_are_refused(percent):
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentile([1.0], percent)


@pytest.mark.parametrize("function", [rate_interval, paired_ratio])
def test_rounds_that_do_not_match_are_refused(function):
    with pytest.raises(ValueError, match="2 "):
        function([1, 2], [1])

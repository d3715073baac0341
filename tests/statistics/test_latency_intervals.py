import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from arogya_bench.statistics.latency_intervals import MAX_AUTOCORRELATION, block_percentile_interval, latency_interval
from arogya_bench.statistics.percentiles import lag_one_autocorrelation, percentile


def dependent(rng, n, rho):
    """Log-normal times of an autoregression of order 1, from its stationary distribution."""
    shocks = rng.standard_normal(n) * np.sqrt(1 - rho**2)
    shocks[0] = rng.standard_normal()
    return np.exp(0.25 * lfilter([1], [1, -rho], shocks))


def test_independent_requests_take_order_statistics():
    times = np.exp(np.random.default_rng(1).standard_normal(1_000))

    found = latency_interval(times, 90, np.random.default_rng(0))

    assert abs(lag_one_autocorrelation(times)) < MAX_AUTOCORRELATION
    assert found.note == "independent requests: order statistics"
    assert (found.low, found.value, found.high) == (
        percentile(times, 90).low,
        percentile(times, 90).value,
        percentile(times, 90).high,
    )


def test_dependent_requests_take_blocks_and_say_so():
    times = dependent(np.random.default_rng(1), 1_000, 0.8)

    found = latency_interval(times, 90, np.random.default_rng(0))

    plain = percentile(times, 90)
    assert found.note.startswith("dependent requests (autocorrelation 0.7")
    assert "blocks of" in found.method
    assert found.groups < 100
    assert found.value == plain.value
    assert found.high - found.low > plain.high - plain.low


def test_blocks_follow_from_the_seed():
    times = dependent(np.random.default_rng(1), 300, 0.8)

    first, second = (block_percentile_interval(times, 90, block=20, rng=np.random.default_rng(4)) for _ in range(2))

    assert first == second
    assert first.seed is not None


def test_too_few_requests_have_no_interval_of_blocks_either():
    found = block_percentile_interval(np.arange(1.0, 64.0), 90, block=5, rng=np.random.default_rng(0))

    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.note == "n/a (n=63, needs 64)"


@pytest.mark.parametrize("block", [0, 65])
def test_blocks_that_do_not_fit_are_refused(block):
    with pytest.raises(ValueError, match="a block of"):
        block_percentile_interval(np.arange(1.0, 65.0), 90, block=block, rng=np.random.default_rng(0))


def test_blocks_hold_the_percentile_of_dependent_requests_more_often_than_order_statistics():
    rng, truth, plain, blocks, studies = np.random.default_rng(2), np.exp(0.25 * norm.ppf(0.9)), 0, 0, 200
    for _ in range(studies):
        times = dependent(rng, 500, 0.6)
        independent, found = percentile(times, 90), latency_interval(times, 90, rng)
        plain += independent.low <= truth <= independent.high
        blocks += found.low <= truth <= found.high

    assert plain / studies < 0.9
    assert blocks / studies >= 0.88

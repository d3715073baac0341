"""The server scenario counts waiting, finds the highest rate in time, and catches coordinated omission."""

import time
from dataclasses import replace

import numpy as np
import pytest

from arogya_bench.errors import ModelError
from arogya_bench.measurement.server_search import check_trial, find_highest_rate, requests_per_trial
from arogya_bench.measurement.server_trial import ServerTrial, draw_arrivals, run_server_trial

REQUESTS = 662


def simulated_trial(rate, service_s, *, requests=REQUESTS, seed=0, limit_ms=np.inf):
    """Requests of a single server, by Lindley's recursion."""
    rng = np.random.default_rng(seed)
    arrivals = draw_arrivals(rate, requests, rng)
    services = np.broadcast_to(service_s(rng, requests), requests)
    started, finished, free = [], [], 0.0
    for arrival, service in zip(arrivals, services, strict=True):
        started.append(max(arrival, free))
        free = started[-1] + service
        finished.append(free)
    late = ((np.array(finished) - arrivals) * 1e3 > limit_ms).sum() > requests // 100
    return ServerTrial(
        rate=rate, scheduled=arrivals, started=np.array(started), finished=np.array(finished), stopped=bool(late)
    )


def constant(seconds):
    return lambda rng, count: np.full(count, seconds)


def test_arrivals_have_the_requested_rate():
    arrivals = draw_arrivals(50.0, 20_000, np.random.default_rng(0))

    assert 20_000 / arrivals[-1] == pytest.approx(50, rel=0.03)
    assert np.std(np.diff(arrivals)) == pytest.approx(1 / 50, rel=0.05)


def test_latency_counts_from_the_scheduled_arrival():
    """A request that takes 200 ms keeps those that arrive meanwhile waiting."""
    durations = iter([0.2, *[0.0] * 9])

    trial = run_server_trial(lambda: time.sleep(next(durations)), np.linspace(0.0, 0.09, 10), rate=100, limit_ms=1e6)

    assert trial.latencies_ms[0] >= 200
    assert trial.latencies_ms[5] >= 140  # arrived 50 ms after the first
    assert (trial.finished - trial.started)[5] * 1e3 < 20


def test_a_trial_ends_when_too_many_requests_are_late():
    trial = run_server_trial(lambda: time.sleep(0.002), np.full(200, 0.0), rate=1e6, limit_ms=1.0)

    assert trial.stopped
    assert len(trial.scheduled) == 3  # 1 % of 200 may be late
    assert check_trial(trial) is None


def test_the_highest_rate_keeps_the_bound_of_p99_below_the_limit():
    service = constant(0.010)

    found = find_highest_rate(lambda rate: simulated_trial(rate, service), capacity=100.0, limit_ms=40.0, longest_s=600)

    assert found.p99_ms <= 40.0
    assert 40 < found.rate < 98
    assert check_trial(simulated_trial(1.15 * found.rate, service)) > 40.0


def test_no_rate_is_found_for_a_model_that_is_slower_than_the_limit():
    found = find_highest_rate(
        lambda rate: simulated_trial(rate, constant(0.010)), capacity=100.0, limit_ms=5.0, longest_s=600
    )

    assert (found.rate, found.p99_ms) == (None, None)


def test_coordinated_omission_is_caught():
    """A harness that sends the next request when the last was answered hides the queue."""
    honest = simulated_trial(80.0, constant(0.010))
    shift = honest.started - honest.scheduled
    planted = replace(honest, scheduled=honest.scheduled + shift)

    assert check_trial(honest) > 15
    with pytest.raises(ModelError, match="coordinated omission"):
        check_trial(planted)


@pytest.mark.parametrize("load", [0.2, 0.5, 0.8, 0.97])
def test_honest_trials_are_not_accused(load):
    def service(rng, count):
        return rng.lognormal(np.log(0.01), 0.3, count)

    for seed in range(20):
        check_trial(simulated_trial(load * 95, service, seed=seed))


def test_a_clock_that_runs_backwards_is_an_error():
    honest = simulated_trial(50.0, constant(0.010))

    with pytest.raises(ModelError, match="before it was scheduled"):
        check_trial(replace(honest, started=honest.scheduled - 1))


def test_a_trial_has_as_many_requests_as_p99_needs():
    assert requests_per_trial() == REQUESTS


def test_a_model_that_is_too_slow_for_a_trial_has_no_rate():
    service = constant(1.0)

    found = find_highest_rate(lambda rate: simulated_trial(rate, service), capacity=1.0, limit_ms=5e3, longest_s=60)

    assert (found.rate, found.trials) == (None, ())

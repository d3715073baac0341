"""Honesty of measurements: models whose time and memory are known are measured as they are."""

import numpy as np
import pytest
from timed_models import (
    AllocatingModel,
    FailingModel,
    LimitedModel,
    PlainModel,
    QueueingModel,
    RememberingModel,
    SleepingModel,
    TimedModel,
    WarmingModel,
    sleep_5_ms,
)

from arogya_bench.errors import BudgetExceeded, JobKilled, JobTimeout
from arogya_bench.measurement.results import OFFLINE, SINGLE_STREAM
from arogya_bench.measurement.summary import summarise, summarise_batches

MS = 1000.0


def median_ms(measurement, span="end_to_end", scenario=SINGLE_STREAM, batch=1):
    return float(np.median(np.concatenate([block.requests.span(span) for block in measurement.of(scenario, batch)])))


def test_a_model_that_sleeps_10_ms_takes_10_ms(within):
    within(median_ms, 9.8, 10.2, SleepingModel(seconds=0.01))


def test_the_harness_itself_takes_at_most_20_microseconds(within):
    within(median_ms, 0.0, 0.020, TimedModel())


def test_spans_of_reading_and_of_the_network_add_up(within):
    expected = {"preprocess": 20.0, "forward": 10.0, "end_to_end": 30.0}

    def largest_error(found):
        return max(abs(median_ms(found, span) / ms - 1) for span, ms in expected.items())

    within(largest_error, 0.0, 0.02, SleepingModel(seconds=0.01), read_seconds=0.02)


def test_memory_of_300_mb_is_seen_from_outside(within):
    def extra_mb(allocating, empty):
        return allocating.of(SINGLE_STREAM)[0].ram_peak_mb - empty.of(SINGLE_STREAM)[0].ram_peak_mb

    within(extra_mb, 285, 315, AllocatingModel(megabytes=300), TimedModel())


def test_work_in_a_queue_of_the_device_is_waited_for(within):
    within(lambda found: median_ms(found, "forward"), 9.8, 10.3, QueueingModel(seconds=0.01))


def test_without_synchronisation_a_queue_hides_the_work(measured):
    (found,) = measured(QueueingModel(seconds=0.01, synchronised=False))

    assert median_ms(found, "forward") < 1.0  # so that the test above fails if nothing is synchronised


def test_answers_that_a_model_remembers_are_not_in_the_samples(within):
    """Every image is sent again and again, with another number in its lowest bits."""
    within(median_ms, 9.8, 10.3, RememberingModel(seconds=0.01))


def test_a_slow_start_is_not_in_the_samples(measured):
    (found,) = measured(WarmingModel(slow_requests=5), warm_up_seconds=5.0)

    times = np.concatenate([block.requests.span("end_to_end") for block in found.of(SINGLE_STREAM)])
    (warm_up,) = found.warm_ups
    assert warm_up.calls > 5
    assert np.percentile(times, 90) < 90
    assert found.cold_start.first_call_ms > 90


def test_rounds_measure_every_model_in_turns(measured):
    sleeping, empty = measured(SleepingModel(seconds=0.002), TimedModel(), rounds=3)

    assert [block.requests.round for block in sleeping.of(SINGLE_STREAM)] == [0, 1, 2]
    assert sleeping.session == empty.session


def test_batches_reach_the_network_until_memory_ends(measured):
    (found,) = measured(
        LimitedModel(memory_ends=64), batches=[8, 32], until_memory_ends=True, largest_batch=256, batch_seconds=0.05
    )

    statuses = {batch.batch: batch.status for batch in summarise_batches(found)}
    assert statuses == {1: "ok", 8: "ok", 32: "ok", 64: "out of memory"}


def test_a_batch_that_does_not_fit_is_a_result_and_not_an_error(measured, short_protocol):
    (found,) = measured(LimitedModel(memory_ends=32), batches=[8, 32, 64])

    summary = summarise(found, short_protocol(), rng=np.random.default_rng(0))
    assert summary.values["largest_batch"] == 8
    assert summary.values["memory_ended_at"] == 32
    assert summary.undefined["throughput_b32_img_s"] == "out of memory: cannot hold 32 images"


def test_decoding_counts_only_where_it_is_asked_for(measured):
    (found,) = measured(TimedModel(), batches=[8], read_seconds=0.005, batch_seconds=0.2)

    batch = {summary.batch: summary for summary in summarise_batches(found)}[8]
    assert batch.rate.value < 200
    assert batch.no_decode_images_per_s > 500


def test_a_model_without_steps_has_no_spans_and_no_batches(measured, short_protocol):
    (found,) = measured(PlainModel(), batches=[8])

    summary = summarise(found, short_protocol(batches=[8]), rng=np.random.default_rng(0))
    assert summary.values["latency_p50_ms"] >= 2.0
    assert "no steps" in summary.undefined["forward_p50_ms"]
    assert "no steps" in summary.undefined["throughput_b8_img_s"]
    assert found.of(OFFLINE, 8) == ()


@pytest.mark.slow
def test_models_that_fail_do_not_stop_the_others(measured):
    models = [FailingModel(how=how) for how in ("dies", "hangs", "raises")]

    dead, hanging, raising, other = measured(*models, TimedModel(), step_timeout=10.0)

    assert isinstance(dead, JobKilled)
    assert "SIGKILL" in str(dead)
    assert isinstance(hanging, JobTimeout)
    assert "did not answer within" in str(hanging)
    assert "measure.step_timeout" in hanging.fix
    assert "in forward" in hanging.remote_traceback
    assert isinstance(raising, RuntimeError)
    assert "on fire" in str(raising)
    assert median_ms(other) < 5


@pytest.mark.slow
def test_a_session_that_has_to_end_ends_at_once(measured):
    """Such as when the budget of a sweep is spent."""
    reasons = iter([None, None])

    first, second = measured(
        SleepingModel(seconds=0.01),
        TimedModel(),
        stop=lambda: next(reasons, BudgetExceeded("no money is left", fix="earn some")),
        seconds=60.0,
        max_seconds=60.0,
    )

    assert isinstance(first, BudgetExceeded)
    assert isinstance(second, BudgetExceeded)


def test_every_model_gets_the_same_images_in_the_same_order(measured):
    sleeping, empty = measured(SleepingModel(seconds=0.001), TimedModel())

    first, second = (found.of(SINGLE_STREAM)[0].requests.case_ids for found in (sleeping, empty))
    count = min(len(first), len(second))
    assert sorted(set(first)) == sorted(set(second))
    assert count > 10


def test_a_calibration_counts_as_postprocessing(within):
    within(lambda found: median_ms(found, "postprocess"), 4.9, 5.2, TimedModel(), postprocess=sleep_5_ms, seconds=0.3)

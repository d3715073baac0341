"""Options of a measurement are checked before anything is measured."""

import pytest

from arogya_bench.configuration.compose import RunRequest, compose_jobs
from arogya_bench.errors import ConfigError
from arogya_bench.measurement.protocol import MeasurementProtocol


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rounds": 1}, "rounds=1"),
        ({"batches": [32, 8]}, "ascending"),
        ({"batches": [1, 8]}, "above 1"),
        ({"seconds": 0}, "seconds=0"),
        ({"server_limit_ms": -1.0}, "server_limit_ms"),
    ],
)
def test_invalid_options_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        MeasurementProtocol(**fields)


@pytest.mark.parametrize("name", ["quick", "standard", "strict"])
def test_every_shipped_protocol_is_valid(name):
    (job,) = compose_jobs(RunRequest(overrides=(f"measure={name}",)))

    assert job.measure_name == name
    assert job.measure.rounds >= 2


def test_quick_takes_at_most_30_seconds_a_model():
    (job,) = compose_jobs(RunRequest(overrides=("measure=quick",)))
    quick = job.measure

    warm_ups = (2 + len(quick.batches)) * quick.warm_up_seconds
    batches = len(quick.batches) * quick.batch_seconds

    assert quick.max_seconds + warm_ups + batches + quick.pyfunc_seconds + quick.idle_seconds <= 30


def test_nothing_is_measured_unless_asked_for():
    (job,) = compose_jobs(RunRequest())

    assert (job.measure_name, job.measure) == ("none", None)


def test_a_typo_in_an_option_is_an_error():
    with pytest.raises(ConfigError, match="batchs"):
        compose_jobs(RunRequest(overrides=("measure=quick", "+measure.batchs=[8]")))

"""Numbers of a measurement: present with enough requests, absent with a reason otherwise."""

import json
from dataclasses import replace

import numpy as np
import pytest

from arogya_bench.measurement.grade import EnvironmentGrade
from arogya_bench.measurement.model_size import ModelSize
from arogya_bench.measurement.requests import Block
from arogya_bench.measurement.results import (
    OFFLINE,
    SINGLE_STREAM,
    BatchEnd,
    ColdStart,
    EnergySource,
    MeasuredBlock,
    ModelMeasurement,
)
from arogya_bench.measurement.run_items import latency_table, measurement_items, throughput_table
from arogya_bench.measurement.server_search import ServerResult
from arogya_bench.measurement.summary import describe_measurement, percentile_details, summarise, summarise_batches
from arogya_bench.measurement.worker import GPUMemory
from arogya_bench.tracking import tags
from arogya_bench.tracking.items import Scalars, Tags, Text


def block_of(times_ms, *, scenario=SINGLE_STREAM, batch=1, number=0, decode=1.0, **fields):
    times = np.asarray(times_ms, float)
    columns = np.column_stack([np.full(len(times), decode), times * 0.3, times * 0.6, times * 0.1, times])
    requests = Block(
        scenario=scenario,
        round=number,
        batch=batch,
        case_ids=tuple(str(index) for index in range(len(times))),
        times=columns,
        seconds=float(times.sum() / 1e3),
    )
    defaults = {
        "ram_peak_mb": 500.0,
        "cpu_seconds": float(times.sum() / 1e3),
        "window_seconds": float(times.sum() / 1e3),
        "gpu_process_peak_mb": None,
        "gpu_device_peak_mb": None,
        "joules": None,
    }
    return MeasuredBlock(requests=requests, **(defaults | fields))


def measurement_of(blocks, **fields):
    measurement = ModelMeasurement(
        device="cpu",
        stepped=True,
        cold_start=ColdStart(import_s=1.0, load_s=0.5, first_call_ms=250.0),
        size=ModelSize(parameters=10, gmacs=None, reasons={"gmacs": "not counted"}),
        size_mb=3.0,
        warm_ups=(),
        blocks=tuple(blocks),
        batch_ends=(),
        gpu_memory=GPUMemory(None, None),
        energy=EnergySource(mode="absent", reason="no counter here", idle_watts=None),
        server=None,
        grade=EnvironmentGrade(letter="B", reasons=("the governor is unknown",), observations={"drift": 0.0}),
        drift=0.01,
        autocorrelation=0.02,
        session="s",
    )
    return replace(measurement, **fields)


@pytest.fixture
def summary_of(short_protocol):
    def build(measurement, **protocol):
        return summarise(measurement, short_protocol(**protocol), rng=np.random.default_rng(0))

    return build


def drawn(count, seed=0):
    return np.random.default_rng(seed).lognormal(np.log(10), 0.25, count)


def test_p99_is_absent_at_661_requests_and_present_at_662(summary_of):
    one_less = summary_of(measurement_of([block_of(drawn(661))]))
    enough = summary_of(measurement_of([block_of(drawn(662))]))

    assert "latency_p99_ms" not in one_less.values
    assert "661" in one_less.undefined["latency_p99_ms"]
    assert "662" in one_less.undefined["latency_p99_ms"]
    assert enough.values["latency_p99_ms"] > enough.values["latency_p95_ms"]
    assert "latency_p99_ms.ci_low" not in one_less.values


def test_few_requests_have_no_percentile_at_all(summary_of):
    summary = summary_of(measurement_of([block_of(drawn(10))]))

    assert not [name for name in summary.values if name.startswith("latency_p")]
    assert summary.values["requests"] == 10


def test_throughput_is_images_over_time_and_not_the_mean_of_rates(summary_of):
    blocks = [
        block_of([10.0] * 20),
        block_of([1000.0], scenario=OFFLINE, batch=8),
        block_of([3000.0], scenario=OFFLINE, batch=8, number=1),
    ]

    summary = summary_of(measurement_of(blocks))

    assert summary.values["throughput_b8_img_s"] == pytest.approx(16 / 4.0)
    assert summary.values["throughput_b1_img_s"] == pytest.approx(100)


def test_memory_is_that_of_the_first_round_before_the_pyfunc_is_loaded(summary_of):
    blocks = [block_of([10.0] * 20), block_of([10.0] * 20, number=1, ram_peak_mb=900.0)]

    assert summary_of(measurement_of(blocks)).values["ram_peak_mb"] == 500


def test_use_of_the_processors_is_over_the_single_stream(summary_of):
    summary = summary_of(measurement_of([block_of([10.0] * 100, cpu_seconds=1.5)]))

    assert summary.values["cpu_percent"] == pytest.approx(150)
    assert summary.values["core_seconds_per_image"] == pytest.approx(0.015)


def test_energy_is_above_the_idle_baseline(summary_of):
    blocks = [block_of([10.0] * 100, joules=30.0)]
    energy = EnergySource(mode="rapl", reason=None, idle_watts=12.0)

    summary = summary_of(measurement_of(blocks, energy=energy))

    assert summary.values["energy_wh_per_1k_images"] == pytest.approx(1000 * (30 - 12) / 3600 / 100)


def test_absent_numbers_have_their_reason(summary_of):
    summary = summary_of(measurement_of([block_of(drawn(100))]), server_limit_ms=500.0)

    assert summary.undefined["energy_wh_per_1k_images"] == "no counter here"
    assert summary.undefined["gmacs"] == "not counted"
    assert "GPU" in summary.undefined["gpu_peak_mb"]
    assert "500 ms" in summary.undefined["server_rate_img_s"]
    assert summary.values["cold_start_s"] == 1.75


def test_at_most_60_metrics_are_logged(summary_of):
    blocks = [block_of(drawn(700)), block_of(drawn(700), scenario="pyfunc")]
    for batch in (8, 32, 64, 128, 256, 512):
        blocks += [block_of([50.0] * 3, scenario=OFFLINE, batch=batch, number=number) for number in range(2)]
    ends = (BatchEnd(batch=1024, status="out of memory", reason="x"),)
    measurement = measurement_of(
        [replace(block, joules=500.0, gpu_process_peak_mb=5.0) for block in blocks],
        batch_ends=ends,
        size=ModelSize(parameters=1, gmacs=1.0),
        gpu_memory=GPUMemory(1.0, 2.0),
        energy=EnergySource(mode="nvml", reason=None, idle_watts=1.0),
        server=ServerResult(rate=5.0, limit_ms=500.0, p99_ms=400.0, trials=()),
    )

    assert 50 < len(summary_of(measurement, server_limit_ms=500.0).values) <= 60


def test_memory_of_a_gpu_is_that_of_the_first_round(summary_of):
    """The allocator of PyTorch keeps what the largest batch took."""
    blocks = [
        block_of([10.0] * 20, gpu_process_peak_mb=500.0),
        block_of([10.0] * 20, number=1, gpu_process_peak_mb=9e3),
    ]

    measurement = measurement_of(blocks)

    assert summary_of(measurement).values["gpu_peak_mb"] == 500
    assert summarise_batches(measurement)[0].gpu_peak_mb == 500


def test_the_file_of_a_run_holds_p99_9():
    (estimate,) = [
        row
        for row in percentile_details(measurement_of([block_of(drawn(6636))]), np.random.default_rng(0))
        if row["percent"] == 99.9
    ]

    assert estimate["scenario"] == SINGLE_STREAM
    assert estimate["low"] < estimate["value"] < estimate["high"]


def test_batches_are_summarised_in_order_with_those_that_did_not_run():
    blocks = [block_of([10.0] * 20), block_of([40.0] * 3, scenario=OFFLINE, batch=8, decode=8.0)]
    ends = (BatchEnd(batch=32, status="not run", reason="one batch would take about 400 s"),)

    first, second, third = summarise_batches(measurement_of(blocks, batch_ends=ends))

    assert (first.batch, second.batch, third.batch) == (1, 8, 32)
    assert second.rate.value == pytest.approx(200)
    assert second.no_decode_images_per_s == pytest.approx(250)
    assert (third.status, third.rate) == ("not run", None)


def test_tables_keep_every_request():
    blocks = [block_of([10.0, 12.0]), block_of([40.0], scenario=OFFLINE, batch=8)]

    latencies, throughput = latency_table(measurement_of(blocks)), throughput_table(measurement_of(blocks))

    assert len(latencies) == 2 * 5
    assert set(latencies.span) == {"decode", "preprocess", "forward", "postprocess", "end_to_end"}
    assert throughput[throughput.decoding].images.tolist() == [2, 8]
    assert (
        throughput[~throughput.decoding].seconds.to_numpy() < throughput[throughput.decoding].seconds.to_numpy()
    ).all()


def test_a_run_names_grade_and_session(short_protocol):
    items = list(
        measurement_items(measurement_of([block_of(drawn(100))]), short_protocol(), rng=np.random.default_rng(0))
    )

    values = next(item.values for item in items if isinstance(item, Tags))
    details = json.loads(next(item.text for item in items if isinstance(item, Text)))
    scalars = next(item.values for item in items if isinstance(item, Scalars))
    assert (values[tags.GRADE], values[tags.SESSION], values[tags.DEVICE]) == ("B", "s", "cpu")
    assert details["environment"]["reasons"] == ["the governor is unknown"]
    assert details["batches"][0]["batch"] == 1
    assert all(np.isfinite(value) for value in scalars.values())


def test_one_line_says_what_matters():
    line = describe_measurement(measurement_of([block_of([10.0] * 20)]))

    assert line == "p50 10.00 ms · 100 images/s at batch 1 · grade B (the governor is unknown)"

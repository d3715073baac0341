"""The numbers of a measurement: percentiles with bounds, throughput, memory and energy, and why others are absent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from arogya_bench.measurement.energy import energy_wh
from arogya_bench.measurement.protocol import MeasurementProtocol
from arogya_bench.measurement.results import OFFLINE, PYFUNC, SINGLE_STREAM, MeasuredBlock, ModelMeasurement
from arogya_bench.statistics.latency_intervals import latency_interval
from arogya_bench.statistics.percentiles import MIN_REQUESTS, RateEstimate, rate_interval
from arogya_bench.types import Floats

NO_STEPS = "the model offers no steps, so that the spans of a request are unknown"
ALL_PERCENTS = (50, 90, 95, 99, 99.9)
LOGGED_BATCHES = (1, 8, 32, 64)  # as metrics; the tables have all
NO_GPU = "the model did not run on a GPU"


@dataclass(frozen=True, kw_only=True)
class MeasurementSummary:
    """Metrics of a measurement by name, and for each that is absent the reason."""

    values: Mapping[str, float]
    undefined: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class BatchSummary:
    """One batch size: images per second with and without decoding, time of a batch, memory, energy.

    Attributes:
        status: ``ok``, ``out of memory`` or ``not run``; all numbers are None unless it is ``ok``.
        energy_wh_per_1k_images: Above the idle baseline; None without a counter.
    """

    batch: int
    status: str
    reason: str | None = None
    rate: RateEstimate | None = None
    no_decode_images_per_s: float | None = None
    ms_p50: float | None = None
    ram_peak_mb: float | None = None
    gpu_peak_mb: float | None = None
    energy_wh_per_1k_images: float | None = None


def summarise(
    measurement: ModelMeasurement, protocol: MeasurementProtocol, *, rng: np.random.Generator
) -> MeasurementSummary:
    """Compute the metrics of a measurement; units end their names."""
    values: dict[str, float] = {}
    undefined: dict[str, str] = {}
    for name, value, reason in [
        *_latency_metrics(measurement, protocol, rng),
        *_batch_metrics(measurement),
        *_resource_metrics(measurement),
        *_size_metrics(measurement),
        *_environment_metrics(measurement),
    ]:
        if value is not None and np.isfinite(value):
            values[name] = float(value)
        elif reason:
            undefined[name] = reason
    return MeasurementSummary(values=values, undefined=undefined)


Metric = tuple[str, float | None, str]  # name, value, reason if there is none; a bound without reason is just absent


def _latency_metrics(
    measurement: ModelMeasurement, protocol: MeasurementProtocol, rng: np.random.Generator
) -> Iterator[Metric]:
    stream = measurement.of(SINGLE_STREAM)
    yield from _percentiles("latency", _span(stream, "end_to_end"), tuple(MIN_REQUESTS), rng)
    yield "requests", len(_span(stream, "end_to_end")), ""
    for span in ("preprocess", "forward", "postprocess"):
        yield f"{span}_p50_ms", float(np.median(_span(stream, span))), NO_STEPS
    pyfunc = measurement.of(PYFUNC)
    if pyfunc:
        yield from _percentiles("pyfunc_latency", _span(pyfunc, "end_to_end"), (50, 99), rng)
        yield "pyfunc_requests", len(_span(pyfunc, "end_to_end")), ""
    else:
        reasons = [note for note in measurement.notes if "pyfunc" in note]
        yield "pyfunc_latency_p50_ms", None, reasons[0] if reasons else "measure.pyfunc_seconds is 0"
    cold = measurement.cold_start
    yield "cold_start_s", cold.total_s, ""
    yield "import_s", cold.import_s, ""
    yield "load_s", cold.load_s, ""
    yield "first_call_ms", cold.first_call_ms, ""
    if protocol.server_limit_ms is not None:
        rate = measurement.server.rate if measurement.server else None
        yield "server_rate_img_s", rate, _no_rate(measurement, protocol.server_limit_ms)
        yield "server_limit_ms", protocol.server_limit_ms, ""


def percentile_details(measurement: ModelMeasurement, rng: np.random.Generator) -> list[dict[str, object]]:
    """Every percentile of both scenarios of single requests with its bounds, p99.9 too, as JSON values."""
    return [
        {"scenario": scenario, **asdict(latency_interval(_span(blocks, "end_to_end"), percent, rng))}
        for scenario in (SINGLE_STREAM, PYFUNC)
        if (blocks := measurement.of(scenario))
        for percent in ALL_PERCENTS
    ]


def _no_rate(measurement: ModelMeasurement, limit_ms: float) -> str:
    if measurement.server is not None and not measurement.server.trials:
        return "a trial would take longer than measure.server_seconds"
    return f"no rate keeps 99 % of the requests within {limit_ms:g} ms"


def _percentiles(name: str, times: Floats, percents: Sequence[int], rng: np.random.Generator) -> Iterator[Metric]:
    for percent in percents:
        estimate = latency_interval(times, percent, rng)
        metric = f"{name}_p{percent}_ms"
        yield metric, estimate.value, estimate.note
        yield f"{metric}.ci_low", estimate.low, ""
        yield f"{metric}.ci_high", estimate.high, ""


def _batch_metrics(measurement: ModelMeasurement) -> Iterator[Metric]:
    batches = summarise_batches(measurement)
    for batch in batches:
        if batch.batch not in LOGGED_BATCHES:
            continue
        name = f"throughput_b{batch.batch}_img_s"
        if batch.rate is None:
            yield name, None, f"{batch.status}: {batch.reason}"
            continue
        yield name, batch.rate.value, ""
        yield f"{name}.ci_low", batch.rate.low, ""
        yield f"{name}.ci_high", batch.rate.high, ""
        yield f"throughput_b{batch.batch}_no_decode_img_s", batch.no_decode_images_per_s, ""
    ran = [batch.batch for batch in batches if batch.rate is not None]
    ended = [batch.batch for batch in batches if batch.status == "out of memory"]
    yield "largest_batch", max(ran), ""
    if ended:
        yield "memory_ended_at", min(ended), ""


def describe_measurement(measurement: ModelMeasurement) -> str:
    """The median latency, the highest throughput and the grade, in one line."""
    median_ms = float(np.median(_span(measurement.of(SINGLE_STREAM), "end_to_end")))
    rates = {batch.batch: batch.rate.value for batch in summarise_batches(measurement) if batch.rate is not None}
    best = max(rates, key=rates.__getitem__)
    grade = measurement.grade
    reasons = f" ({'; '.join(grade.reasons)})" if grade.reasons else ""
    return f"p50 {median_ms:.2f} ms · {rates[best]:.0f} images/s at batch {best} · grade {grade.letter}{reasons}"


def summarise_batches(measurement: ModelMeasurement) -> list[BatchSummary]:
    """Summarise every batch size, ascending; batch 1 is the single stream."""
    sizes = sorted({block.requests.batch for block in measurement.blocks if block.requests.scenario == OFFLINE})
    ended = {end.batch: end for end in measurement.batch_ends}
    summaries = [
        _summarise_batch(measurement, batch, measurement.of(SINGLE_STREAM if batch == 1 else OFFLINE, batch))
        for batch in (1, *sizes)
        if batch not in ended
    ]
    summaries += [BatchSummary(batch=end.batch, status=end.status, reason=end.reason) for end in measurement.batch_ends]
    return sorted(summaries, key=lambda summary: summary.batch)


def _summarise_batch(measurement: ModelMeasurement, batch: int, blocks: Sequence[MeasuredBlock]) -> BatchSummary:
    images = [block.requests.images for block in blocks]
    decode_s = sum(float(block.requests.span("decode").sum()) for block in blocks) / 1e3
    rest_s = sum(float(block.requests.span("end_to_end").sum()) for block in blocks) / 1e3 - decode_s
    return BatchSummary(
        batch=batch,
        status="ok",
        rate=rate_interval(images, [block.requests.seconds for block in blocks]),
        no_decode_images_per_s=sum(images) / rest_s,
        ms_p50=float(np.median(_span(blocks, "end_to_end"))),
        ram_peak_mb=blocks[0].ram_peak_mb,  # later ones have the pyfunc beside the model
        gpu_peak_mb=blocks[0].gpu_process_peak_mb,  # the allocator of a later one keeps what larger batches took
        energy_wh_per_1k_images=_energy(measurement, blocks)[0],
    )


def _resource_metrics(measurement: ModelMeasurement) -> Iterator[Metric]:
    stream = measurement.of(SINGLE_STREAM)
    known = [block for block in stream if block.cpu_seconds is not None]
    cpu_seconds = sum(block.cpu_seconds or 0.0 for block in known)
    yield "ram_peak_mb", stream[0].ram_peak_mb, ""
    unknown = "the processor time of the process could not be read"
    images, seconds = sum(block.requests.images for block in known), sum(block.window_seconds for block in known)
    yield "cpu_percent", 100 * cpu_seconds / seconds if known else None, unknown
    yield "core_seconds_per_image", cpu_seconds / images if known else None, unknown
    yield "gpu_peak_mb", stream[0].gpu_process_peak_mb, NO_GPU
    yield "torch_allocated_peak_mb", measurement.gpu_memory.allocated_mb, NO_GPU
    yield "torch_reserved_peak_mb", measurement.gpu_memory.reserved_mb, NO_GPU


def _size_metrics(measurement: ModelMeasurement) -> Iterator[Metric]:
    size = measurement.size
    yield "parameters", size.parameters, size.reasons.get("parameters", "unknown")
    yield "gmacs", size.gmacs, size.reasons.get("gmacs", "unknown")
    yield "model_size_mb", measurement.size_mb, ""


def _environment_metrics(measurement: ModelMeasurement) -> Iterator[Metric]:
    energy, reason = _energy(measurement, measurement.of(SINGLE_STREAM))
    yield "energy_wh_per_1k_images", energy, reason
    yield "idle_watts", measurement.energy.idle_watts, ""
    yield "drift", measurement.drift, "too few requests"
    yield "autocorrelation", measurement.autocorrelation, "too few requests"


def _energy(measurement: ModelMeasurement, blocks: Sequence[MeasuredBlock]) -> tuple[float | None, str]:
    """Watt-hours per 1,000 images above the idle baseline, or the reason why they are unknown."""
    source = measurement.energy
    joules = [block.joules for block in blocks if block.joules is not None]
    if len(joules) < len(blocks):
        return None, source.reason or "no energy counter could be read"
    energy = energy_wh(sum(joules), source.idle_watts, sum(block.window_seconds for block in blocks))
    if energy.wh is None:
        return None, energy.reason or "unknown"
    return 1000 * energy.wh / sum(block.requests.images for block in blocks), ""


def _span(blocks: Sequence[MeasuredBlock], name: str) -> Floats:
    return np.concatenate([block.requests.span(name) for block in blocks])

"""What a measurement run logs: pure functions from a measurement to tags and items."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from arogya_bench.measurement.protocol import MeasurementProtocol
from arogya_bench.measurement.requests import SPANS
from arogya_bench.measurement.results import ModelMeasurement
from arogya_bench.measurement.server_search import describe_trials
from arogya_bench.measurement.summary import BatchSummary, percentile_details, summarise, summarise_batches
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.hardware import read_hardware
from arogya_bench.tracking import tags
from arogya_bench.tracking.items import Item, ParquetTable, Scalars, Tags, Text

DIGEST_LENGTH = 12  # of the machine


def machine_tags() -> dict[str, str]:
    """The machine, by its hardware and never by its name."""
    hardware = read_hardware()
    return {tags.MACHINE: hardware.describe(), tags.MACHINE_DIGEST: digest_of(hardware.facts())[:DIGEST_LENGTH]}


def measurement_items(
    measurement: ModelMeasurement, protocol: MeasurementProtocol, *, rng: np.random.Generator
) -> Iterator[Item]:
    """Everything that one measurement logs, except for the tags that its run starts with."""
    summary = summarise(measurement, protocol, rng=rng)
    yield Scalars(values=summary.values)
    yield Tags(
        values={
            tags.UNDEFINED_METRICS: json.dumps(dict(summary.undefined)),
            tags.DEVICE: measurement.device,
            tags.GRADE: measurement.grade.letter,
            tags.GRADE_REASONS: "; ".join(measurement.grade.reasons),
            tags.SESSION: measurement.session,
        }
    )
    yield ParquetTable(file="latencies.parquet", rows=latency_table(measurement))
    yield ParquetTable(file="throughput.parquet", rows=throughput_table(measurement))
    details = {**_details(measurement, protocol), "latency": percentile_details(measurement, rng)}
    yield Text(file="measurement.json", text=json.dumps(details, indent=1, default=str))


def latency_table(measurement: ModelMeasurement) -> pd.DataFrame:
    """One row per request of one image and span: scenario, round, case_id, span, ms; also the server scenario."""
    parts = []
    for block in measurement.blocks:
        requests = block.requests
        if requests.batch != 1:
            continue
        for position, span in enumerate(SPANS):
            ms = requests.times[:, position]
            if np.isfinite(ms).all():
                columns = {"scenario": requests.scenario, "round": requests.round}
                parts.append(pd.DataFrame({**columns, "case_id": requests.case_ids, "span": span, "ms": ms}))
    for number, trial in enumerate(measurement.server.trials if measurement.server else ()):
        columns = {"scenario": "server", "round": number, "case_id": "", "span": "end_to_end"}
        parts.append(pd.DataFrame({**columns, "ms": trial.latencies_ms}))
    return pd.concat(parts, ignore_index=True)


def throughput_table(measurement: ModelMeasurement) -> pd.DataFrame:
    """One row per block of a batch size, with decoding and without: batch, decoding, round, images, seconds."""
    rows = []
    for block in measurement.blocks:
        requests = block.requests
        if requests.scenario == "pyfunc":
            continue
        decode_s = float(requests.span("decode").sum()) / 1e3
        for decoding, seconds in ((True, requests.seconds), (False, _answer_seconds(block.requests.times, decode_s))):
            rows.append(
                {
                    "batch": requests.batch,
                    "decoding": decoding,
                    "round": requests.round,
                    "images": requests.images,
                    "seconds": seconds,
                }
            )
    return pd.DataFrame(rows)


def _answer_seconds(times: Any, decode_s: float) -> float:
    return float(times[:, SPANS.index("end_to_end")].sum()) / 1e3 - decode_s


def _details(measurement: ModelMeasurement, protocol: MeasurementProtocol) -> dict[str, object]:
    server = measurement.server
    return {
        "protocol": asdict(protocol),
        "hardware": read_hardware().facts(),
        "environment": {
            "grade": measurement.grade.letter,
            "reasons": list(measurement.grade.reasons),
            **measurement.grade.observations,
        },
        **measurement.facts,
        "energy": asdict(measurement.energy),
        "cold_start": asdict(measurement.cold_start),
        "warm_up": [asdict(warm_up) for warm_up in measurement.warm_ups],
        "batches": [_describe_batch(batch) for batch in summarise_batches(measurement)],
        "server": None
        if server is None
        else {
            "rate": server.rate,
            "limit_ms": server.limit_ms,
            "p99_ms": server.p99_ms,
            "trials": describe_trials(server.trials),
        },
        "notes": list(measurement.notes),
    }


def _describe_batch(batch: BatchSummary) -> dict[str, object]:
    rate = batch.rate
    return {
        "batch": batch.batch,
        "status": batch.status,
        "reason": batch.reason,
        "images_per_s": rate.value if rate else None,
        "ci_low": rate.low if rate else None,
        "ci_high": rate.high if rate else None,
        "no_decode_images_per_s": batch.no_decode_images_per_s,
        "ms_p50": batch.ms_p50,
        "ram_peak_mb": batch.ram_peak_mb,
        "gpu_peak_mb": batch.gpu_peak_mb,
        "energy_wh_per_1k_images": batch.energy_wh_per_1k_images,
    }

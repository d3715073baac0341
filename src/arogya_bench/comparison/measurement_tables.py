"""The tables of what was measured: per model, per batch size, and the paired ratios of latencies."""

import json
import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pandas as pd

from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.front_draws import Rounds
from arogya_bench.comparison.measurement_notes import NOT_MEASURED
from arogya_bench.comparison.measurements import RATE_NAME, BlockMeasurements, Measurement, read_latencies
from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.percentiles import paired_ratio

WITH_BOUNDS = (
    "latency_p50_ms", "latency_p90_ms", "latency_p95_ms", "latency_p99_ms", "pyfunc_latency_p50_ms",
)  # fmt: skip
SINGLE_NUMBERS = (
    "pyfunc_latency_p99_ms", "preprocess_p50_ms", "forward_p50_ms", "postprocess_p50_ms", "requests",
    "pyfunc_requests", "cold_start_s", "import_s", "load_s", "first_call_ms", "largest_batch", "memory_ended_at",
    "ram_peak_mb", "gpu_peak_mb", "torch_allocated_peak_mb", "torch_reserved_peak_mb", "cpu_percent",
    "core_seconds_per_image", "parameters", "gmacs", "model_size_mb", "energy_wh_per_1k_images", "idle_watts",
    "server_rate_img_s", "server_limit_ms", "drift", "autocorrelation",
)  # fmt: skip
THROUGHPUT_COLUMNS = (
    "dataset", "model", "batch", "status", "images_per_s", "images_per_s.ci_low", "images_per_s.ci_high",
    "no_decode_images_per_s", "ms_p50", "ram_peak_mb", "gpu_peak_mb", "grade", "reason",
)  # fmt: skip
OK = "ok"


MEASUREMENT_COLUMNS = (
    "dataset", "model", "grade", "grade_reasons", "machine", "device", "threads", "image_size", "protocol",
    "protocol_digest", "session",
    *(column for name in WITH_BOUNDS for column in bounds(name)), *SINGLE_NUMBERS, "fits", "absent", "note", "run_id",
)  # fmt: skip
PAIR_COLUMNS = (
    "dataset", "a", "b", *bounds("ratio"), "rounds", "session", "note",
)  # fmt: skip


def measurement_rows(block: ComparableRuns, measured: BlockMeasurements, models: Mapping[str, str]) -> list[TableRow]:
    """One row per model, in the given order of name to row digest; none if nothing was ever measured."""
    if not measured.by_row and not measured.notes:
        return []
    return [_measurement_row(block, measured, name, row) for name, row in models.items()]


def throughput_rows(block: ComparableRuns, measured: BlockMeasurements, models: Mapping[str, str]) -> list[TableRow]:
    """One row per model and batch size that was tried."""
    return [
        _throughput_row(block.dataset, name, measured.by_row[row], batch)
        for name, row in models.items()
        if row in measured.by_row
        for batch in measured.by_row[row].batches
    ]


def read_rounds(block: ComparableRuns, measured: BlockMeasurements, models: Mapping[str, str]) -> dict[str, Rounds]:
    """The rounds of each measured model, in the order of their latencies; without models whose samples are lost."""
    by_name = {name: measured.by_row[row] for name, row in models.items() if row in measured.by_row}
    ordered = sorted(by_name, key=lambda name: by_name[name].metrics.get("latency_p50_ms", math.inf))
    rounds = {
        name: Rounds(session=by_name[name].session, medians=_median_by_round(block, by_name[name])) for name in ordered
    }
    return {name: found for name, found in rounds.items() if found.medians}


def latency_pair_rows(block: ComparableRuns, rounds: Mapping[str, Rounds]) -> list[TableRow]:
    """One row per pair of models that were interleaved: the ratio of their latencies, paired by round."""
    return [
        _pair_row(block.dataset, a, b, rounds)
        for a, b in combinations(rounds, 2)
        if rounds[a].session == rounds[b].session
    ]


def fits_sentence(measurement: Measurement) -> str:
    """What memory the largest batch that ran has needed, such as "1.2 GB at batch 32"; empty if unknown."""
    known = [batch for batch in measurement.batches if batch["status"] == OK and batch.get("ram_peak_mb")]
    ended = next((batch["batch"] for batch in measurement.batches if batch["status"] == "out of memory"), None)
    limit = f"no memory at batch {ended}" if ended else ""
    if not known:
        return limit
    largest = known[-1]
    gpu = f" and {_gigabytes(largest['gpu_peak_mb'])} of GPU memory" if largest.get("gpu_peak_mb") else ""
    return join_notes(f"{_gigabytes(largest['ram_peak_mb'])}{gpu} at batch {largest['batch']}", limit)


def _gigabytes(megabytes: float) -> str:
    """Rounded up, since it is said to be enough."""
    return f"{math.ceil(megabytes / 100 - 1e-9) / 10:.1f} GB"


def _measurement_row(block: ComparableRuns, measured: BlockMeasurements, name: str, row: str) -> TableRow:
    measurement, note = measured.by_row.get(row), measured.notes.get(name, "")
    start = {**dict.fromkeys(MEASUREMENT_COLUMNS), "dataset": block.dataset, "model": name}
    if measurement is None:
        return {**start, "note": note or NOT_MEASURED}
    return {
        **start,
        **_conditions(measurement),
        "machine": measured.machine,
        **_numbers(measurement.metrics),
        "fits": fits_sentence(measurement),
        "absent": json.dumps(dict(sorted(measurement.absent.items()))) if measurement.absent else "",
        "note": join_notes(note, measurement.document_note),
        "run_id": measurement.run.run_id,
    }


def _conditions(measurement: Measurement) -> TableRow:
    params = measurement.run.params
    return {
        "grade": measurement.grade,
        "grade_reasons": measurement.grade_reasons,
        "device": measurement.device,
        "threads": params.get("threads", ""),
        "image_size": params.get("model.image_size", ""),
        "protocol": measurement.protocol,
        "protocol_digest": measurement.protocol_digest,
        "session": measurement.session,
    }


def _numbers(metrics: Mapping[str, float]) -> TableRow:
    return {
        **{column: metrics.get(column) for name in WITH_BOUNDS for column in bounds(name)},
        **{name: metrics.get(name) for name in SINGLE_NUMBERS},
        **_rates(metrics),
    }


def _rates(metrics: Mapping[str, float]) -> TableRow:
    """The columns of throughput, the smallest batch first."""
    names = sorted(filter(RATE_NAME.fullmatch, metrics), key=lambda name: int(name.split("_")[1][1:]))
    columns = [column for name in names for column in (*bounds(name), name.replace("_img_s", "_no_decode_img_s"))]
    return {column: metrics.get(column) for column in columns}


def _throughput_row(dataset: str, name: str, measurement: Measurement, batch: Mapping[str, Any]) -> TableRow:
    return {
        **dict.fromkeys(THROUGHPUT_COLUMNS),  # their order
        "dataset": dataset,
        "model": name,
        "batch": int(batch["batch"]),
        "status": str(batch["status"]),
        "images_per_s": batch.get("images_per_s"),
        "images_per_s.ci_low": batch.get("ci_low"),
        "images_per_s.ci_high": batch.get("ci_high"),
        **{column: batch.get(column) for column in ("no_decode_images_per_s", "ms_p50", "ram_peak_mb", "gpu_peak_mb")},
        "grade": measurement.grade,
        "reason": batch.get("reason") or "",
    }


def _median_by_round(block: ComparableRuns, measurement: Measurement) -> dict[int, float]:
    """Median latency of each round of the single stream; empty if the samples are lost."""
    samples: pd.DataFrame | None = read_latencies(block, measurement)
    if samples is None:
        return {}
    requests = samples[(samples["scenario"] == "single_stream") & (samples["span"] == "end_to_end")]
    medians = requests[requests["ms"] > 0].groupby("round")["ms"].median()
    return {int(str(number)): float(value) for number, value in medians.items()}


def _pair_row(dataset: str, a: str, b: str, rounds: Mapping[str, Rounds]) -> TableRow:
    faster, slower = rounds[a].medians, rounds[b].medians
    shared = sorted(faster.keys() & slower.keys())
    row: TableRow = {**dict.fromkeys(PAIR_COLUMNS), "dataset": dataset, "a": a, "b": b, "session": rounds[a].session}
    try:
        ratio = paired_ratio([slower[number] for number in shared], [faster[number] for number in shared])
    except UndefinedMetric:
        return {**row, "rounds": 0, "note": "no round in common"}
    numbers = dict(zip(bounds("ratio"), (ratio.value, ratio.low, ratio.high), strict=True))
    return {**row, **numbers, "rounds": ratio.n, "note": ratio.note}

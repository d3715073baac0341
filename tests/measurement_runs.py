"""Measurement runs in the form that ``arogya-bench measure`` logs, with made-up numbers."""

import json

import numpy as np
import pandas as pd

from arogya_bench.tracking.items import Params, ParquetTable, Scalars, Tags, Text
from arogya_bench.tracking.runs import finish_run, start_run, write_items
from arogya_bench.tracking.tags import (
    DATASET,
    DATASET_DIGEST,
    DEVICE,
    ERROR,
    ERROR_MESSAGE,
    GRADE,
    GRADE_REASONS,
    KIND,
    MACHINE,
    MACHINE_DIGEST,
    MEASURE,
    MODEL,
    MODEL_CONFIG_DIGEST,
    SEED,
    SESSION,
    SPLIT,
    SPLIT_DIGEST,
    TASK,
    UNDEFINED_METRICS,
)

JOB_TAGS = (MODEL, MODEL_CONFIG_DIGEST, DATASET, DATASET_DIGEST, TASK, SPLIT, SPLIT_DIGEST, SEED)
LAPTOP = ("AMD Ryzen 7, 2 cores, 24 GB, no GPU", "a" * 12)
SERVER = ("Intel Xeon, 16 cores, 64 GB, NVIDIA A10G (24 GB)", "b" * 12)
HARDWARE = {
    LAPTOP: {"cpu": "AMD Ryzen 7", "cores": 2, "memory": "24 GB", "gpus": []},
    SERVER: {"cpu": "Intel Xeon", "cores": 16, "memory": "64 GB", "gpus": ["NVIDIA A10G (24 GB)"]},
}
RATES = {1: 90.0, 8: 200.0, 32: 240.0, 64: 244.0}  # images per second at each batch size
SPREAD = 0.02  # of latencies and rates, relative


def write_measurement(
    store,
    evaluation_tags,
    *,
    p50=10.0,
    rates=None,
    memory_ended_at=None,
    grade="B",
    reasons="idle, recorded; the governor is not fixed",
    machine=LAPTOP,
    device="cpu",
    threads=2,
    session="one",
    options=None,
    spread=SPREAD,
    requests=200,
    rounds=5,
    drifts=None,
    energy=None,
    gpu=None,
    status="FINISHED",
    error=None,
    document=True,
    tags=None,
):
    """Log a measurement of the model of an evaluation; return the id of its run."""
    rates = RATES if rates is None else rates
    job_tags = {name: evaluation_tags[name] for name in JOB_TAGS}
    machine_tags = {MACHINE: machine[0], MACHINE_DIGEST: machine[1], DEVICE: device, SESSION: session}
    start = {**job_tags, KIND: "measurement", MEASURE: "quick", **machine_tags, **(tags or {})}
    run_id = start_run(store, "measurement", start)
    if status == "FINISHED":
        metrics = {**_latencies(p50, requests), **_rates(rates, spread), **_resources(rates, gpu)}
        absent = _absent(requests, energy, gpu)
        if energy is not None:
            metrics["energy_wh_per_1k_images"] = energy
        if memory_ended_at:
            metrics["memory_ended_at"] = memory_ended_at
        items = [
            Params(values={"model": job_tags[MODEL], "device": device, "threads": threads, "image_size": 224}),
            Scalars(values=metrics),
            Tags(values={GRADE: grade, GRADE_REASONS: reasons, UNDEFINED_METRICS: json.dumps(absent)}),
            ParquetTable(file="latencies.parquet", rows=_latency_samples(p50, requests, rounds, drifts)),
        ]
        if document:
            batches = _batches(rates, spread, memory_ended_at, gpu)
            content = {"hardware": HARDWARE[machine], "batches": batches, "server": None, "notes": []}
            content["protocol"] = {"seconds": 5.0, "rounds": rounds, **(options or {})}
            items.append(Text(file="measurement.json", text=json.dumps(content)))
        write_items(store, run_id, items)
    elif error:
        write_items(store, run_id, [Tags(values={ERROR: error[0], ERROR_MESSAGE: error[1]})])
    finish_run(store, run_id, status)
    return run_id


def _latencies(p50, requests):
    metrics = {"requests": requests, "pyfunc_requests": requests}
    for percent, factor, least in ((50, 1.0, 11), (90, 1.2, 64), (95, 1.3, 130), (99, 1.6, 662)):
        if requests >= least:
            name, value = f"latency_p{percent}_ms", p50 * factor
            metrics |= {name: value, f"{name}.ci_low": value * (1 - SPREAD), f"{name}.ci_high": value * (1 + SPREAD)}
    if requests < 140:
        metrics.pop("latency_p95_ms.ci_high", None)  # the largest requests are too few for an upper end
    spans = {"preprocess": 0.3, "forward": 0.6, "postprocess": 0.1}
    metrics |= {f"{span}_p50_ms": p50 * share for span, share in spans.items()}
    return metrics | {
        "pyfunc_latency_p50_ms": p50 * 1.3,
        "cold_start_s": 2.0,
        "import_s": 1.0,
        "load_s": 0.8,
        "first_call_ms": 200.0,
    }


def _rates(rates, spread):
    metrics = {"largest_batch": max(rates)}
    for batch, rate in rates.items():
        name = f"throughput_b{batch}_img_s"
        low, high = _ends(rate, spread)
        metrics |= {name: rate, f"throughput_b{batch}_no_decode_img_s": rate * 1.2}
        if low is not None:
            metrics |= {f"{name}.ci_low": low, f"{name}.ci_high": high}
    return metrics


def _ends(rate, spread):
    """The interval of a rate; none if the spread is None."""
    return (None, None) if spread is None else (rate * (1 - spread), rate * (1 + spread))


def _resources(rates, gpu):
    metrics = {"ram_peak_mb": 700.0, "cpu_percent": 185.0, "core_seconds_per_image": 0.02, "model_size_mb": 94.0}
    metrics |= {"parameters": 23_500_000, "gmacs": 4.1, "drift": 0.01, "autocorrelation": 0.05}
    return metrics | ({} if gpu is None else {"gpu_peak_mb": gpu})


def _absent(requests, energy, gpu):
    absent = {}
    for percent, least in ((90, 64), (95, 130), (99, 662)):
        if requests < least:
            absent[f"latency_p{percent}_ms"] = f"n/a (n={requests}, needs {least})"
    if energy is None:
        absent["energy_wh_per_1k_images"] = "no counter of energy on this machine"
    if gpu is None:
        absent["gpu_peak_mb"] = "no GPU"
    return absent


def _batches(rates, spread, memory_ended_at, gpu):
    batches = [
        {
            "batch": batch,
            "status": "ok",
            "reason": None,
            "images_per_s": rate,
            **dict(zip(("ci_low", "ci_high"), _ends(rate, spread), strict=True)),
            "no_decode_images_per_s": rate * 1.2,
            "ms_p50": 1000 * batch / rate,
            "ram_peak_mb": 700.0 + 12 * batch,
            "gpu_peak_mb": None if gpu is None else gpu + 30 * batch,
        }
        for batch, rate in rates.items()
    ]
    if memory_ended_at:
        numbers = ("images_per_s", "ci_low", "ci_high", "no_decode_images_per_s", "ms_p50", "ram_peak_mb")
        reason = f"batch {memory_ended_at} needs more than 24 GB"
        ended = {"batch": memory_ended_at, "status": "out of memory", "reason": reason}
        batches.append({**ended, **dict.fromkeys((*numbers, "gpu_peak_mb"))})
    return batches


def _latency_samples(p50, requests, rounds, drifts):
    rng = np.random.default_rng(7)
    drifts = np.ones(rounds) if drifts is None else np.asarray(drifts)
    number = np.arange(requests) * rounds // requests
    end_to_end = p50 * drifts[number] * rng.lognormal(sigma=0.01, size=requests)
    frame = pd.DataFrame({"scenario": "single_stream", "round": number, "span": "end_to_end", "ms": end_to_end})
    frame.insert(2, "case_id", [f"c{i % 7:03}" for i in range(requests)])
    forward = frame.assign(span="forward", ms=0.6 * end_to_end)
    return pd.concat([frame, forward, frame.assign(scenario="pyfunc", ms=1.3 * end_to_end)], ignore_index=True)

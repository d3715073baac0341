"""The sections of a report on speed, memory, cost, and what follows from them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

from arogya_bench.comparison.costs import COST
from arogya_bench.comparison.measurement_tables import OK
from arogya_bench.comparison.pareto import LATENCY
from arogya_bench.report import speed_charts
from arogya_bench.report.columns import (
    GREY,
    MARKED,
    Column,
    Row,
    amount,
    any_value,
    grade_tone,
    latency,
    measured,
    model_name,
    text,
)
from arogya_bench.report.section import Section, group_notes, row_footnotes
from arogya_bench.report.speed_findings import describe_throughput
from arogya_bench.report.wording import UNDEFINED, format_measured, format_significant, is_undefined
from arogya_bench.statistics.percentiles import MIN_REQUESTS

RATE = "server_rate_img_s"
BATCHES = (1, 8, 32, 64)  # of which the overview shows the throughput
GRADES = (
    "Grades of the environment: A fixed and idle, B idle, C shared (marked), D throttled, disturbed or drifting (grey: "
    "no recommendation rests on it)."
)
BRIEF_GRADES = (  # the terminal says itself what brackets are
    "Grades of the environment: A fixed and idle, B idle, C shared (yellow), D throttled, disturbed or drifting."
)
BRIEF_LATENCY = "Latency of one image from decoding to the answer, as the median and the grade of the environment."
ENOUGH = (
    "at each batch size; the peak memory of the largest batch that ran, rounded up. Throughput without decoding is in "
    "throughput.csv."
)


def speed_section(rows: Sequence[Row], pairs: Sequence[Row], facts: Mapping[str, Any]) -> Section:
    """Tabulate latency, throughput, memory, use of processors and cost of each model."""
    devices = {row["device"] for row in rows if row["device"]}
    columns = (
        text("model"),
        *((text("device"),) if len(devices) > 1 else ()),
        *_latency_columns(rows, pairs),
        *_rate_columns(rows),
        amount("ram_peak_mb", "RAM (MB)"),
        *((amount("gpu_peak_mb", "GPU (MB)"),) if any_value(rows, "gpu_peak_mb") else ()),
        replace(measured("cpu_percent", "CPU (%)", bounds=False), detail=True),
        *(
            (amount("energy_wh_per_1k_images", "Wh/1,000 images"),)
            if any_value(rows, "energy_wh_per_1k_images")
            else ()
        ),
        replace(measured(COST, "USD/1,000 images", bounds=False), detail=True),
    )
    return Section(
        name="speed",
        title="Speed, memory and cost",
        note=f"{_place(facts)} Latency of one image from decoding to the answer, [95 % interval] and grade; "
        f"pyfunc: of the logged MLflow model.{_server_note(rows)} {GRADES}",
        brief_note=f"{_place(facts)} {BRIEF_LATENCY} {BRIEF_GRADES}",
        columns=columns,
        records=rows,
        footnotes=(*row_footnotes(rows, model_name), *_grade_footnotes(rows), *_absent_footnotes(rows)),
    )


def _latency_columns(rows: Sequence[Row], pairs: Sequence[Row]) -> tuple[Column, ...]:
    pyfunc = latency("pyfunc_latency_p50_ms", "pyfunc p50 (ms)", bounds=False, detail=True)
    return (
        latency(LATENCY, "p50 (ms)"),
        latency("latency_p95_ms", "p95 (ms)", detail=True),
        latency("latency_p99_ms", "p99 (ms)"),
        *_ratio_column(rows, pairs),
        *((pyfunc,) if any_value(rows, "pyfunc_latency_p50_ms") else ()),
    )


def _rate_columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    """Throughput at the batch sizes of the overview, and of the server, as far as they were measured."""
    rates = {f"throughput_b{batch}_img_s": (f"images/s at batch {batch}", batch not in (1, 32)) for batch in BATCHES}
    rates[RATE] = ("server (images/s)", True)
    return tuple(
        measured(key, header, bounds=False, detail=detail)
        for key, (header, detail) in rates.items()
        if any_value(rows, key)
    )


def throughput_section(rows: Sequence[Row], measurements: Sequence[Row]) -> Section:
    """Tabulate images per second by batch size, with the memory that is enough."""
    bymodel_name: dict[str, dict[int, Row]] = {}
    for row in rows:
        bymodel_name.setdefault(str(row["model"]), {})[int(row["batch"])] = row
    batches = sorted({batch for tried in bymodel_name.values() for batch in tried})
    fits = {str(row["model"]): str(row["fits"] or UNDEFINED) for row in measurements}
    columns = (
        Column(header="model", format_cell=itemgetter(0)),
        *(_batch_column(batch) for batch in batches),
        Column(header="fits in", format_cell=lambda record: fits.get(record[0], UNDEFINED)),
    )
    return Section(
        name="throughput",
        title="Throughput by batch size",
        note=f"Images per second [95 % interval over rounds] with decoding, {ENOUGH}",
        brief_note=f"Images per second with decoding, {ENOUGH}",
        columns=columns,
        records=list(bymodel_name.items()),
        plot=partial(speed_charts.plot_throughput, rows),
        finding=partial(describe_throughput, rows),
        footnotes=tuple(
            f"{row['model']} at batch {row['batch']}: {row['status']}; {row['reason']}."
            for row in rows
            if row["status"] != OK
        ),
    )


def _server_note(rows: Sequence[Row]) -> str:
    limits = dict.fromkeys(format_significant(row["server_limit_ms"]) for row in rows if any_value([row], RATE))
    listed = ", ".join(limits)
    return f" Server: the highest rate of random arrivals with a p99 of at most {listed} ms." if limits else ""


def _place(facts: Mapping[str, Any]) -> str:
    if not facts.get("machine"):
        return ""
    protocols, devices = ", ".join(facts.get("protocols", ())), str(facts["device"])
    return (
        f"Measured on {facts['machine']} (device{'s' if ',' in devices else ''} {devices}; protocol {protocols}), "
        "each model alone."
    )


def _batch_column(batch: int) -> Column:
    def format_cell(record: tuple[str, Mapping[int, Row]], *, bounds: bool = True) -> str:
        row = record[1].get(batch)
        if row is None:
            return UNDEFINED
        return format_measured(row, "images_per_s", bounds=bounds) if row["status"] == OK else str(row["status"])

    def tone(record: tuple[str, Mapping[int, Row]]) -> str:
        row = record[1].get(batch)
        return grade_tone(row["grade"]) if row and row["status"] == OK else ""

    column = Column(header=f"images/s at batch {batch}", format_cell=format_cell, tone_of=tone)
    return replace(column, brief=replace(column, format_cell=partial(format_cell, bounds=False)))


def _ratio_column(rows: Sequence[Row], pairs: Sequence[Row]) -> tuple[Column, ...]:
    """Latency relative to that of the first model that was measured, paired by round; empty without a pair of it."""
    base = next((row for row in rows if not is_undefined(row[LATENCY])), None)
    if base is None:
        return ()
    reference = str(base["model"])
    ratios = {str(row["b"]): row for row in pairs if row["a"] == reference and not is_undefined(row["ratio"])}
    ratios |= {
        str(row["a"]): _inverse(row) for row in pairs if row["b"] == reference and not is_undefined(row["ratio"])
    }
    worst = grade_tone(base["grade"])

    def format_cell(row: Row) -> str:
        name = str(row["model"])
        return "1" if name == reference else format_measured(ratios.get(name, {}), "ratio")

    def tone(row: Row) -> str:
        if str(row["model"]) not in ratios:
            return ""
        return max(worst, grade_tone(row["grade"]), key=("", MARKED, GREY).index)

    column = Column(header=f"p50 / {reference}", format_cell=format_cell, tone_of=tone, detail=True)
    return (column,) if ratios else ()


def _inverse(pair: Row) -> Row:
    low, high = pair["ratio.ci_low"], pair["ratio.ci_high"]
    ends = {"ratio.ci_low": high and 1 / high, "ratio.ci_high": low and 1 / low}
    return {"ratio": 1 / pair["ratio"], **ends}


def _grade_footnotes(rows: Sequence[Row]) -> tuple[str, ...]:
    graded = [row for row in rows if row["grade"]]
    notes = [
        (model_name(row), f"grade {row['grade']}: {row['grade_reasons']}") for row in graded if row["grade_reasons"]
    ]
    return group_notes(notes, of=len(graded))


def _absent_footnotes(rows: Sequence[Row]) -> tuple[str, ...]:
    """Why numbers are absent: each reason once, with its metrics and models."""
    notes, too_few = [], False
    for row in rows:
        reasons: dict[str, list[str]] = {}
        for metric, reason in json.loads(row["absent"] or "{}").items():
            if str(reason).startswith("n/a"):
                too_few = True
            else:
                reasons.setdefault(str(reason), []).append(str(metric))
        notes += [(model_name(row), f"no {', '.join(metrics)}: {reason}") for reason, metrics in reasons.items()]
    least = ", ".join(f"p{percent} needs {requests}" for percent, requests in MIN_REQUESTS.items())
    return (
        *((f"n/a: too few requests (n) for the percentile; {least}.",) if too_few else ()),
        *group_notes(notes, of=sum(not is_undefined(row["grade"]) for row in rows)),
    )

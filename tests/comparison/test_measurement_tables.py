import json

import pytest

from arogya_bench.comparison.measurement_tables import MEASUREMENT_COLUMNS, fits_sentence
from arogya_bench.comparison.measurements import Measurement


def by_model(rows):
    return {row["model"]: row for row in rows}


def test_a_measured_model_has_its_numbers_with_bounds_and_grade(measured, compare_only):
    measured("a", {"p50": 10.0, "requests": 200})

    (row,) = compare_only().measurements

    assert list(row)[: len(MEASUREMENT_COLUMNS)] == list(MEASUREMENT_COLUMNS)
    assert (row["latency_p50_ms"], row["latency_p50_ms.ci_low"], row["latency_p50_ms.ci_high"]) == (10.0, 9.8, 10.2)
    assert (row["grade"], row["protocol"], row["threads"], row["requests"]) == ("B", "quick", "2", 200)
    assert row["throughput_b8_img_s"] == 200.0
    assert row["throughput_b8_no_decode_img_s"] == 240.0
    assert row["latency_p99_ms"] is None
    assert json.loads(row["absent"])["latency_p99_ms"] == "n/a (n=200, needs 662)"


def test_a_model_without_a_measurement_has_a_row_with_the_reason(measured, logged, compare_only):
    measured("a")
    logged("b")

    rows = by_model(compare_only().measurements)

    assert rows["b"]["latency_p50_ms"] is None
    assert rows["b"]["note"] == "not measured"


def test_nothing_measured_is_an_empty_table(logged, compare_only):
    logged("a")

    found = compare_only()

    assert found.measurements == found.throughput == found.latency_pairs == []


@pytest.mark.parametrize(
    ("batches", "sentence"),
    [
        ([(1, 712.0, None), (32, 1084.0, None)], "1.1 GB at batch 32"),
        ([(64, 1468.0, None), (128, None, None)], "1.5 GB at batch 64; no memory at batch 128"),
        ([(1, 712.0, 900.0)], "0.8 GB and 0.9 GB of GPU memory at batch 1"),
        ([], ""),
    ],
)
def test_what_memory_is_enough_is_rounded_up(batches, sentence):
    rows = [
        {"batch": batch, "status": "ok" if ram else "out of memory", "ram_peak_mb": ram, "gpu_peak_mb": gpu}
        for batch, ram, gpu in batches
    ]

    assert fits_sentence(Measurement(row="a", run=None, absent={}, batches=rows)) == sentence


def test_each_batch_size_has_a_row_and_the_end_of_memory_is_one(measured, compare_only):
    measured("a", {"memory_ended_at": 128})

    rows = compare_only().throughput

    assert [(row["batch"], row["status"]) for row in rows] == [
        (1, "ok"), (8, "ok"), (32, "ok"), (64, "ok"), (128, "out of memory"),
    ]  # fmt: skip
    assert rows[1]["images_per_s"] == 200.0
    assert rows[1]["ms_p50"] == 40.0
    assert rows[-1]["reason"] == "batch 128 needs more than 24 GB"


def test_latencies_of_one_session_are_paired_by_round(measured, compare_only):
    """Both drift by a third from round to round; their ratio does not."""
    drifts = [1.0, 1.1, 1.2, 1.3, 1.4]
    measured("slow", {"p50": 30.0, "drifts": drifts})
    measured("fast", {"p50": 10.0, "drifts": drifts})

    (pair,) = compare_only().latency_pairs

    assert (pair["a"], pair["b"], pair["rounds"], pair["session"]) == ("fast", "slow", 5, "one")
    assert pair["ratio"] == pytest.approx(3.0, abs=1e-6)
    assert pair["ratio.ci_low"] == pytest.approx(3.0, abs=1e-6)


def test_latencies_of_different_sessions_are_not_paired(measured, compare_only):
    measured("slow", {"p50": 30.0, "session": "one"})
    measured("fast", {"p50": 10.0, "session": "two"})

    assert compare_only().latency_pairs == []


def test_the_leaderboard_has_the_latency_of_the_measurement(measured, logged, compare_only):
    measured("a", {"p50": 9.0})
    logged("b")

    rows = by_model(compare_only().leaderboard)

    assert rows["a"]["latency_p50_ms"] == 9.0
    assert rows["a"]["latency_p50_ms.ci_high"] == pytest.approx(9.18)
    assert rows["a"]["latency_grade"] == "B"
    assert rows["b"]["latency_p50_ms"] is None

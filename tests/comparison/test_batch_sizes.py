"""Which batch size is recommended, and when none is."""

import pytest

from arogya_bench.comparison.batch_sizes import batch_size_rows


def recommended(rates, spread=0.01, **other):
    """The rows on a model with these images per second by batch size."""
    rows = [
        {
            "model": "a",
            "batch": batch,
            "status": "ok",
            "grade": "B",
            "images_per_s": rate,
            "images_per_s.ci_low": None if spread is None else rate * (1 - spread),
            "images_per_s.ci_high": None if spread is None else rate * (1 + spread),
            "ms_p50": 1000 * batch / rate,
            **other,
        }
        for batch, rate in rates.items()
    ]
    return batch_size_rows(["a"], rows)


def test_the_smallest_batch_with_nearly_the_best_throughput():
    (row,) = recommended({1: 50.0, 8: 96.9, 32: 100.0})

    assert (row["batch"], row["images_per_s"], row["best_images_per_s"]) == (8, 96.9, 100.0)
    assert row["latency_ms"] == pytest.approx(8 / 96.9 * 1000)
    assert "batch 8 has 96 % of its best throughput" in row["recommendation"]


def test_a_larger_batch_with_its_gain_to_two_digits():
    (row,) = recommended({1: 94.0, 8: 100.0})

    assert "batch 8 has its best throughput (100 images/s, 1.06 times batch 1)" in row["recommendation"]


def test_larger_batches_that_gain_little_are_said_to():
    """The ends of the intervals are 101 and 98.01, the largest gain 3.05 %."""
    (row,) = recommended({1: 99.0, 8: 100.0})

    assert row["batch"] == 1
    assert "99 % of its best throughput (99.0 images/s); larger batches gain at most 4 %" in row["recommendation"]


def test_a_larger_batch_whose_interval_overlaps_is_not_recommended():
    (row,) = recommended({1: 2230.0, 8: 2348.0}, spread=0.25)

    assert (row["batch"], row["images_per_s"]) == (1, 2230.0)
    assert row["recommendation"].startswith(
        "a: batch 1 has 2,230 images/s, and no larger batch is shown to be faster (batch 8: 2,348)."
    )


def test_the_batch_that_is_shown_to_be_faster_comes_before_a_smaller_one():
    """Batch 32 has nearly the best throughput, and its interval overlaps with that of batch 1."""
    (row,) = recommended({1: 90.0, 32: 97.0, 64: 100.0}, spread=0.05)

    assert row["batch"] == 64


@pytest.mark.parametrize("numbers", [{"spread": None}, {"grade": "D"}, {"grade": ""}, {"status": "out of memory"}])
def test_without_intervals_or_a_usable_grade_nothing_is_said(numbers):
    assert recommended({1: 50.0, 8: 100.0}, **numbers) == []


def test_one_batch_size_alone_is_no_choice():
    assert recommended({1: 50.0}) == []

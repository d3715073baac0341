"""Batches that are made ahead of the reader."""

import threading

import pytest

from arogya_bench.frameworks.prefetch import prefetch


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order_whatever_the_workers(workers):
    assert list(prefetch(lambda x: x * x, range(20), workers=workers)) == [x * x for x in range(20)]


def test_workers_stay_ahead_of_the_reader():
    """The second result is made although nobody has asked for it yet."""
    second = threading.Event()

    results = prefetch(lambda x: second.set() if x == 1 else None, range(5), workers=2)
    next(results)

    assert second.wait(10)
    results.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_reaches_the_reader(workers):
    with pytest.raises(ZeroDivisionError):
        list(prefetch(lambda x: 1 // x, [1, 0], workers=workers))

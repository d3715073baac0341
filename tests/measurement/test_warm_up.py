"""A warm-up lasts until times no longer change, but not for ever."""

from itertools import chain, count, repeat

from arogya_bench.measurement.warm_up import warm_up


def run(times, max_seconds=5.0):
    times = iter(times)
    return warm_up(lambda: next(times), scenario="native", batch=8, max_seconds=max_seconds)


def test_equal_times_need_three_medians_of_three():
    found = run(repeat(5.0))

    assert (found.calls, found.settled, found.batch) == (9, True, 8)


def test_it_goes_on_while_times_fall():
    found = run(chain([100, 80, 60, 40, 20, 10], repeat(5.0)))

    assert found.settled
    assert found.calls == 15


def test_times_that_never_settle_end_with_the_time():
    found = run((1.0 + number // 3 % 2 for number in count()), max_seconds=0.02)

    assert not found.settled
    assert found.calls >= 1


def test_one_call_is_made_even_without_time():
    assert run(repeat(5.0), max_seconds=0.0).calls == 1

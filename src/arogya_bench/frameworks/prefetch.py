"""Batches made while the accelerator computes, in the order they were asked for."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Made = TypeVar("Made")


def ahead(
    make: Callable[[Thing], Made], things: Iterable[Thing], *, workers: int
) -> Iterator[Made]:
    """Map ``make`` over ``things`` in threads that stay a few results ahead of the reader.

    Threads will do: OpenCV and NumPy let others run while they compute.

    Args:
        make: Depends on its argument alone, so that the results do not depend on ``workers``.
        things: In the order of the results.
        workers: Threads; 0 makes each result when it is asked for, which is best where the
            processor that makes them is the one that is waiting.
    """
    if not workers:
        yield from map(make, things)
        return
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[Made]] = deque()
        for thing in things:
            pending.append(pool.submit(make, thing))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

"""Batches made while the accelerator computes, in the order they were asked for."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int
) -> Iterator[Result]:
    """Map ``function`` over ``items`` in threads that stay a few results ahead of the reader.

    Threads will do: OpenCV and NumPy let others run while they compute.

    Args:
        function: Depends on its argument alone, so that the results do not depend on ``workers``.
        items: In the order of the results.
        workers: Threads; 0 makes each result when it is asked for, which is best where the
            processor that makes them is the one that is waiting.
    """
    if not workers:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[Result]] = deque()
        for thing in items:
            pending.append(pool.submit(function, thing))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

"""An event loop for a function that is not asynchronous, wherever it is called."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_in_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, in a thread of its own where this thread has a loop already, as in a notebook.

    An interrupt cancels it, waits until it has cleaned up, and is raised again.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    return _run_in_thread(main)


def _run_in_thread(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    started: Future[Callable[[], object]] = Future()

    async def cancellable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is not None:
            started.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await main()

    with ThreadPoolExecutor(1, thread_name_prefix="arogya-api") as thread:
        result = thread.submit(lambda: asyncio.run(cancellable()))
        try:
            return result.result()
        except KeyboardInterrupt:
            if not result.done():
                started.result()()
            raise

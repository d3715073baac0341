"""The requests of one process wait for slots in the order in which they ask, so that none waits for ever."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from arogya_bench.api_models.ledger_session import LedgerSession
from arogya_bench.api_models.sender import NextAttempt, Sender
from arogya_bench.api_models.settlement import close_lost
from arogya_bench.api_models.slots import SentElsewhere, Slot, release_slot, take_slot
from arogya_bench.runtime.console import echo, format_duration

# Slots become free and pauses begin while a request waits, also through other processes.
LONGEST_SLEEP_S = 0.2
SHORTEST_SLEEP_S = 0.001
LOST_CHECK_S = 1.0  # processes that this one waits for may die
# A slot that is older when its request can be sent, since this process was stopped meanwhile, is given back: the
# window may have moved past its slot.
STALE_S = 0.5
ANNOUNCED_PAUSE_S = 10.0


class QueueStopped(Exception):
    """The queue ends, since another of its requests cannot go on."""


class StopSignal:
    """Ends all waits of a queue, but no request that was sent."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """End the waits."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Whether the queue ends."""
        return self._event.is_set()

    async def sleep(self, seconds: float) -> None:
        """Sleep, and raise QueueStopped if the queue ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        if self.is_set:
            raise QueueStopped


class SlotQueue:
    """Takes slots for the requests of one queue, in the order in which they ask."""

    def __init__(
        self, ledger: LedgerSession, sender: Sender, stop: StopSignal, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._terms = sender
        self._stop = stop
        self._clock = clock
        self._head = asyncio.Lock()  # wakes its waiters in their order
        self._looked_for_lost = time.monotonic()
        self._announced_until = 0.0

    async def take(self, attempt: NextAttempt) -> Slot | None:
        """Wait for the slot of an attempt.

        Returns:
            None if another process is sending the request or has ended an attempt of it.

        Raises:
            QueueStopped: If the queue ends first.
        """
        async with self._head:
            while not self._stop.is_set:
                answer = self._ledger.call(take_slot, self._terms, attempt, self._clock)
                if isinstance(answer, Slot):
                    if self._clock() - answer.sent_at < STALE_S:
                        return answer
                    self._ledger.call(release_slot, answer)
                    continue
                self._close_lost()
                if isinstance(answer, SentElsewhere):
                    return None
                left = answer.until - self._clock()
                await self._stop.sleep(min(max(left, SHORTEST_SLEEP_S), LONGEST_SLEEP_S))
        raise QueueStopped

    def announce_pause(self, seconds: float) -> None:
        """Say once that a pause is long, since nothing else moves meanwhile."""
        now = time.monotonic()
        if seconds >= ANNOUNCED_PAUSE_S and now > self._announced_until:
            self._announced_until = now + seconds
            echo(f"The API asks for a pause of {format_duration(seconds)}.")

    def _close_lost(self) -> None:
        """End the requests and reservations of processes that died meanwhile, lest they be waited for."""
        if time.monotonic() - self._looked_for_lost > LOST_CHECK_S:
            self._looked_for_lost = time.monotonic()
            self._ledger.call(close_lost)

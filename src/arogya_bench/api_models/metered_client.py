"""Counts what passes through a client: requests, tokens, and what the provider says of the model."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Protocol

from rich.markup import escape

from arogya_bench.api_models.calls import ApiClient, ApiRequest, BatchClient, CallError, Reply
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.runtime.console import echo


class ProviderClient(ApiClient, BatchClient, Protocol):
    """A client that sends single requests and batches; what it cannot, it refuses by a CallError.

    Attributes:
        notes: What the provider says of the model, such as the date of its retirement.
    """

    @property
    def notes(self) -> Set[str]: ...  # noqa: D102  (an attribute)


@dataclass
class CallMeter:
    """Counts of one evaluation.

    Attributes:
        sent: Requests, with those that failed.
        usage: Tokens of the replies that came.
        notes: Of the provider on the model.
    """

    sent: int = 0
    usage: TokenUsage = field(default_factory=TokenUsage)
    notes: set[str] = field(default_factory=set)

    def add(self, reply: Reply, notes: Set[str]) -> None:
        """Count a reply; a note that is new is printed."""
        self.usage += reply.usage
        for note in sorted(notes - self.notes):
            self.notes.add(note)
            echo(f"[yellow]{escape(note)}[/]")


@dataclass(frozen=True)
class MeteredClient:
    """A client that counts; it changes nothing."""

    client: ProviderClient = field(repr=False)
    meter: CallMeter

    async def send(self, request: ApiRequest, *, max_output_tokens: int, timeout_s: float) -> Reply:
        """Send a request once."""
        self.meter.sent += 1
        reply = await self.client.send(request, max_output_tokens=max_output_tokens, timeout_s=timeout_s)
        self.meter.add(reply, self.client.notes)
        return reply

    async def submit(self, requests: Sequence[ApiRequest], *, max_output_tokens: int) -> str:
        """Send requests as one batch."""
        name = await self.client.submit(requests, max_output_tokens=max_output_tokens)
        self.meter.sent += len(requests)
        return name

    async def collect(self, name: str) -> Mapping[str, Reply | CallError] | None:
        """The replies of a batch; None while it is not finished."""
        replies = await self.client.collect(name)
        for reply in (replies or {}).values():
            if isinstance(reply, Reply):
                self.meter.add(reply, self.client.notes)
        return replies

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()

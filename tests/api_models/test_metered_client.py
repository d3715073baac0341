"""What passes through a client is counted."""

import asyncio
from dataclasses import dataclass, field

import pytest

from arogya_bench.api_models.calls import CallError, Reply
from arogya_bench.api_models.metered_client import CallMeter, MeteredClient
from arogya_bench.prices.tokens import TokenUsage


@dataclass
class Answering:
    """A client that answers every second request."""

    sent: int = 0
    closed: bool = False
    notes: set = field(default_factory=set)

    async def send(self, request, *, max_output_tokens, timeout_s):
        self.sent += 1
        if self.sent % 2 == 0:
            raise CallError("server", "every second one")
        self.notes.add("It [will] be retired.")
        return self.reply()

    async def submit(self, requests, *, max_output_tokens):
        return "batches/1"

    async def collect(self, name):
        return {"a": self.reply(), "b": CallError("server", "one of them")} if name == "batches/1" else None

    async def close(self):
        self.closed = True

    def reply(self):
        return Reply(text="", finish="stop", usage=TokenUsage(input=10, output=2))


def test_requests_are_counted_with_those_that_fail_and_tokens_of_replies(capsys):
    meter, client = CallMeter(), Answering()
    metered = MeteredClient(client, meter)

    async def send():
        await metered.send(None, max_output_tokens=1, timeout_s=1)
        with pytest.raises(CallError):
            await metered.send(None, max_output_tokens=1, timeout_s=1)
        await metered.send(None, max_output_tokens=1, timeout_s=1)
        await metered.close()

    asyncio.run(send())

    assert (meter.sent, meter.usage, client.closed) == (3, TokenUsage(input=20, output=4), True)
    assert meter.notes == {"It [will] be retired."}
    assert capsys.readouterr().err == "It [will] be retired.\n"


def test_a_batch_counts_its_requests_and_the_tokens_of_its_replies():
    meter = CallMeter()
    metered = MeteredClient(Answering(), meter)

    async def batch():
        name = await metered.submit([None, None], max_output_tokens=1)
        assert await metered.collect("batches/2") is None
        return await metered.collect(name)

    assert len(asyncio.run(batch())) == 2
    assert (meter.sent, meter.usage) == (2, TokenUsage(input=10, output=2))

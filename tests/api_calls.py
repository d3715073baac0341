"""Requests, a client and a reader for tests of queues, and a process that answers requests.

The client is the network: it counts what arrives, as a server would, in a file that processes share.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

from arogya_bench.api_models.batch import answer_batch
from arogya_bench.api_models.budget import ApiBudget
from arogya_bench.api_models.calls import (
    ApiRequest,
    CallError,
    EncodedImage,
    ModelConnection,
    ReadAnswer,
    Reply,
    Status,
)
from arogya_bench.api_models.ledger import CallLedger
from arogya_bench.api_models.limits import QueueSettings, RateLimits
from arogya_bench.api_models.queue import answer_all
from arogya_bench.api_models.sender import Sender
from arogya_bench.prices.tokens import TokenRates, TokenUsage

RATES = TokenRates(input=Decimal("0.30"), cached=Decimal("0.03"), output=Decimal("2.50"), source="a test")
USAGE = TokenUsage(input=1000, output=100)
MOST = TokenUsage(input=1200, output=400)
USD, MOST_USD = Decimal("0.00055"), Decimal("0.00136")  # of USAGE and MOST


def request_of(number=0, **changes):
    fields = {
        "provider": "test",
        "endpoint": "",
        "model_id": "model-1",
        "prompt": "Which class?",
        "schema": {},
        "image": EncodedImage(content=f"image {number}".encode(), mime_type="image/png"),
        "parameters": {"max_output_tokens": 400},
        "most": MOST,
        "expected": USAGE,
    }
    return ApiRequest(**{**fields, **changes})


def requests_of(count, **changes):
    return [request_of(number, **changes) for number in range(count)]


def number_of(request):
    return int(request.image.content.split()[1])


def good(text="ok", **changes):
    return Reply(**{"text": text, "finish": "stop", "usage": USAGE, "model_version": "model-1", **changes})


def read(reply):
    """The text is the status; an answer at the limit of tokens was cut."""
    if reply.finish == "length":
        return ReadAnswer(status=Status.TRUNCATED, problem="cut")
    status = Status(reply.finish if reply.finish == "rejected" else reply.text.split(":")[0])
    probabilities = (0.5, 0.5) if status is Status.OK else None
    return ReadAnswer(
        status=status, probabilities=probabilities, problem="" if probabilities else reply.text or reply.detail
    )


class Client:
    """Answers as ``behave(request, n)`` says for the n-th time that a request arrives, from 0."""

    def __init__(self, behave=lambda request, n: good(), *, latency_s=0.0, arrivals=None):
        self.behave = behave
        self.latency_s = latency_s
        self.arrivals = arrivals  # a file
        self.sent = []
        self.limits = []
        self.in_flight = self.most_in_flight = 0
        self.closed = False

    def __call__(self):
        return self

    async def send(self, request, *, max_output_tokens, timeout_s):
        n = sum(other.key == request.key for other in self.sent)
        self.sent.append(request)
        self.limits.append(max_output_tokens)
        if self.arrivals is not None:
            with self.arrivals.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps([time.time(), number_of(request)]) + "\n")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency_s)
            reply = self.behave(request, n)
            if asyncio.iscoroutine(reply):
                reply = await reply
        finally:
            self.in_flight -= 1
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self):
        self.closed = True

    @property
    def numbers(self):
        return [number_of(request) for request in self.sent]


class BatchServer:
    """A client of a provider that keeps its batches in a folder, and finishes them after some polls."""

    def __init__(self, folder, behave=lambda number, n: good(), *, polls=1):
        self.folder = folder
        self.behave = behave
        self.polls = polls
        self.asked = 0
        self.limits = []
        self.submit_errors = []
        self.collect_errors = []

    def __call__(self):
        return self

    async def submit(self, requests, *, max_output_tokens):
        if self.submit_errors:
            raise self.submit_errors.pop(0)
        self.folder.mkdir(exist_ok=True)
        self.limits.append(max_output_tokens)
        name = f"batches/{len(self.batches)}"
        file = self.folder / f"{len(self.batches)}.json"
        file.write_text(json.dumps([[request.key, number_of(request)] for request in requests]), encoding="utf-8")
        return name

    async def collect(self, name):
        self.asked += 1
        if self.collect_errors:
            raise self.collect_errors.pop(0)
        if self.asked <= self.polls:
            return None
        number = int(name.split("/")[1])
        replies = {}
        for key, item in self.batches[number]:
            before = sum(item in [other for _, other in batch] for batch in self.batches[:number])
            reply = self.behave(item, before)
            if reply is not None:
                replies[key] = reply
        return dict(reversed(replies.items()))  # by key, in any order

    async def close(self):
        pass

    @property
    def batches(self):
        files = sorted(self.folder.glob("*.json"), key=lambda file: int(file.stem)) if self.folder.exists() else []
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    @property
    def numbers(self):
        return [[number for _, number in batch] for batch in self.batches]


def limits_of(requests_per_minute=None, tokens_per_minute=None, requests_per_day=None, concurrency=4, window_s=60.0):
    return RateLimits(
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        requests_per_day=requests_per_day,
        concurrency=concurrency,
        window_s=window_s,
    )


def settings_of(*, attempts=3, timeout_s=5.0, backoff_s=0.01, batch_poll_s=0.01, **limits):
    return QueueSettings(
        limits=limits_of(**limits),
        attempts=attempts,
        timeout_s=timeout_s,
        max_output_tokens=400,
        backoff_s=backoff_s,
        batch_poll_s=batch_poll_s,
    )


def sender_of(*, usd=None, account="account", scope="scope", rates=RATES, settings=None, **limits):
    return Sender(
        account=account, settings=settings or settings_of(**limits), budget=ApiBudget(scope=scope, usd=usd), rates=rates
    )


def answer(
    client, requests, ledger, *, answer_with=answer_all, usd=None, rates=RATES, check=None, one_version=True, **settings
):
    connection = ModelConnection(
        open_client=client, read=read, check_version=check or (lambda version: None), one_version=one_version
    )
    return answer_with(
        requests,
        connection,
        sender_of(usd=usd, rates=rates, settings=settings_of(**settings)),
        count=len(requests) if isinstance(requests, list) else 0,
        ledger=CallLedger(Path(ledger)),
        description="test",
    )


def batched(client, requests, ledger, **named):
    return answer(client, requests, ledger, answer_with=answer_batch, **named)


def arrivals_in(file):
    """Moments and numbers of all requests that arrived."""
    text = Path(file).read_text(encoding="utf-8") if Path(file).exists() else ""
    return [(moment, number) for moment, number in map(json.loads, text.splitlines())]


def most_in_window(moments, window_s):
    """The largest number of requests in any window of this length."""
    moments = sorted(moments)
    return max((sum(0 <= other - first < window_s for other in moments) for first in moments), default=0)


def start_process(folder, program, *arguments):
    """Start a process that imports this module as ``api_calls`` and runs a program."""
    text = "import sys; from pathlib import Path; from api_calls import *\n" + program
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, timeout_s=60):
    """Wait for a process; return what it printed, or fail with its errors."""
    out, err = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, err
    return out


def wait_for(condition, timeout_s=30):
    """Wait until a condition holds."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


RATE = CallError("rate", "too many requests")
SERVER = CallError("server", "500", may_be_billed=True)

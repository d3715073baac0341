"""Requests to an API and what comes back: the types that queue, ledger and adapters share."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Generic, Protocol, TypeVar

from arogya_bench.prices.tokens import TokenUsage

Client = TypeVar("Client")


class Status(StrEnum):
    """How a case ended. All but ``OK`` count as wrong.

    ``TIMED_OUT`` and ``FAILED`` say something of the service, not of the model: such a case is asked again when its
    cell is evaluated again. The others are final, since asking until a model gives in is selection.
    """

    OK = "ok"
    BLOCKED = "blocked"  # by a filter of the provider: the answer or the prompt
    REFUSED = "refused"  # prose instead of the answer that was asked for
    MALFORMED = "malformed"  # no valid answer of the schema, after retries
    TRUNCATED = "truncated"  # cut at the limit of tokens, also with twice the limit
    TIMED_OUT = "timed_out"  # no answer within the time limit, after retries
    FAILED = "failed"  # errors of the server or the connection, after retries
    REJECTED = "rejected"  # by the service, which answers others: it does not take this image

    @property
    def is_final(self) -> bool:
        """Whether the same request is never sent again."""
        return self not in (Status.TIMED_OUT, Status.FAILED)


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """An image as it is sent: the bytes of a file without metadata."""

    content: bytes = field(repr=False)
    mime_type: str


@dataclass(frozen=True, kw_only=True)
class Example:
    """One example of a few-shot prompt: an image of the train split and the answer that would be right."""

    image: EncodedImage
    answer: str


@dataclass(frozen=True, kw_only=True)
class ApiRequest:
    """Everything that is sent for one case and repeat.

    Attributes:
        provider: Name of the adapter.
        endpoint: Base address of the service; empty for the provider's own.
        model_id: As the provider names it.
        schema: JSON schema of the answer.
        parameters: Everything else that changes the answer, such as ``max_output_tokens``, temperature or thinking.
        repeat: Number of the repetition, from 0; the same request again.
        most: Upper bound of the tokens of one attempt, for reservations.
        expected: What an attempt is likely to take, for the windows and for estimates.
    """

    provider: str
    endpoint: str
    model_id: str
    prompt: str
    schema: Mapping[str, object]
    image: EncodedImage
    parameters: Mapping[str, object]
    most: TokenUsage
    expected: TokenUsage
    examples: Sequence[Example] = ()
    repeat: int = 0

    @cached_property
    def key(self) -> str:
        """SHA-256 of what is sent, in hexadecimal: equal requests have one answer in the ledger."""
        facts = {
            "provider": self.provider,
            "endpoint": self.endpoint,
            "model": self.model_id,
            "prompt": self.prompt,
            "schema": self.schema,
            "image": [sha256(self.image.content).hexdigest(), self.image.mime_type],
            "examples": [[sha256(example.image.content).hexdigest(), example.answer] for example in self.examples],
            "parameters": dict(self.parameters),
            "repeat": self.repeat,
        }
        return sha256(json.dumps(facts, sort_keys=True, allow_nan=False).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer of the service, before its text is read.

    Attributes:
        text: None if there is none.
        finish: ``stop``, ``length`` (cut at the limit of tokens), ``blocked``, or ``rejected``.
        detail: What the provider says of the finish, such as the category of a block.
        model_version: That answered; None if the service does not say.
    """

    text: str | None
    finish: str
    usage: TokenUsage
    model_version: str | None = None
    detail: str = ""


class CallError(Exception):
    """A call without an answer.

    Attributes:
        kind: ``timeout``; ``connection`` or ``server`` (worth another attempt); ``rate`` (too many requests, wait);
            ``day`` (the quota of the day is spent); ``rejected`` (no attempt can succeed: wrong key, unknown model).
        retry_after_s: Seconds that the server asks to wait; None if it names none.
        may_be_billed: Whether the tokens may have been billed all the same.
        fix: What the user can do about a rejection; empty otherwise.
        of_image: Whether a rejection may be due to the image of the request, so that other requests can succeed.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retry_after_s: float | None = None,
        may_be_billed: bool = False,
        fix: str = "",
        of_image: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after_s = retry_after_s
        self.may_be_billed = may_be_billed
        self.fix = fix
        self.of_image = of_image


class ApiClient(Protocol):
    """What an adapter provides: one call, without retries of its own."""

    async def send(self, request: ApiRequest, *, max_output_tokens: int, timeout_s: float) -> Reply:
        """Send a request once; CallError if no answer comes."""

    async def close(self) -> None:
        """Close the connections."""


class BatchClient(Protocol):
    """A client whose provider takes many requests at once, at a lower price and without a time limit of ours."""

    async def submit(self, requests: Sequence[ApiRequest], *, max_output_tokens: int) -> str:
        """Send requests as one batch; return its name, by which a later process finds it."""

    async def collect(self, name: str) -> Mapping[str, "Reply | CallError"] | None:
        """The replies by ``ApiRequest.key``; None while the batch is not finished."""

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, kw_only=True)
class ReadAnswer:
    """What the text of a reply says.

    Attributes:
        probabilities: One per class, scaled to sum to 1; None unless the status is ``OK``.
        probability_sum: Before scaling.
        texts: Such as findings, diagnosis and recommendation; never evaluated.
        problem: Why it is not ``OK``.
    """

    status: Status
    probabilities: tuple[float, ...] | None = None
    probability_sum: float | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class ReadReply(Protocol):
    """Reads replies: a pure function, so that answers in the ledger can be read again."""

    def __call__(self, reply: Reply) -> ReadAnswer:
        """Say how a case ended by this reply."""


@dataclass(frozen=True, kw_only=True)
class ModelConnection(Generic[Client]):
    """How a model is reached, and how its replies are read.

    Attributes:
        open_client: Called in the event loop that sends the requests.
        check_version: Takes the version of the model that answered, and raises ApiError if it is the wrong one.
        one_version: Whether all cases of a cell must be answered by one version.
    """

    open_client: Callable[[], Client]
    read: ReadReply
    check_version: Callable[[str | None], None]
    one_version: bool = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one request ended, over all its attempts.

    Attributes:
        key: Of the request.
        answer: With the status.
        attempts: Number of requests that were sent, now or in an earlier run.
        usage: Of all attempts, as reported.
        usd: Of all attempts, by their usage; None without prices.
        possible_usd: What failed attempts may have been billed besides; they count against the budget.
        asked_at: Seconds since 1970, of the last attempt.
        latency_ms: Of the last attempt; None if the answer was reused, as are the two below.
        wait_ms: For a slot within the limits.
        retry_ms: Failed attempts, and the pauses after them.
        reused: Whether the answer was in the ledger, and nothing was sent.
    """

    key: str
    answer: ReadAnswer
    attempts: int
    usage: TokenUsage
    usd: Decimal | None
    possible_usd: Decimal
    asked_at: float
    model_version: str | None = None
    latency_ms: float | None = None
    wait_ms: float | None = None
    retry_ms: float | None = None
    reused: bool = False

"""A stand-in for the Gemini API on loopback, which the real SDK talks to.

    with GeminiServer(behave=lambda request: "ok" if request.attempt > 1 else "500") as server:
        ...  # model.base_url=server.url

Every connection has a thread. ``behave`` names a behaviour of ``gemini_replies.BEHAVIOURS`` for each request, or gives
the probabilities of a good answer; without it, a model id such as ``fake-blocked`` names it, and other ids answer well.
"""

import base64
import json
import re
import threading
import time
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler

from gemini_replies import BEHAVIOURS, HttpAnswer, error, of_json, quota_error, reply_to
from loopback import LoopbackHandler, LoopbackService

from arogya_bench.prices.tokens import TokenUsage

MODELS = ("gemini-3.5-flash-lite", "gemini-2.5-flash")
PATH = re.compile(r"/(?P<version>v1(?:beta)?)/models/(?P<model>[^:/?]+):(?P<method>\w+)")


@dataclass(frozen=True, kw_only=True)
class SeenRequest:
    """A request to generate an answer, as it arrived.

    Attributes:
        at: Seconds of ``time.monotonic``, which all processes of a machine share.
        attempt: How many requests with this image have arrived, with this one.
        image: The bytes of the last image, which is the one that is asked about.
        images: How many there are, with those of examples.
        headers: Without the value of the API key.
        over_limit: Whether the limit of the server refused it.
        behaviour: What was answered.
    """

    at: float
    model: str
    version: str
    body: dict = field(repr=False)
    headers: dict = field(repr=False)
    image: bytes = field(repr=False)
    images: int
    attempt: int
    has_key: bool
    batch: bool = False
    over_limit: bool = False
    behaviour: object = None
    default_classes: tuple = ()

    @property
    def image_digest(self):
        return sha256(self.image).hexdigest()

    @property
    def prompt(self):
        """All texts, with those of the examples."""
        return "\n".join(part["text"] for part in parts_of(self.body) if "text" in part)

    @property
    def config(self):
        return self.body.get("generationConfig", {})

    @property
    def max_output_tokens(self):
        return either(self.config, "maxOutputTokens", "max_output_tokens")

    @property
    def properties(self):
        """The fields of the answer, in the order of the schema."""
        schema = either(self.config, "responseJsonSchema", "response_json_schema") or self.config.get("responseSchema")
        return (schema or {}).get("properties", {})

    @property
    def text_fields(self):
        return [name for name in self.properties if name != "probabilities"]

    @property
    def classes(self):
        rows = self.properties.get("probabilities", {})
        return rows.get("items", {}).get("properties", {}).get("label", {}).get("enum") or self.default_classes


def either(mapping, *names):
    return next((mapping[name] for name in names if name in mapping), None)


def parts_of(body):
    system = either(body, "systemInstruction", "system_instruction") or {}
    return [*system.get("parts", []), *(part for content in body["contents"] for part in content["parts"])]


def images_of(body):
    blobs = [either(part, "inlineData", "inline_data") for part in parts_of(body)]
    return [base64.urlsafe_b64decode(blob["data"]) for blob in blobs if blob]


def by_model_id(request):
    name = request.model.removeprefix("fake-")
    return name if name in BEHAVIOURS else "ok"


class Handler(LoopbackHandler, BaseHTTPRequestHandler):
    """One connection."""

    def do_POST(self):
        body = self.read_json()
        match = PATH.match(self.path)
        if match is None:
            return self.answer(error(404, "NOT_FOUND", self.path))
        if match["method"] == "batchGenerateContent":
            return self.answer(self.owner.take_batch(match, body, self.headers))
        if match["method"] == "countTokens":
            return self.answer(of_json({"totalTokens": 100}))
        return self.answer(self.owner.take(match, body, self.headers))

    def do_GET(self):
        path = self.path.partition("?")[0].split("/", 2)[2]
        if path.startswith("batches/"):
            return self.answer(self.owner.poll_batch(path))
        if path == "models":
            return self.answer(of_json({"models": [{"name": f"models/{name}"} for name in MODELS]}))
        return self.answer(of_json({"name": path}))

    def answer(self, answer: HttpAnswer):
        self.write(None if answer.dropped else answer.status, answer.headers, answer.body)


class GeminiServer(LoopbackService):
    """The server; a context manager.

    Args:
        behave: Gives the behaviour of a request; see the module.
        limit: Requests and seconds of a sliding window, above which the server answers 429; None for no limit.
        latency_s: Before every answer; of a request that ``behave`` calls slow, ``slow_s``.
        classes: Of good answers where the request states no schema.

    A batch says ``batch_polls`` times that it still runs, and then that it has ended as ``batch_end``, such as
    ``EXPIRED``.
    """

    handler = Handler

    def __init__(self, behave=by_model_id, *, limit=None, latency_s=0.0, slow_s=30.0, classes=("a", "b")):
        super().__init__()
        self.behave, self.limit, self.latency_s, self.slow_s = behave, limit, latency_s, slow_s
        self.classes = classes
        self.batch_polls, self.batch_end = 1, "SUCCEEDED"
        self.requests = []  # SeenRequest, in the order of arrival
        self.in_flight = self.most_in_flight = 0
        self.batches = {}  # name: [answers of a poll, polls that are left]
        self._lock = threading.Lock()
        self._usage, self._seen, self._accepted = Counter(), Counter(), []

    @property
    def tokens(self):
        """What the answers reported, together: what would be billed."""
        counts = self._usage
        names = ("promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
        return TokenUsage(**dict(zip(("input", "cached", "output", "thinking"), map(counts.get, names), strict=True)))

    def most_in_window(self, seconds):
        """The largest number of requests that arrived within any time of this length."""
        times = sorted(request.at for request in self.requests)
        return max((bisect_right(times, start + seconds) - i for i, start in enumerate(times)), default=0)

    def take(self, match, body, headers, *, batch=False):
        """Record a request and answer it."""
        with self._lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            request, answer = self._record(match, body, headers, batch=batch)
        if not batch:
            self._closing.wait(self.slow_s if request.behaviour == "slow" else self.latency_s)
        with self._lock:
            self.in_flight -= 1
            self._usage.update({name: n for name, n in answer.usage.items() if isinstance(n, int)})
        return answer

    def _record(self, match, body, headers, *, batch):
        images = images_of(body)
        image = images[-1] if images else b""
        self._seen[image] += 1
        request = SeenRequest(
            at=time.monotonic(),
            model=match["model"],
            version=match["version"],
            body=body,
            headers={name: value for name, value in headers.items() if name.lower() != "x-goog-api-key"},
            image=image,
            images=len(images),
            attempt=self._seen[image],
            has_key=bool(headers.get("x-goog-api-key")),
            batch=batch,
            default_classes=tuple(self.classes),
        )
        delay = None if batch else self._wait_of(request.at)
        behaviour = self.behave(request) if delay is None else "over limit"
        request = replace(request, over_limit=delay is not None, behaviour=behaviour)
        self.requests.append(request)
        if delay is not None:
            return request, quota_error("GenerateRequestsPerMinutePerProjectPerModel", delay)
        return request, reply_to(request, behaviour)

    def _wait_of(self, now):
        """Seconds until the limit takes another request; None if it takes one now."""
        if self.limit is None:
            return None
        count, seconds = self.limit
        self._accepted = [at for at in self._accepted if at > now - seconds]
        if len(self._accepted) >= count:
            return self._accepted[-count] + seconds - now
        self._accepted.append(now)
        return None

    def take_batch(self, match, body, headers):
        """Answer all requests of a batch; it is handed out after some polls."""
        items = either(body["batch"], "inputConfig", "input_config")["requests"]["requests"]
        answers = [self.take(match, item["request"], headers, batch=True) for item in items]
        replies = [item_reply(item.get("metadata"), answer) for item, answer in zip(items, answers, strict=True)]
        name = f"batches/{len(self.batches) + 1:04}"
        self.batches[name] = [replies, self.batch_polls]
        return of_json({"name": name, "metadata": {"state": "BATCH_STATE_PENDING", "name": name}})

    def poll_batch(self, name):
        if name not in self.batches:
            return error(404, "NOT_FOUND", f"{name} is not found.")
        replies, left = self.batches[name]
        self.batches[name][1] -= 1
        if left > 0:
            return of_json({"name": name, "metadata": {"state": "BATCH_STATE_RUNNING", "name": name}})
        if self.batch_end != "SUCCEEDED":
            return of_json({"name": name, "done": True, "metadata": {"state": f"BATCH_STATE_{self.batch_end}"}})
        output = {"inlinedResponses": {"inlinedResponses": replies[::-1]}}  # their order is no promise
        content = {"state": "BATCH_STATE_SUCCEEDED", "name": name, "output": output}
        return of_json({"name": name, "done": True, "metadata": content})


def item_reply(metadata, answer):
    if answer.status == 200 and not answer.dropped:
        return {"metadata": metadata, "response": json.loads(answer.body)}
    return {"metadata": metadata, "error": {"code": 13, "message": "Internal error encountered."}}

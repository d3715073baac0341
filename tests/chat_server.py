"""A stand-in for a server of the chat-completions protocol with images, such as vLLM or Ollama.

    with ChatServer(behave=lambda request: "ok") as server:
        ...  # model.base_url=server.url

``behave`` names a behaviour of ``BEHAVIOURS`` for each request, or gives one, or the probabilities of a good answer.
"""

import base64
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler

import numpy as np
from loopback import LoopbackHandler, LoopbackService

from arogya_bench.prices.tokens import TokenUsage

RETRY_AFTER_S = 0.2
PATH = "/v1/chat/completions"


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A request as it arrived; the value of the key is not kept."""

    at: float
    body: dict = field(repr=False)
    has_key: bool
    attempt: int

    @property
    def parts(self):
        return [part for message in self.body["messages"] for part in message["content"]]

    @property
    def prompt(self):
        return "\n".join(part["text"] for part in self.parts if part["type"] == "text")

    @property
    def image(self):
        return images_of(self.body)[-1]

    @property
    def schema(self):
        return self.body.get("response_format", {}).get("json_schema", {}).get("schema")

    @property
    def classes(self):
        rows = self.schema["properties"]["probabilities"] if self.schema else None
        return rows["items"]["properties"]["label"]["enum"] if rows else ["a", "b"]


def images_of(body):
    parts = [part for message in body["messages"] for part in message["content"] if part["type"] == "image_url"]
    return [base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in parts]


def good(request, probabilities=None, **changes):
    seed = list(sha256(request.image).digest())
    drawn = np.random.default_rng(seed).dirichlet(np.ones(len(request.classes))).round(2).tolist()
    given = probabilities or dict(zip(request.classes, drawn, strict=True))
    rows = [{"label": label, "p": p} for label, p in given.items()]
    return completion(request, json.dumps({"findings": "spots", "probabilities": rows}), **changes)


def completion(request, content, *, finish="stop", refusal=None, model=None, details=None):
    usage = {"prompt_tokens": 700, "completion_tokens": 90, "total_tokens": 790, **(details or {})}
    message = {"role": "assistant", "content": content, "refusal": refusal}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    named = model or request.body["model"]
    return 200, {"id": "c1", "object": "chat.completion", "model": named, "choices": [choice], "usage": usage}, {}


def changed(**fields):
    """A behaviour: a good answer with other fields."""
    return lambda request: (200, {**good(request)[1], **fields}, {})


def failure(status, message, code=None, headers=()):
    return status, {"error": {"message": message, "type": "error", "code": code}}, dict(headers)


BEHAVIOURS = {
    "ok": good,
    "thinking": lambda request: good(request, details={"completion_tokens_details": {"reasoning_tokens": 40}}),
    "cached": lambda request: good(request, details={"prompt_tokens_details": {"cached_tokens": 300}}),
    "length": lambda request: completion(request, '{"findings": "a', finish="length"),
    "filtered": lambda request: completion(request, None, finish="content_filter"),
    "refusal_field": lambda request: completion(request, None, refusal="I cannot judge medical images."),
    "prose": lambda request: completion(request, "It looks benign to me."),
    "malformed": lambda request: completion(request, '{"probabilities": [}'),
    "other_model": lambda request: good(request, model="other"),
    "no_usage": lambda request: (200, {**good(request)[1], "usage": None}, {}),
    "no_choice": lambda _: (200, {"choices": []}, {}),
    "rate": lambda _: failure(429, "Too many requests.", headers={"Retry-After": str(RETRY_AFTER_S)}),
    "quota": lambda _: failure(429, "You exceeded your quota.", "insufficient_quota"),
    "bad_key": lambda _: failure(401, "Incorrect API key provided."),
    "gone": lambda _: (404, {"error": "model 'x' not found"}, {}),  # as Ollama writes it
    "no_images": lambda _: failure(400, "This model takes no images."),
    "500": lambda _: failure(500, "Internal error."),
    "html": lambda _: (502, "<html>Bad Gateway</html>", {}),
    "not_json": lambda _: (200, "<p>Sign in</p>", {}),
    "slow": lambda _: (None, "", {}),
    "dropped": lambda _: (None, "", {}),
}


class Handler(LoopbackHandler, BaseHTTPRequestHandler):
    """One connection."""

    def do_POST(self):
        body = self.read_json()
        known = self.path == PATH
        given = self.owner.take(body, has_key="Authorization" in self.headers) if known else failure(404, "Not Found")
        status, content, headers = given
        self.write(status, headers, (content if isinstance(content, str) else json.dumps(content)).encode())


class ChatServer(LoopbackService):
    """The server; a context manager with ``url``, ``requests`` and ``tokens``."""

    handler = Handler

    def __init__(self, behave=lambda _: "ok", *, latency_s=0.0, slow_s=30.0):
        super().__init__()
        self.behave, self.latency_s, self.slow_s = behave, latency_s, slow_s
        self.requests = []
        self._lock, self._seen, self._usage = threading.Lock(), Counter(), Counter()

    @property
    def tokens(self):
        return TokenUsage(input=self._usage["prompt_tokens"], output=self._usage["completion_tokens"])

    def take(self, body, *, has_key):
        with self._lock:
            image = images_of(body)[-1]
            self._seen[image] += 1
            request = ChatRequest(at=time.monotonic(), body=body, has_key=has_key, attempt=self._seen[image])
            self.requests.append(request)
            behaviour = self.behave(request)
        self._closing.wait(self.slow_s if behaviour == "slow" else self.latency_s)
        behaviour = BEHAVIOURS.get(behaviour) if isinstance(behaviour, str) else behaviour
        answer = behaviour(request) if callable(behaviour) else good(request, behaviour)
        usage = answer[1].get("usage") if isinstance(answer[1], dict) else None
        if isinstance(usage, dict):
            with self._lock:
                self._usage.update({name: n for name, n in usage.items() if isinstance(n, int)})
        return answer

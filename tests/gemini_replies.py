"""What the stand-in for Gemini answers: one function of a request for each behaviour."""

import json
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

IMAGE_TOKENS = 1120
THINKING_TOKENS = 300
CACHED_TOKENS = 512
RETRY_DELAY_S = 0.2  # of the behaviour `rate`
REFUSAL = "I'm sorry, but I can't provide a medical diagnosis. Please consult a doctor."
QUOTA = "type.googleapis.com/google.rpc.QuotaFailure"
RETRY = "type.googleapis.com/google.rpc.RetryInfo"


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """What is sent back.

    Attributes:
        usage: Tokens of a generated answer, as Gemini names them; empty if nothing is billed.
        dropped: Whether the connection is closed without an answer.
    """

    status: int = 200
    body: bytes
    headers: dict = field(default_factory=dict)
    usage: dict = field(default_factory=dict)
    dropped: bool = False


def of_json(content, status=200, headers=(), usage=()):
    headers = {"Content-Type": "application/json; charset=UTF-8", **dict(headers)}
    return HttpAnswer(status=status, body=json.dumps(content).encode(), headers=headers, usage=dict(usage))


def error(code, status, message, details=(), headers=()):
    content = {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    return of_json(content, code, headers)


def quota_error(quota_id, delay_s):
    """A 429 as Gemini sends it; no RetryInfo without a delay."""
    details = [{"@type": QUOTA, "violations": [{"quotaMetric": "requests", "quotaId": quota_id, "quotaValue": "15"}]}]
    if delay_s is not None:
        details.append({"@type": RETRY, "retryDelay": f"{delay_s:.9f}s"})
    return error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", details)


def drawn_probabilities(request):
    """Probabilities that depend on the image alone, with two decimals, as models like to give them."""
    rng = np.random.default_rng(list(bytes.fromhex(request.image_digest or sha256(b"").hexdigest())))
    return dict(zip(request.classes, rng.dirichlet(np.ones(len(request.classes))).round(2).tolist(), strict=True))


def answer_text(request, probabilities):
    """The JSON that the schema of the request asks for."""
    rows = [{"label": label, "p": p} for label, p in probabilities]
    texts = {name: f"{name} of {request.image_digest[:6]}" for name in request.text_fields}
    ordered = {name: rows if name == "probabilities" else texts.get(name) for name in request.properties}
    return json.dumps(ordered or {"probabilities": rows})


def generated(request, text, *, finish="STOP", model=None, **counts):
    """A response with one candidate; no content without a text."""
    prompt = IMAGE_TOKENS * request.images + len(request.prompt) // 4
    usage = {"promptTokenCount": prompt, "candidatesTokenCount": len(text or "") // 4, **counts}
    usage = {name: count for name, count in usage.items() if count}
    usage["totalTokenCount"] = sum(count for name, count in usage.items() if name != "cachedContentTokenCount")
    usage["promptTokensDetails"] = [{"modality": "IMAGE", "tokenCount": IMAGE_TOKENS * request.images}]
    candidate = {"index": 0, "finishReason": finish}
    if text is not None:
        candidate["content"] = {"role": "model", "parts": [{"text": text}]}
    content = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model or request.model}
    return of_json(content, usage=usage)


def prompt_blocked(request):
    usage = {"promptTokenCount": IMAGE_TOKENS, "totalTokenCount": IMAGE_TOKENS}
    feedback = {"blockReason": "PROHIBITED_CONTENT"}
    return of_json({"promptFeedback": feedback, "usageMetadata": usage, "modelVersion": request.model}, usage=usage)


def good(request, probabilities=None, **named):
    pairs = (probabilities or drawn_probabilities(request)).items()
    return generated(request, answer_text(request, pairs), **named)


def text_of(request):
    return answer_text(request, drawn_probabilities(request).items())


def first_twice(request):
    pairs = list(drawn_probabilities(request).items())
    return generated(request, answer_text(request, [*pairs, pairs[0]]))


def retiring(request):
    content = json.loads(good(request).body)
    status = {"modelStage": "LEGACY", "retirementTime": "2026-12-01T00:00:00Z", "message": "It will be retired."}
    return of_json(content | {"modelStatus": status}, usage=content["usageMetadata"])


BEHAVIOURS = {
    "ok": good,
    "thinking": lambda request: good(request, thoughtsTokenCount=THINKING_TOKENS),
    "cached": lambda request: good(request, cachedContentTokenCount=CACHED_TOKENS),
    "fenced": lambda request: generated(request, f"```json\n{text_of(request)}\n```"),
    "malformed": lambda request: generated(request, text_of(request).replace("}", "]")),
    "truncated": lambda request: generated(request, text_of(request)[:-9], finish="MAX_TOKENS"),
    "truncated_empty": lambda request: generated(
        request, None, finish="MAX_TOKENS", thoughtsTokenCount=request.max_output_tokens
    ),
    "blocked": lambda request: generated(request, None, finish="SAFETY"),
    "prompt_blocked": prompt_blocked,
    "new_reason": lambda request: generated(request, None, finish="REASON_OF_NEXT_YEAR"),
    "refusal": lambda request: generated(request, REFUSAL),
    "other_model": lambda request: good(request, model="gemini-9-other"),
    "retiring": retiring,
    "doubled": first_twice,
    "sum": lambda request: good(request, dict.fromkeys(request.classes, 1.7 / len(request.classes))),
    "nan": lambda request: generated(request, answer_text(request, [(name, float("nan")) for name in request.classes])),
    "rate": lambda _: quota_error("GenerateRequestsPerMinutePerProjectPerModel", RETRY_DELAY_S),
    "rate_silent": lambda _: quota_error("GenerateRequestsPerMinutePerProjectPerModel", None),
    "free_tier": lambda _: quota_error("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", RETRY_DELAY_S),
    "day": lambda _: quota_error("GenerateRequestsPerDayPerProjectPerModel", 3600),
    "500": lambda _: error(500, "INTERNAL", "An internal error has occurred."),
    "503": lambda _: error(503, "UNAVAILABLE", "The model is overloaded.", headers={"Retry-After": "1"}),
    "unavailable": lambda _: error(503, "UNAVAILABLE", "This model is no longer available."),
    "html": lambda _: HttpAnswer(
        status=502, body=b"<html><h1>502 Bad Gateway</h1></html>", headers={"Content-Type": "text/html"}
    ),
    "not_json": lambda _: HttpAnswer(body=b"<p>Sign in to this network</p>", headers={"Content-Type": "text/html"}),
    "bad_key": lambda _: error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "bad_request": lambda _: error(400, "INVALID_ARGUMENT", "Thinking level is not supported for this model."),
    "forbidden": lambda _: error(403, "PERMISSION_DENIED", "The caller does not have permission."),
    "gone": lambda request: error(404, "NOT_FOUND", f"models/{request.model} is not found for API version v1."),
    "dropped": lambda _: HttpAnswer(body=b"", dropped=True),
    "slow": lambda _: HttpAnswer(body=b"", dropped=True),  # after `GeminiServer.slow_s`
}


def reply_to(request, behaviour):
    """The answer of a behaviour: its name, or the probability of each class of a good answer."""
    return BEHAVIOURS[behaviour](request) if isinstance(behaviour, str) else good(request, behaviour)

"""The client of the chat-completions protocol, by plain HTTP: requests, answers and errors in our terms."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from arogya_bench.api_models.calls import ApiRequest, CallError, EncodedImage, Reply
from arogya_bench.api_models.prompts import question
from arogya_bench.errors import needs_extra
from arogya_bench.models.api_replies import read_usage, read_version, service_message
from arogya_bench.models.http_errors import OF_IMAGE, http_error, retry_after
from arogya_bench.prices.tokens import TokenUsage

FINISHES = {"length": "length", "content_filter": "blocked"}  # all others are ``stop``
NO_BATCHES = "this protocol has no batch mode here"
DAY_QUOTAS = ("insufficient_quota", "billing_hard_limit_reached")  # waiting a minute does not help
REJECTIONS = {
    401: "check OPENAI_API_KEY.",
    403: "check that OPENAI_API_KEY may use this model.",
    404: "check model.id and model.base_url: the server does not know one of them.",
}
REJECTED_FIX = "check that the server takes images and model.structured=true; its log says more."


class ChatClient:
    """Sends single requests, once each.

    Args:
        key: Sent in a header where it is not empty; it stands in no attribute of this object and in no error.
        url: Of the completions.
    """

    def __init__(self, key: str, *, url: str) -> None:
        with needs_extra("openai"):
            import httpx2
        self.notes: frozenset[str] = frozenset()
        self._url = url
        self._http = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
        )

    async def send(self, request: ApiRequest, *, max_output_tokens: int, timeout_s: float) -> Reply:
        """Send a request once."""
        body = request_body(request, max_output_tokens)
        try:
            response = await self._http.post(self._url, json=body, timeout=timeout_s)
            if response.status_code != 200:
                return _read_error(response)
            return read_completion(response.json())
        except Exception as error:  # noqa: BLE001  (mapped; what is unknown goes on as it is)
            raise http_error(error) or error from None

    async def submit(self, requests: Sequence[ApiRequest], *, max_output_tokens: int) -> str:
        """Refuse: there is no batch mode."""
        del requests, max_output_tokens
        raise CallError("rejected", NO_BATCHES, fix="set model.batch=false.")

    async def collect(self, name: str) -> Mapping[str, Reply | CallError] | None:
        """Refuse: there is no batch mode."""
        del name
        raise CallError("rejected", NO_BATCHES, fix="set model.batch=false.")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def request_body(request: ApiRequest, max_output_tokens: int) -> dict[str, Any]:
    """The body of a request: one turn of prompt, examples and image."""
    content: list[dict[str, Any]] = [_text(request.prompt)]
    for example in request.examples:
        content += [_image(example.image), _text(example.answer)]
    content += [_text(question(len(request.examples))), _image(request.image)]
    body: dict[str, Any] = {
        "model": request.model_id,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": max_output_tokens,
    }
    if "temperature" in request.parameters:
        body["temperature"] = request.parameters["temperature"]
    if request.parameters.get("structured"):
        schema = {"name": "classification", "strict": True, "schema": dict(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def read_completion(body: Any) -> Reply:
    """The reply in the body of an answer.

    Raises:
        CallError: If it has not the form of a completion.
    """
    try:
        choice = body["choices"][0]
        message, finish = choice["message"], str(choice.get("finish_reason") or "")
        text = message.get("refusal") or message.get("content")
        return Reply(
            text=text if isinstance(text, str) else None,
            finish=FINISHES.get(finish, "stop"),
            detail="" if finish == "stop" else service_message(finish),
            model_version=read_version(body.get("model")),
            usage=_usage(body.get("usage")),
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        message = f"an answer that is no completion ({type(error).__name__})"
        raise CallError("server", message, may_be_billed=True) from None


def _usage(usage: object) -> TokenUsage:
    """Tokens; those of thinking are part of the completion in this protocol, and beside the output in ours."""
    counted = read_usage(
        input=_count(usage, "prompt_tokens"),
        cached=_count(_count(usage, "prompt_tokens_details"), "cached_tokens"),
        output=_count(usage, "completion_tokens"),
        thinking=_count(_count(usage, "completion_tokens_details"), "reasoning_tokens"),
    )
    if counted.output is None or counted.output < (counted.thinking or 0):
        return TokenUsage()
    return replace(counted, output=counted.output - (counted.thinking or 0))


def _count(counts: Any, name: str) -> Any:
    """An entry of an object; what is none stands for itself, so that it is not taken for a number that is missing."""
    return counts.get(name) if isinstance(counts, dict) else counts or None


def _read_error(response: Any) -> Reply:
    """The reply for an error by which some servers say that their filter blocked the prompt; others are raised."""
    code, message = _error_of(response)
    if code != "content_filter":
        raise _status_error(response)
    return Reply(text=None, finish="blocked", usage=TokenUsage(input=0, output=0), detail=service_message(message))


def _status_error(response: Any) -> CallError:
    status, (code, message) = response.status_code, _error_of(response)
    text, delay = service_message(f"{status}: {message}"), retry_after(response.headers)
    if status == 429:
        return CallError("day" if code in DAY_QUOTAS else "rate", text, retry_after_s=delay)
    if status in (408, 504):
        return CallError("timeout", text, retry_after_s=delay, may_be_billed=True)
    if status < 500:
        return CallError("rejected", text, fix=REJECTIONS.get(status, REJECTED_FIX), of_image=status in OF_IMAGE)
    return CallError("server", text, retry_after_s=delay, may_be_billed=True)


def _error_of(response: Any) -> tuple[str, str]:
    """Code and message of an error: an object, a text (Ollama), or a page of something in between."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return "", str(response.reason_phrase)
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        return str(error.get("code") or error.get("type") or ""), str(error.get("message", ""))
    return "", str(error)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _image(image: EncodedImage) -> dict[str, Any]:
    content = base64.b64encode(image.content).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{image.mime_type};base64,{content}"}}

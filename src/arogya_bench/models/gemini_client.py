"""The client of the Gemini API: requests, answers and errors of ``google-genai`` in our terms."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from arogya_bench.api_models.calls import ApiRequest, CallError, Reply
from arogya_bench.api_models.prompts import question
from arogya_bench.errors import needs_extra
from arogya_bench.models.api_replies import read_usage, read_version, service_message
from arogya_bench.models.gemini_errors import api_error
from arogya_bench.models.http_errors import http_error

BATCH_TIMEOUT_S = 120.0  # of the upload, and of a question about its state
BLOCKED = (
    *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
)
OPTIONS = ("temperature", "thinking_level", "thinking_budget")
COUNTS = {
    "input": "prompt_token_count",
    "cached": "cached_content_token_count",
    "output": "candidates_token_count",
    "thinking": "thoughts_token_count",
}
SUCCEEDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED")
ENDED = ("JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED")
UNREMARKABLE_STAGES = ("MODEL_STAGE_UNSPECIFIED", "STABLE")


class GeminiClient:
    """Sends single requests and batches, once each: retries, limits and budgets are not its business.

    Args:
        key: Sent in a header; it stands in no attribute of this object and in no error.
        base_url: Of the service.
        api_version: Such as ``v1``.
        tier: That the user has stated, ``paid`` or ``free``.
    """

    def __init__(self, key: str, *, base_url: str, api_version: str, tier: str) -> None:
        with needs_extra("gemini"):
            import httpx2
            from google import genai
            from google.genai import types
        # A reason that the SDK does not know yet is no news for a user; it stands in the answer.
        warnings.filterwarnings("ignore", message=".* is not a valid (FinishReason|BlockedReason|ModelStage)")
        self.notes: set[str] = set()
        self._tier = tier
        # A client of our own: with aiohttp installed, the SDK would take that, whose errors differ. It honours the
        # proxies of the environment, which a named transport would not. Every request has a timeout of its own.
        self._http = httpx2.AsyncClient(
            timeout=None, limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        )
        options = types.HttpOptions(
            base_url=base_url,
            api_version=api_version,
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_async_client=self._http,
        )
        # vertexai: a variable of the environment would turn the client to another service.
        self._client = genai.Client(api_key=key, vertexai=False, http_options=options)

    async def send(self, request: ApiRequest, *, max_output_tokens: int, timeout_s: float) -> Reply:
        """Send a request once."""
        contents, config = _contents(request), _config(request, max_output_tokens, timeout_s)
        models = self._client.aio.models
        with self._call_errors():
            response = await models.generate_content(model=request.model_id, contents=contents, config=config)
        return self._reply(response)

    async def submit(self, requests: Sequence[ApiRequest], *, max_output_tokens: int) -> str:
        """Send requests as one batch, each with its key."""
        from google.genai import types

        items = [
            types.InlinedRequest(
                model=request.model_id,
                contents=_contents(request),
                config=_config(request, max_output_tokens, None),
                metadata={"key": request.key},
            )
            for request in requests
        ]
        options = types.CreateBatchJobConfig(http_options=_timeout(BATCH_TIMEOUT_S))
        with self._call_errors():
            batch = await self._client.aio.batches.create(model=requests[0].model_id, src=items, config=options)
        return str(batch.name)

    async def collect(self, name: str) -> Mapping[str, Reply | CallError] | None:
        """The replies of a batch by the keys of its requests; None while it is not finished."""
        from google.genai import types

        options = types.GetBatchJobConfig(http_options=_timeout(BATCH_TIMEOUT_S))
        with self._call_errors():
            batch = await self._client.aio.batches.get(name=name, config=options)
        state = _name_of(batch.state)
        if state in ENDED:
            ended = state.removeprefix("JOB_STATE_").lower()
            raise CallError("rejected", f"the batch {name} is {ended}", fix="run the same command: it sends them anew.")
        if state not in SUCCEEDED:
            return None
        items = (batch.dest.inlined_responses if batch.dest else None) or []
        return {item.metadata["key"]: self._item(item) for item in items if item.metadata}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aio.aclose()
        await self._http.aclose()
        self._client.close()

    def _item(self, item: Any) -> Reply | CallError:
        if item.response is not None:
            return self._reply(item.response)
        message = item.error.message if item.error else "no answer"
        return CallError("server", service_message(message))

    def _reply(self, response: Any) -> Reply:
        usage = response.usage_metadata
        self.notes |= _model_notes(response)
        finish, detail = _finish(response)
        return Reply(
            text=response.text if response.candidates else None,
            finish=finish,
            detail=service_message(detail),
            model_version=read_version(response.model_version),
            usage=read_usage(**{ours: getattr(usage, theirs, None) for ours, theirs in COUNTS.items()}),
        )

    @contextmanager
    def _call_errors(self) -> Iterator[None]:
        """Turn errors of the service and of the connection into call errors; others stay as they are."""
        from google.genai.errors import APIError

        try:
            yield
        except Exception as error:  # noqa: BLE001  (raised again, whatever it is)
            mapped = api_error(error, tier=self._tier) if isinstance(error, APIError) else http_error(error)
            raise mapped or error from None


def _contents(request: ApiRequest) -> list[Any]:
    """One turn: the prompt, the examples, the image. What is the same for every case comes first, for their cache."""
    from google.genai import types

    parts = [types.Part.from_text(text=request.prompt)]
    for example in request.examples:
        parts.append(types.Part.from_bytes(data=example.image.content, mime_type=example.image.mime_type))
        parts.append(types.Part.from_text(text=example.answer))
    parts.append(types.Part.from_text(text=question(len(request.examples))))
    parts.append(types.Part.from_bytes(data=request.image.content, mime_type=request.image.mime_type))
    return [types.Content(role="user", parts=parts)]


def _config(request: ApiRequest, max_output_tokens: int, timeout_s: float | None) -> Any:
    from google.genai import types

    options: dict[str, Any] = {name: value for name, value in request.parameters.items() if name in OPTIONS}
    thinking = {name: value for name, value in options.items() if name.startswith("thinking")}
    return types.GenerateContentConfig(
        http_options=None if timeout_s is None else _timeout(timeout_s),
        temperature=options.get("temperature"),
        max_output_tokens=max_output_tokens,
        response_mime_type="application/json",
        response_json_schema=dict(request.schema),
        thinking_config=types.ThinkingConfig(**thinking) if thinking else None,
        automatic_continuation=False,  # else one call may become several, each billed
    )


def _timeout(seconds: float) -> Any:
    from google.genai import types

    return types.HttpOptions(timeout=max(1, round(seconds * 1000)))  # milliseconds


def _finish(response: Any) -> tuple[str, str]:
    """How an answer ended, in our words and in those of the service."""
    if not response.candidates:
        feedback = response.prompt_feedback
        reason = _name_of(feedback.block_reason) if feedback and feedback.block_reason else ""
        return ("blocked", f"prompt: {reason}") if reason else ("stop", "no candidates")
    reason = _name_of(response.candidates[0].finish_reason)
    if reason == "MAX_TOKENS":
        return "length", reason
    if reason in BLOCKED:
        return "blocked", reason
    return "stop", "" if reason == "STOP" else reason


def _model_notes(response: Any) -> set[str]:
    """What the service says of the life of the model; empty if nothing is remarkable."""
    status = response.model_status
    stage = _name_of(status.model_stage) if status else ""
    if status is None or (stage in UNREMARKABLE_STAGES and not status.retirement_time):
        return set()
    ends = f", retires on {status.retirement_time.date()}" if status.retirement_time else ""
    note = f"{response.model_version} is {stage.lower().replace('_', ' ')}{ends}. {status.message or ''}"
    return {service_message(note.strip())}


def _name_of(value: Any) -> str:
    """The name of a value of an enumeration; values that the SDK does not know keep theirs."""
    return str(getattr(value, "value", value or ""))

"""What the real google-genai client makes of every answer of the service, and what is sent."""

import asyncio
import io
import json
from decimal import Decimal

import numpy as np
import PIL.Image
import pytest
from gemini_replies import (
    BEHAVIOURS,
    CACHED_TOKENS,
    IMAGE_TOKENS,
    REFUSAL,
    RETRY_DELAY_S,
    THINKING_TOKENS,
    error,
    good,
    of_json,
    quota_error,
)
from gemini_server import GeminiServer

from arogya_bench.api_models.answers import read_reply
from arogya_bench.api_models.calls import CallError, Example, Reply, Status
from arogya_bench.api_models.encoding import ImageEncoding
from arogya_bench.models.gemini import GeminiClassifier
from arogya_bench.prices.tokens import TokenRates, TokenUsage
from arogya_bench.runtime.redaction import register_secrets

KEY = "AIzaTestKeyOfNobody0123456789"
CLASSES = ("benign", "malignant", "other")
TEXTS = ("findings", "diagnosis")
IMAGE = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)
ENCODING = ImageEncoding(size=32, format="png", quality=95)


def model_of(server, **fields):
    fields = {"prompt": "Which?\n{classes}\n{fields}", "texts": list(TEXTS), "base_url": server.url, **fields}
    return GeminiClassifier(**fields)


def request_of(model, *, image=IMAGE, examples=()):
    from dataclasses import replace

    return replace(model._request(CLASSES, examples), image=ENCODING.encode(image))


def exchange(server, *, behaviour=None, timeout_s=20.0, examples=(), **fields):
    """Send one request; return the reply or the error."""
    if behaviour is not None:
        server.behave = lambda _: behaviour
    model = model_of(server, **fields)

    async def send():
        client = model.open_client(KEY)
        try:
            return await client.send(request_of(model, examples=examples), max_output_tokens=512, timeout_s=timeout_s)
        except CallError as error:
            return error
        finally:
            await client.close()

    return asyncio.run(send())


@pytest.fixture
def server():
    with GeminiServer() as opened:
        yield opened


def status_of(reply):
    return read_reply(reply, CLASSES, TEXTS).status


def test_a_good_answer_gives_probabilities_texts_and_tokens(server):
    reply = exchange(server, behaviour={"benign": 0.2, "malignant": 0.7, "other": 0.1})

    answer = read_reply(reply, CLASSES, TEXTS)
    assert answer.status == Status.OK
    assert answer.probabilities == pytest.approx((0.2, 0.7, 0.1))
    assert set(answer.texts) == set(TEXTS)
    assert (reply.finish, reply.detail, reply.model_version) == ("stop", "", "gemini-3.5-flash-lite")
    assert reply.usage == server.tokens
    assert reply.usage.input > IMAGE_TOKENS
    assert reply.usage.thinking is None


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ("ok", Status.OK),
        ("thinking", Status.OK),
        ("cached", Status.OK),
        ("fenced", Status.OK),
        ("malformed", Status.MALFORMED),
        ("doubled", Status.MALFORMED),
        ("sum", Status.MALFORMED),
        ("nan", Status.MALFORMED),
        ("truncated", Status.TRUNCATED),
        ("truncated_empty", Status.TRUNCATED),
        ("blocked", Status.BLOCKED),
        ("prompt_blocked", Status.BLOCKED),
        ("refusal", Status.REFUSED),
        ("new_reason", Status.MALFORMED),
    ],
)
def test_every_answer_has_one_status_and_its_tokens(server, behaviour, status):
    reply = exchange(server, behaviour=behaviour)

    assert isinstance(reply, Reply)
    assert status_of(reply) == status
    assert reply.usage == server.tokens
    assert len(server.requests) == 1


def test_thinking_and_cached_tokens_are_told_apart(server):
    thinking = exchange(server, behaviour="thinking").usage
    cached = exchange(server, behaviour="cached").usage

    assert (thinking.thinking, thinking.cached) == (THINKING_TOKENS, None)
    assert (cached.thinking, cached.cached) == (None, CACHED_TOKENS)
    rates = TokenRates(input=Decimal("0.3"), cached=Decimal("0.03"), output=Decimal("2.5"), source="a test")
    expected = (cached.input - CACHED_TOKENS) * 0.3 + CACHED_TOKENS * 0.03 + cached.output * 2.5
    assert float(rates.usd(cached)) == pytest.approx(expected / 1e6, abs=1e-12)


def test_a_prose_refusal_is_quoted(server):
    answer = read_reply(exchange(server, behaviour="refusal"), CLASSES, TEXTS)

    assert REFUSAL[:40] in answer.problem


@pytest.mark.parametrize(
    ("behaviour", "kind", "billed", "delay"),
    [
        ("rate", "rate", False, RETRY_DELAY_S),
        ("rate_silent", "rate", False, None),
        ("day", "day", False, 3600),
        ("500", "server", True, None),
        ("503", "server", True, 1.0),
        ("html", "server", True, None),
        ("not_json", "server", True, None),
        ("dropped", "connection", True, None),
        ("bad_key", "rejected", False, None),
        ("bad_request", "rejected", False, None),
        ("forbidden", "rejected", False, None),
        ("gone", "rejected", False, None),
        ("free_tier", "rejected", False, None),
    ],
)
def test_every_failure_has_a_kind_and_is_sent_once(server, behaviour, kind, billed, delay):
    error = exchange(server, behaviour=behaviour)

    assert isinstance(error, CallError), error
    assert (error.kind, error.may_be_billed, error.retry_after_s) == (kind, billed, delay)
    assert bool(error.fix) == (kind == "rejected")
    assert error.__cause__ is None
    assert error.__suppress_context__  # a traceback shows nothing of the SDK's objects
    assert len(server.requests) == 1


def test_a_slow_answer_is_a_timeout_that_may_be_billed(server):
    error = exchange(server, behaviour="slow", timeout_s=0.2)

    assert (error.kind, error.may_be_billed) == ("timeout", True)
    assert server.requests[0].headers["X-Server-Timeout"] == "1"  # whole seconds, at least one


def test_nothing_listens(server):
    model = model_of(server, base_url="http://127.0.0.1:9")

    async def send():
        client = model.open_client(KEY)
        try:
            await client.send(request_of(model), max_output_tokens=8, timeout_s=5)
        finally:
            await client.close()

    with pytest.raises(CallError) as caught:
        asyncio.run(send())
    assert (caught.value.kind, caught.value.may_be_billed) == ("connection", False)


def test_the_quota_of_the_free_tier_rejects_a_paid_row_only(server):
    assert "billing" in exchange(server, behaviour="free_tier").fix
    assert exchange(server, behaviour="free_tier", tier="free").kind == "rate"


def test_the_notes_of_a_model_that_will_be_retired_are_kept(server):
    server.behave = lambda _: "retiring"
    model = model_of(server)

    async def notes():
        client = model.open_client(KEY)
        await client.send(request_of(model), max_output_tokens=512, timeout_s=20)
        await client.close()
        return client.notes

    assert asyncio.run(notes()) == {"gemini-3.5-flash-lite is legacy, retires on 2026-12-01. It will be retired."}


def test_an_error_that_quotes_the_key_hides_it(server, monkeypatch):
    register_secrets([KEY])
    quoting = error(403, "PERMISSION_DENIED", f"Consumer 'api_key:{KEY}' has been suspended.")
    monkeypatch.setitem(BEHAVIOURS, "quoting", lambda _: quoting)

    failure = exchange(server, behaviour="quoting")

    assert "suspended" in str(failure)
    assert KEY not in str(failure)


def with_fields(**fields):
    """A behaviour: a good answer with other fields."""

    def answer(request):
        sent = good(request)
        return of_json(json.loads(sent.body) | fields)

    return answer


@pytest.mark.parametrize("count", [-5, 10**30, None], ids=str)
def test_odd_numbers_of_tokens_count_as_not_reported(server, monkeypatch, count):
    monkeypatch.setitem(BEHAVIOURS, "odd", with_fields(usageMetadata={"promptTokenCount": count}))

    assert exchange(server, behaviour="odd").usage == TokenUsage()


@pytest.mark.parametrize(
    "fields",
    [{"usageMetadata": {"promptTokenCount": 100.5}}, {"usageMetadata": [1]}, {"modelVersion": {"a": 1}}],
    ids=str,
)
def test_an_answer_that_the_sdk_cannot_read_is_a_fault_of_the_server(server, monkeypatch, fields):
    monkeypatch.setitem(BEHAVIOURS, "odd", with_fields(**fields))

    error = exchange(server, behaviour="odd")

    assert (error.kind, error.may_be_billed) == ("server", True)


def test_half_a_surrogate_pair_is_replaced_in_all_that_the_service_says(server, monkeypatch):
    half = "odd \ud800"
    monkeypatch.setitem(BEHAVIOURS, "words", with_fields(modelVersion=half))
    monkeypatch.setitem(BEHAVIOURS, "refused", lambda _: error(400, half, half))

    reply, failure = exchange(server, behaviour="words"), exchange(server, behaviour="refused")

    assert reply.model_version == "odd ?"
    assert str(failure) == "400 odd ?: odd ?"


@pytest.mark.parametrize(
    "details", [5, [5], [{"violations": 5}], [{"violations": [5]}], [{"retryDelay": "9e9s"}]], ids=str
)
def test_odd_details_of_an_error_are_passed_over(server, monkeypatch, details):
    content = {"error": {"code": 429, "message": "wait", "status": "RESOURCE_EXHAUSTED", "details": details}}
    monkeypatch.setitem(BEHAVIOURS, "odd", lambda _: of_json(content, 429))

    failure = exchange(server, behaviour="odd")

    assert (failure.kind, failure.retry_after_s) == ("rate", None)


def test_a_wait_of_years_is_none_of_a_service(server, monkeypatch):
    monkeypatch.setitem(BEHAVIOURS, "odd", lambda _: quota_error("PerMinute", 1e300))

    assert exchange(server, behaviour="odd").retry_after_s == 7 * 24 * 3600


def test_an_unknown_reason_to_stop_is_named(server):
    answer = read_reply(exchange(server, behaviour="new_reason"), CLASSES, TEXTS)

    assert answer.problem == "REASON_OF_NEXT_YEAR"


def test_the_image_is_sent_without_names_and_metadata(server):
    exchange(server)

    (seen,) = server.requests
    assert seen.has_key
    assert KEY not in str(seen.body) + str(seen.headers)
    with PIL.Image.open(io.BytesIO(seen.image)) as sent:
        assert (sent.format, sent.size, sent.mode, sent.info) == ("PNG", (24, 32), "RGB", {})
    assert (seen.version, seen.model, seen.max_output_tokens) == ("v1", "gemini-3.5-flash-lite", 512)
    assert list(seen.properties) == ["findings", "probabilities", "diagnosis"]
    assert seen.classes == list(CLASSES)
    assert "- malignant" in seen.prompt
    assert "temperature" not in seen.config
    assert "thinkingConfig" not in seen.config


def test_options_are_sent_where_they_are_set(server):
    exchange(server, thinking_level="minimal")
    exchange(server, id="gemini-2.5-flash", thinking_budget=0, temperature=0.0)

    new, old = (seen.config for seen in server.requests)
    assert new["thinkingConfig"] == {"thinking_level": "MINIMAL"}
    assert (old["thinkingConfig"], old["temperature"]) == ({"thinking_budget": 0}, 0.0)


def test_examples_stand_between_the_prompt_and_the_question(server):
    image = ENCODING.encode(np.zeros_like(IMAGE))
    exchange(server, examples=(Example(image=image, answer="The image above is benign."),))

    (seen,) = server.requests
    kinds = ["text" if "text" in part else "image" for part in seen.body["contents"][0]["parts"]]
    assert kinds == ["text", "image", "text", "text", "image"]
    assert seen.image == ENCODING.encode(IMAGE).content


@pytest.mark.parametrize(
    "variables",
    [
        {"GOOGLE_GENAI_USE_VERTEXAI": "true"},
        {"GOOGLE_GENAI_USE_ENTERPRISE": "true"},
        {"GOOGLE_GENAI_API_VERSION": "v1alpha"},
        {"GOOGLE_GENAI_HTTP_CLIENT": "httpx"},
        {"GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9"},
        {"GOOGLE_API_KEY": "another", "GEMINI_API_KEY": "a third"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_variables_of_the_sdk_change_nothing(server, monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    reply = exchange(server)

    assert status_of(reply) == Status.OK
    assert server.requests[0].version == "v1"


def test_aiohttp_is_not_used(server):
    pytest.importorskip("aiohttp")
    exchange(server)

    model = model_of(server)

    async def sessions():
        client = model.open_client(KEY)
        await client.send(request_of(model), max_output_tokens=512, timeout_s=20)
        used = dict(client._client._api_client._aiohttp_sessions)
        await client.close()
        return used

    assert asyncio.run(sessions()) == {}


def test_a_batch_is_found_by_its_name_and_its_items_by_their_keys(server):
    """The second process knows the name only; one item fails, and the order is not that of the requests."""
    model = model_of(server)
    images = [np.full_like(IMAGE, value) for value in (10, 20, 30)]
    requests = [request_of(model, image=image) for image in images]
    server.behave = lambda seen: "500" if seen.image == requests[1].image.content else "ok"

    async def submit():
        client = model.open_client(KEY)
        name = await client.submit(requests, max_output_tokens=512)
        await client.close()
        return name

    async def collect(name):
        client = model.open_client(KEY)
        polls = [await client.collect(name) for _ in range(2)]
        await client.close()
        return polls

    first, replies = asyncio.run(collect(asyncio.run(submit())))

    assert first is None
    assert set(replies) == {request.key for request in requests}
    assert [type(replies[request.key]) for request in requests] == [Reply, CallError, Reply]
    assert replies[requests[1].key].kind == "server"
    assert replies[requests[0].key].text != replies[requests[2].key].text
    assert all(seen.batch and seen.max_output_tokens == 512 for seen in server.requests)


def test_an_unknown_batch_is_rejected(server):
    model = model_of(server)

    async def collect():
        client = model.open_client(KEY)
        try:
            await client.collect("batches/none")
        finally:
            await client.close()

    with pytest.raises(CallError) as caught:
        asyncio.run(collect())
    assert caught.value.kind == "rejected"

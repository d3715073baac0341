"""Any server of the chat-completions protocol as a model under evaluation."""

import asyncio
import io
import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import PIL.Image
import pytest
from api_fixtures import CLASSES, PROMPT, ask, drawn_images, fitted, prices_of
from chat_server import RETRY_AFTER_S, ChatServer, changed, completion, failure, good

from arogya_bench.api_models.answers import read_reply
from arogya_bench.api_models.calls import CallError, Status
from arogya_bench.api_models.model import ApiModel
from arogya_bench.errors import ApiError, ConfigError, RequirementMissing
from arogya_bench.models.openai_compatible import OpenAICompatible
from arogya_bench.prices.tokens import TokenUsage

MODEL = "llava:7b"
KEY = "sk-test-of-nobody-123"


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    monkeypatch.setenv("AROGYA_API_LEDGER", str(tmp_path / "ledger" / "calls.sqlite"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def server():
    with ChatServer() as opened:
        yield opened


@pytest.fixture
def model(server):
    """Build an adapter that asks the server."""

    def build(**fields):
        given = {"id": MODEL, "prompt": PROMPT, "base_url": server.url, "texts": ["findings"], "attempts": 2}
        return OpenAICompatible(**{**given, **fields})

    return build


def exchange(adapter, *, key="", timeout_s=20.0):
    """Send one request; return the reply or the error."""
    request = replace(adapter._request(CLASSES, ()), image=adapter._encoding().encode(drawn_images(1)[0]))

    async def send():
        client = adapter.open_client(key)
        try:
            return await client.send(request, max_output_tokens=256, timeout_s=timeout_s)
        except CallError as error:
            return error
        finally:
            await client.close()

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ("ok", Status.OK),
        ("no_usage", Status.OK),
        ("length", Status.TRUNCATED),
        ("filtered", Status.BLOCKED),
        ("refusal_field", Status.REFUSED),
        ("prose", Status.REFUSED),
        ("malformed", Status.MALFORMED),
    ],
)
def test_every_answer_has_one_status(server, model, behaviour, status):
    server.behave = lambda _: behaviour

    assert read_reply(exchange(model()), CLASSES, ("findings",)).status == status


@pytest.mark.parametrize(
    ("behaviour", "kind", "billed", "delay"),
    [
        ("rate", "rate", False, RETRY_AFTER_S),
        ("quota", "day", False, None),
        ("500", "server", True, None),
        ("html", "server", True, None),
        ("not_json", "server", True, None),
        ("no_choice", "server", True, None),
        ("dropped", "connection", True, None),
        ("bad_key", "rejected", False, None),
        ("gone", "rejected", False, None),
        ("no_images", "rejected", False, None),
    ],
)
def test_every_failure_has_a_kind_and_is_sent_once(server, model, behaviour, kind, billed, delay):
    server.behave = lambda _: behaviour

    error = exchange(model())

    assert isinstance(error, CallError), error
    assert (error.kind, error.may_be_billed, error.retry_after_s) == (kind, billed, delay)
    assert bool(error.fix) == (kind == "rejected")
    assert error.__suppress_context__ or error.__context__ is None
    assert len(server.requests) == 1


def test_a_slow_answer_is_a_timeout(server, model):
    server.behave = lambda _: "slow"

    assert exchange(model(), timeout_s=0.2).kind == "timeout"


def test_thinking_is_counted_beside_the_output_and_cached_input_within(server, model):
    server.behave = lambda seen: "thinking" if seen.attempt == 1 else "cached"
    thinking, cached = exchange(model()).usage, exchange(model()).usage

    assert (thinking.output, thinking.thinking) == (50, 40)
    assert (cached.input, cached.cached, cached.output) == (700, 300, 90)


TOKENS = {"prompt_tokens": 700, "completion_tokens": 90}


@pytest.mark.parametrize(
    "usage",
    [
        *(
            {**TOKENS, "prompt_tokens": odd}
            for odd in (100.5, 100.0, -1, 10**30, 10**9, "700", True, None, [], {"a": 1})
        ),
        *({**TOKENS, "completion_tokens": odd} for odd in (90.5, -90, 1e400, None)),
        {**TOKENS, "prompt_tokens_details": {"cached_tokens": 701}},
        {**TOKENS, "prompt_tokens_details": "none"},
        {**TOKENS, "completion_tokens_details": {"reasoning_tokens": 91}},
        {"prompt_tokens": 700},
        [700, 90],
        "790",
    ],
    ids=str,
)
def test_odd_numbers_of_tokens_count_as_not_reported(server, model, tmp_path, usage):
    """The answer is kept, and what was reserved for it counts as possibly billed."""
    server.behave = lambda _: changed(usage=usage)

    answers = ask(fitted(model(billed=True), tmp_path / "fit"), drawn_images(1), prices=prices_of(MODEL))

    assert answers.columns["answer_status"] == ("ok",)
    assert answers.columns["answer_input_tokens"] == answers.columns["answer_output_tokens"] == (None,)
    assert answers.possible_usd > 0
    assert exchange(model()).usage == TokenUsage()


def test_details_that_are_empty_change_nothing(server, model):
    server.behave = lambda _: changed(usage={**TOKENS, "prompt_tokens_details": [], "completion_tokens_details": None})

    assert exchange(model()).usage == TokenUsage(input=700, output=90)


@pytest.mark.parametrize("named", [{"id": MODEL}, 7, [MODEL], "", None], ids=str)
def test_a_model_that_is_no_name_is_not_named(server, model, tmp_path, named):
    server.behave = lambda _: changed(model=named)

    answers = ask(fitted(model(), tmp_path / "fit"), drawn_images(2))

    assert answers.columns["answer_model_version"] == (None, None)
    assert set(answers.columns["answer_status"]) == {"ok"}


@pytest.mark.parametrize(
    "behaviour",
    [
        changed(model=f"{MODEL}-1\ud800"),
        changed(choices=[{"message": {"content": None}, "finish_reason": "odd \ud800"}]),
        lambda request: completion(
            request, good(request)[1]["choices"][0]["message"]["content"].replace("spots", r"\ud800")
        ),
        lambda request: failure(500, "odd \udfff") if request.attempt < 2 else good(request),
        lambda _: failure(400, "odd \udfff", "content_filter"),
        lambda _: (500, {"error": "odd \udfff"}, {}),
    ],
    ids=["model", "finish", "text", "error", "filter", "plain error"],
)
def test_half_a_surrogate_pair_in_the_words_of_a_server_ends_no_cell(server, model, tmp_path, behaviour):
    server.behave = lambda _: behaviour

    answers = ask(fitted(model(allow_substitution=True), tmp_path / "fit"), drawn_images(1))

    said = (answers.columns, answers.texts, [outcome.answer.problem for case in answers.outcomes for outcome in case])
    assert json.dumps(said, ensure_ascii=False).encode()


def test_what_is_sent(server, model):
    exchange(model(temperature=0.0), key=KEY)
    exchange(model(structured=False))

    first, second = server.requests
    assert (first.has_key, second.has_key) == (True, False)
    assert KEY not in str(first.body)
    assert (first.body["model"], first.body["max_tokens"], first.body["temperature"]) == (MODEL, 256, 0.0)
    assert list(first.schema["properties"]) == ["findings", "probabilities"]
    assert second.schema is None
    assert "temperature" not in second.body
    assert "- malignant" in first.prompt
    with PIL.Image.open(io.BytesIO(first.image)) as sent:
        assert (sent.format, sent.size, sent.info) == ("PNG", (24, 24), {})


def test_a_cell_is_answered_for_nothing_on_a_server_of_ones_own(server, model, tmp_path):
    adapter = model()
    answers = ask(fitted(adapter, tmp_path / "fit"), drawn_images(7), prices=prices_of())

    assert isinstance(adapter, ApiModel)
    assert (adapter.tier, adapter.price_name, adapter.terms) == ("own", None, "")
    assert adapter.queue_settings.limits.requests_per_minute is None
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1)
    assert (answers.sent, answers.spent_usd) == (7, None)
    assert set(answers.columns["answer_usd"]) == {None}
    assert set(answers.columns["answer_input_tokens"]) == {700}


def test_a_billed_server_is_paid_by_its_tokens(server, model, tmp_path):
    adapter = model(billed=True)
    answers = ask(fitted(adapter, tmp_path / "fit"), drawn_images(3), prices=prices_of(MODEL))

    assert (adapter.tier, adapter.price_name) == ("paid", MODEL)
    expected = (Decimal(server.tokens.input) * Decimal("0.3") + server.tokens.output * Decimal("2.5")) / 1_000_000
    assert answers.spent_usd == pytest.approx(float(expected), abs=1e-9)


def test_one_rule_for_consent_even_on_this_machine(server, model, tmp_path):
    predictor = fitted(model(), tmp_path / "fit")

    with pytest.raises(RequirementMissing, match="does not allow"):
        ask(predictor, drawn_images(1), external_api="denied")
    with pytest.raises(RequirementMissing, match="No connection"):
        ask(fitted(model(base_url="http://127.0.0.1:9"), tmp_path / "other"), drawn_images(1))
    assert server.requests == []


def test_another_model_than_asked_ends_the_cell(server, model, tmp_path):
    server.behave = lambda _: "other_model"

    with pytest.raises(ApiError, match="llava:7b was asked, and other answered"):
        ask(fitted(model(), tmp_path / "fit"), drawn_images(2))


def test_an_address_is_one_however_it_is_written(server, model, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    ends = ("", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/chat/completions/")
    spellings = [model(base_url=server.url + end) for end in ends]

    assert {adapter.endpoint for adapter in spellings} == {server.url}
    assert {exchange(adapter).finish for adapter in spellings} == {"stop"}
    assert spellings[0].read_key() == KEY


@pytest.mark.parametrize(
    ("fields", "problem"),
    [({"base_url": "127.0.0.1:8000"}, "base_url"), ({"base_url": ""}, "base_url"), ({"batch": True}, "no batch mode")],
)
def test_wrong_settings_are_refused(model, fields, problem):
    with pytest.raises(ConfigError, match=problem):
        model(**fields)


def test_batches_are_refused_by_the_client_too(model):
    async def submit():
        client = model().open_client("")
        with pytest.raises(CallError, match="no batch mode"):
            await client.submit([], max_output_tokens=1)
        with pytest.raises(CallError, match="no batch mode"):
            await client.collect("batches/1")
        await client.close()

    asyncio.run(submit())

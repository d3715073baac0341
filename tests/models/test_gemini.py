"""Gemini as a model under evaluation: cells asked through the real SDK at a server on loopback."""

import json
import logging
import pickle
import traceback
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from api_fixtures import CLASSES, KEY, PROMPT, TOKEN_PRICE, access_of, ask, drawn_images, fitted, prices_of, subset_of
from gemini_server import GeminiServer

from arogya_bench.api_models.encoding import ImageEncoding
from arogya_bench.api_models.model import ApiModel, CellPredictor
from arogya_bench.errors import ApiError, BudgetExceeded, ConfigError, PriceError, RequirementMissing
from arogya_bench.models.gemini import GeminiClassifier
from arogya_bench.runtime.digests import model_identity
from arogya_bench.types import ANSWER_COLUMNS, Training

MODEL = "gemini-3.5-flash-lite"


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    monkeypatch.setenv("AROGYA_API_LEDGER", str(tmp_path / "ledger" / "calls.sqlite"))
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)


@pytest.fixture
def server():
    with GeminiServer() as opened:
        yield opened


@pytest.fixture
def predictor(server, tmp_path):
    """Build a predictor that asks the server; without limits, and quick to give up."""

    def build(*, seed=1, train=None, **fields):
        given = {"prompt": PROMPT, "base_url": server.url, "requests_per_minute": 100_000, "attempts": 2, **fields}
        folder = tmp_path / f"fit-{len(list(tmp_path.iterdir()))}"
        return fitted(GeminiClassifier(**given), folder, seed=seed, train=train)

    return build


def test_a_cell_has_an_answer_for_every_case(server, predictor):
    images = drawn_images(12)

    answers = ask(predictor(), images, prices=prices_of(MODEL))

    assert answers.probabilities.shape == (12, 3)
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-12)
    assert tuple(answers.columns) == ANSWER_COLUMNS
    assert set(answers.columns["answer_status"]) == {"ok"}
    assert answers.sent == len(server.requests) == 12
    assert all(set(texts) == {"findings", "diagnosis", "recommendation"} for texts in answers.texts)
    by_digest = {seen.image_digest[:6]: seen for seen in server.requests}
    order = [texts["findings"].split()[-1] for texts in answers.texts]
    assert sorted(order) == sorted(by_digest)  # every case has the answer to its own image
    assert json.loads(json.dumps(answers.request))["model"] == MODEL


def test_the_cost_is_the_tokens_of_the_server_times_the_price(server, predictor):
    server.behave = lambda seen: ("thinking", "cached", "ok")[len(seen.image) % 3]

    answers = ask(predictor(), drawn_images(9), prices=prices_of(MODEL))

    tokens, price = server.tokens, TOKEN_PRICE
    cached = tokens.cached or 0
    expected = (
        (tokens.input - cached) * price.input_per_million
        + cached * price.cached_input_per_million
        + (tokens.output + (tokens.thinking or 0)) * price.output_per_million
    ) / 1e6
    assert sum(answers.columns["answer_usd"]) == pytest.approx(expected, abs=1e-9)
    assert answers.spent_usd == pytest.approx(expected, abs=1e-9)


def test_equal_requests_are_sent_once_for_ever(server, predictor):
    """Zero-shot: another seed sends nothing, one changed byte sends one request."""
    images = drawn_images(6)
    first = ask(predictor(), images)
    again = ask(predictor(seed=2), images, seed=2)

    assert (first.sent, again.sent, len(server.requests)) == (6, 0, 6)
    np.testing.assert_array_equal(again.probabilities, first.probabilities)
    assert set(again.columns["answer_reused"]) == {True}
    assert set(again.columns["answer_latency_ms"]) == {None}

    images[3][0, 0, 0] ^= 1
    assert ask(predictor(), images).sent == 1
    assert ask(predictor(prompt=PROMPT + " "), images).sent == 0  # spaces at the end are not sent
    assert ask(predictor(prompt=PROMPT + "Think."), images).sent == 6


def test_failures_are_rows_of_their_own(server, predictor):
    images = drawn_images(20)
    kinds = ("blocked", "prompt_blocked", "refusal", "malformed", "truncated")
    behaviours = {}
    server.behave = lambda seen: behaviours.setdefault(seen.image, (*kinds, *["ok"] * 15)[len(behaviours)])

    answers = ask(predictor(concurrency=1), images)

    counts = Counter(answers.columns["answer_status"])
    assert counts == {"ok": 15, "blocked": 2, "refused": 1, "malformed": 1, "truncated": 1}
    assert int(np.isnan(answers.probabilities).any(axis=1).sum()) == 5
    attempts = dict(zip(answers.columns["answer_status"], answers.columns["answer_attempts"], strict=True))
    assert attempts["blocked"] == attempts["refused"] == 1
    assert attempts["malformed"] == 3
    assert attempts["truncated"] == 2
    limits = [seen.max_output_tokens for seen in server.requests if seen.behaviour == "truncated"]
    assert limits == [1024, 2048]


def test_faults_of_the_service_are_waited_for(server, predictor):
    faults = ("rate", "500", "html", "not_json", "dropped")
    chosen = {}

    def behave(seen):
        fault = chosen.setdefault(seen.image, faults[len(chosen) % len(faults)])
        return fault if seen.attempt == 1 else "ok"

    server.behave = behave

    answers = ask(predictor(), drawn_images(5), prices=prices_of(MODEL))

    assert set(answers.columns["answer_status"]) == {"ok"}
    assert answers.columns["answer_attempts"] == (2,) * 5
    assert answers.sent == 10
    assert answers.possible_usd > 0


@pytest.mark.parametrize("behaviour", ["gone", "bad_key", "forbidden", "free_tier"])
def test_what_no_attempt_can_change_ends_the_cell_at_once(server, predictor, behaviour):
    server.behave = lambda _: behaviour

    with pytest.raises(ApiError) as caught:
        ask(predictor(concurrency=2), drawn_images(10))

    assert caught.value.fix
    assert len(server.requests) <= 4


def test_a_retired_model_is_rerouted_or_gone_or_away(server, predictor):
    """Sources disagree about which of the three it is."""
    with pytest.raises(ApiError, match="fake-other_model was asked, and gemini-9-other answered"):
        ask(predictor(id="fake-other_model"), drawn_images(2))
    with pytest.raises(ApiError, match="404"):
        ask(predictor(id="fake-gone"), drawn_images(2))
    with pytest.raises(ApiError, match="503"):
        ask(predictor(id="fake-unavailable", attempts=1, concurrency=1), drawn_images(11))
    assert len(server.requests) <= 15


def test_another_model_may_answer_if_the_config_says_so(predictor):
    answers = ask(predictor(id="fake-other_model", allow_substitution=True), drawn_images(2))

    assert answers.columns["answer_model_version"] == ("gemini-9-other",) * 2


def test_the_budget_ends_a_cell_before_it_is_passed(server, predictor):
    with pytest.raises(BudgetExceeded):
        ask(predictor(), drawn_images(5), prices=prices_of(MODEL), budget_usd=0.0)
    with pytest.raises(PriceError, match="no price list"):
        ask(predictor(), drawn_images(5), budget_usd=1.0)
    with pytest.raises(PriceError, match="no price of"):
        ask(predictor(id="gemini-x"), drawn_images(5), prices=prices_of(MODEL))
    assert server.requests == []


def test_repeats_are_averaged_and_compared(server, predictor):
    server.behave = lambda seen: {"benign": 0.6, "malignant": 0.4, "other": 0} if seen.attempt < 3 else "blocked"

    answers = ask(predictor(repeats=3), drawn_images(4))

    assert answers.sent == 12
    assert set(answers.columns["answer_status"]) == {"ok"}
    assert set(answers.columns["answer_agreement"]) == {1.0}
    assert set(answers.columns["answer_attempts"]) == {3}
    np.testing.assert_allclose(answers.probabilities, np.tile([0.6, 0.4, 0], (4, 1)))
    assert [len(case) for case in answers.outcomes] == [3] * 4


def test_a_row_of_blank_images_asks_once_for_each_size(server, predictor):
    answers = ask(predictor(control="blank"), [*drawn_images(6), *drawn_images(2, size=16)])

    assert (answers.sent, len(server.requests)) == (2, 2)
    assert len(np.unique(answers.probabilities, axis=0)) == 2


def test_a_row_of_shuffled_labels_permutes_the_answers_of_the_row_itself(server, predictor):
    images = drawn_images(8)
    plain = ask(predictor(), images)
    shuffled = [ask(predictor(control="shuffled_labels"), images, seed=seed) for seed in (1, 1, 2)]

    assert len(server.requests) == 8
    for answers in shuffled:
        assert sorted(map(tuple, answers.probabilities)) == sorted(map(tuple, plain.probabilities))
        assert not np.array_equal(answers.probabilities, plain.probabilities)
    np.testing.assert_array_equal(shuffled[0].probabilities, shuffled[1].probabilities)
    assert not np.array_equal(shuffled[0].probabilities, shuffled[2].probabilities)


def test_a_few_shot_prompt_shows_examples_of_the_train_split(server, predictor):
    train = subset_of(drawn_images(12, seed=5))
    images = drawn_images(2)

    ask(predictor(shots=2, train=train), images)
    ask(predictor(shots=2, train=train, seed=1), images)
    ask(predictor(shots=2, train=train, seed=2), images)

    assert len(server.requests) == 4  # one seed draws the same examples
    assert {seen.images for seen in server.requests} == {7}
    for name in CLASSES:
        assert server.requests[0].prompt.count(f"is an example of the class {name}.") == 2


def test_a_batch_answers_what_single_requests_would(server, predictor):
    images = drawn_images(5)
    answers = ask(predictor(batch=True, batch_poll_s=0.05), images, prices=prices_of(MODEL))

    assert set(answers.columns["answer_status"]) == {"ok"}
    assert all(seen.batch for seen in server.requests)
    assert answers.spent_usd > 0
    assert ask(predictor(), images).sent == 0


def test_a_batch_that_expired_is_sent_anew_by_the_same_command(server, predictor):
    server.batch_end = "EXPIRED"
    asking = predictor(batch=True, batch_poll_s=0.05)
    with pytest.raises(ApiError, match="batches/0001 is expired"):
        ask(asking, drawn_images(2))
    server.batch_end = "SUCCEEDED"

    answers = ask(asking, drawn_images(2))

    assert set(answers.columns["answer_status"]) == {"ok"}
    assert set(answers.columns["answer_attempts"]) == {2}
    assert len(server.batches) == 2


def test_a_failed_item_of_a_batch_is_an_outcome_of_its_case(server, predictor):
    images = drawn_images(4)
    failing = ImageEncoding(size=512, format="png", quality=95).encode(images[2]).content
    server.behave = lambda seen: "500" if seen.image == failing else "ok"

    answers = ask(predictor(batch=True, batch_poll_s=0.05), images)

    assert answers.columns["answer_status"] == ("ok", "ok", "failed", "ok")


def test_notes_on_the_model_are_kept_and_printed_once(predictor, capsys):
    answers = ask(predictor(id="fake-retiring"), drawn_images(3))

    (note,) = answers.request["notes"]
    assert "retires on 2026-12-01" in note
    assert capsys.readouterr().err.count("retires on") == 1


def test_nothing_is_sent_without_consent_key_and_service(server, predictor, monkeypatch):
    images = drawn_images(2)
    with pytest.raises(RequirementMissing, match="does not allow"):
        ask(predictor(), images, external_api="denied")
    with pytest.raises(RequirementMissing, match="no consent"):
        predictor()(images)
    with pytest.raises(RequirementMissing, match="people may read"):
        ask(predictor(tier="free"), images)
    with pytest.raises(RequirementMissing, match="No connection"):
        ask(predictor(base_url="http://127.0.0.1:9"), images)
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    with pytest.raises(ConfigError, match="different"):
        ask(predictor(), images)
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.delenv("GOOGLE_API_KEY")
    with pytest.raises(RequirementMissing, match="GEMINI_API_KEY"):
        ask(predictor(), images)
    assert server.requests == []


def test_the_key_is_nowhere(server, predictor, tmp_path, capsys):
    server.behave = lambda seen: "500" if seen.attempt == 1 else "ok"
    model = predictor()

    answers = ask(model, drawn_images(3), prices=prices_of(MODEL))

    output = capsys.readouterr()
    assert KEY not in repr((model, answers, access_of())) + output.out + output.err
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file
    assert server.requests[0].has_key


@pytest.mark.parametrize("behaviour", ["bad_key", "dropped"])
def test_the_key_is_in_no_traceback_and_no_log(server, predictor, caplog, monkeypatch, behaviour):
    server.behave = lambda _: behaviour
    for name in (None, "asyncio", "google_genai", "httpx2", "httpcore2"):  # other libraries silence them
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        caplog.set_level(logging.DEBUG, logger=name)

    with pytest.raises(ApiError) as caught:
        ask(predictor(attempts=1, concurrency=1), drawn_images(11))

    assert KEY not in "".join(traceback.format_exception(caught.value)) + caplog.text + repr(pickle.dumps(caught.value))
    assert caplog.text


def test_the_adapter_is_an_api_model(predictor):
    model = GeminiClassifier(prompt=PROMPT)

    assert isinstance(model, ApiModel)
    assert isinstance(predictor(), CellPredictor)
    assert (model.tier, model.price_name, model.control, model.batch) == ("paid", MODEL, "none", False)
    assert "clinical" in model.terms
    assert not model.seeded
    assert replace(model, shots=1).seeded
    assert replace(model, control="shuffled_labels").seeded
    assert not replace(model, control="blank").seeded


def test_estimates_bound_what_a_case_takes(server, predictor):
    for fields in ({}, {"shots": 1}, {"repeats": 3}):
        before = server.tokens
        asking = predictor(**fields)
        ask(asking, drawn_images(1, seed=len(fields) + len(server.requests)))
        after = server.tokens
        expected, most = asking.service.estimate_tokens(CLASSES)

        taken = after.input - (before.input or 0)
        assert expected.input / 2 < taken < most.input
        assert after.output - (before.output or 0) < most.output
        assert expected.output < most.output


def test_more_classes_than_an_answer_can_hold_are_refused_before_anything_is_sent(tmp_path):
    many = tuple(f"class-{i:03}" for i in range(100))
    train = subset_of(drawn_images(2))
    train = replace(train, dataset=replace(train.dataset, classes=many))
    model = GeminiClassifier(prompt=PROMPT)

    with pytest.raises(ConfigError, match="100 classes") as refused:
        model.estimate_tokens(many)
    with pytest.raises(ConfigError, match="100 classes"):
        model.fit(train, train, training=Training(), seed=1, device="cpu", out=tmp_path)

    limit = int(refused.value.fix.partition("max_output_tokens=")[2].partition(",")[0])
    assert replace(model, max_output_tokens=limit).estimate_tokens(many)[0].output < limit


def test_limits_have_presets_by_tier():
    def limits(**fields):
        return GeminiClassifier(prompt=PROMPT, **fields).queue_settings.limits

    assert limits().requests_per_minute == 60
    assert limits(tier="free").requests_per_minute == 15
    assert limits(requests_per_minute=7).requests_per_minute == 7


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"id": "gemini-2.5-flash", "thinking_level": "low"}, "does not take thinking_level"),
        ({"id": MODEL, "thinking_budget": 0}, "does not take a thinking_budget"),
        ({"id": "gemini-3.8-flash", "thinking_level": "minimal"}, "does not take thinking_level=minimal"),
        ({"id": MODEL, "temperature": 0.0}, "does not take a temperature"),
        ({"thinking_budget": 0, "thinking_level": "low"}, "both set"),
        ({"tier": "gratis"}, "Unknown tier"),
        ({"control": "black"}, "Unknown control"),
        ({"image_format": "webp"}, "Unknown image_format"),
        ({"image_size": 4}, "at least 8"),
        ({"image_quality": 101}, "image_quality"),
        ({"repeats": 0}, "repeats"),
        ({"shots": -1}, "shots"),
        ({"concurrency": 0}, "concurrency"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"requests_per_minute": 1.5}, "requests_per_minute is 1.5"),
        ({"tokens_per_minute": True}, "tokens_per_minute"),
        ({"requests_per_day": -1}, "requests_per_day"),
        ({"attempts": 2.0}, "attempts"),
        ({"timeout_s": float("inf")}, "timeout_s"),
        ({"window_s": 0.0}, "window_s"),
        ({"id": " "}, "id is empty"),
        ({"base_url": "nonsense"}, "base_url"),
        ({"base_url": "http://"}, "base_url"),
        ({"base_url": "https://user:pass@host"}, "logged with every run"),
        ({"prompt": "What?"}, "classes"),
    ],
)
def test_wrong_settings_are_refused_when_the_adapter_is_built(fields, problem):
    with pytest.raises(ConfigError, match=problem):
        GeminiClassifier(**{"prompt": PROMPT, **fields})


def test_a_model_of_an_unknown_family_is_taken_at_its_word():
    GeminiClassifier(prompt=PROMPT, id="gemma-9", thinking_budget=5, temperature=0.1)


def test_what_changes_no_number_is_not_part_of_the_identity():
    base = GeminiClassifier(prompt=PROMPT)
    speed = {"concurrency": 2, "requests_per_minute": 5, "tier": "free", "batch_poll_s": 1.0, "window_s": 2.0}

    assert model_identity(replace(base, **speed)) == model_identity(base)
    for fields in ({"id": "gemini-4-argon"}, {"shots": 1}, {"image_size": 256}, {"prompt": PROMPT + "!"}):
        assert model_identity(replace(base, **fields)) != model_identity(base)
    assert len(model_identity(base)) <= 9

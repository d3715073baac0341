"""The checks of adapters: a model with one fault fails the checks of that fault and no other."""

import random
from dataclasses import dataclass, replace

import numpy as np
import pytest
from chat_server import ChatServer, changed

from arogya_bench.models.openai_compatible import OpenAICompatible
from arogya_bench.models.prior import Prior
from arogya_bench.testing.adapter import check_adapter
from arogya_bench.testing.step_checks import check_steps_match_call
from arogya_bench.testing.trial import run_trial


@dataclass(frozen=True, kw_only=True)
class Moody(Prior):
    """Answers well until ``mood`` says what it does wrong."""

    adapter_name = "test_moody"
    adapter_version = 1

    mood: str = ""

    def load(self, weights, *, classes, device):
        predict = super().load(weights, classes=classes, device=device)

        def answer(images):
            rows = predict(images)
            match self.mood:
                case "half":
                    return rows / 2
                case "silent" if not images:
                    return np.empty((0, 1))
                case "order":
                    return rows + np.arange(len(rows))[:, None] * [[1e-3, -1e-3, 0]]
                case "size":
                    return rows + np.array([1e-4, -1e-4, 0]) * len(rows)
                case "writing":
                    for image in images:
                        image[0] = 0
            return rows

        return answer

    def fit(self, *data, out, **options):
        report = super().fit(*data, out=out, **options)
        if self.mood == "drawing":
            random.random()
        if self.mood == "curves":
            return replace(report, curves=({"loss": 1.0},), best_epoch=1)
        if self.mood == "extra file":
            (out / "notes.bin").write_bytes(bytes(64))
        return report


@dataclass(frozen=True, kw_only=True)
class Careless(Prior):
    """Loads whatever it is given."""

    adapter_name = "test_careless"
    adapter_version = 1

    def load(self, weights, *, classes, device):
        return lambda images: np.full((len(images), len(classes)), 1 / len(classes))


@dataclass(frozen=True, kw_only=True)
class Stepped(Prior):
    """Answers well when it is called; ``fault`` says what its steps do wrong."""

    adapter_name = "test_stepped"
    adapter_version = 1

    fault: str = ""

    def load(self, weights, *, classes, device):
        steps = super().load(weights, classes=classes, device=device)
        forward = steps.forward
        match self.fault:
            case "own chunks":
                return replace(steps, forward=lambda count: forward(min(count, 64)), chunk_size=64)
            case "writing":
                return replace(steps, postprocess=lambda rows, _: np.multiply(rows, 0.5, out=rows) * 2)
            case "device":
                return replace(steps, device="GPU:0")
        return steps


def failed_checks(model, folder):
    return {line.partition(":")[0] for line in check_adapter(model, folder)}


@pytest.fixture
def billed(monkeypatch, tmp_path):
    """A billed adapter of an API, and the server that it asks."""
    monkeypatch.setenv("AROGYA_API_LEDGER", str(tmp_path / "ledger" / "calls.sqlite"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with ChatServer() as server:
        fields = {"id": "m", "prompt": "Which?\n{classes}\n{fields}", "base_url": server.url, "texts": ["findings"]}
        yield OpenAICompatible(**fields, billed=True, concurrency=1, requests_per_minute=100_000), server


def test_the_adapter_of_an_api_is_asked_about_nine_textures(billed, tmp_path):
    model, server = billed

    assert check_adapter(model, tmp_path / "trial") == []
    assert len(server.requests) == 9
    assert check_adapter(model, tmp_path / "again") == []
    assert len(server.requests) == 9  # answers of the ledger are not asked for again


def test_a_budget_ends_the_requests_of_a_trial_and_each_trial_has_its_own(billed, tmp_path):
    """100,000 tokens at the assumed price of 50 USD a million are more than the budget of 1 USD."""
    model, server = billed
    server.behave = lambda _: changed(usage={"prompt_tokens": 700, "completion_tokens": 100_000})

    for number in (1, 2):
        lines = check_adapter(model, tmp_path / f"trial-{number}")

        assert any(line.startswith("check_one_output_per_image: ") and "budget" in line for line in lines)
        assert len(server.requests) == number


def test_a_correct_model_fails_no_check(tmp_path):
    assert check_adapter(Prior(), tmp_path) == []


@pytest.mark.parametrize(
    ("mood", "checks"),
    [
        ("half", {"check_one_output_per_image"}),
        ("silent", {"check_empty_batch"}),
        ("writing", {"check_images_not_modified"}),
        ("drawing", {"check_seed_reproducibility"}),
        ("curves", {"check_epoch_metrics"}),
        ("extra file", {"check_damaged_files_refused"}),
        ("size", {"check_batch_size_invariance"}),
    ],
)
def test_each_fault_is_found_and_named(mood, checks, tmp_path):
    # A module of the tests cannot be imported by name in another process.
    assert failed_checks(Moody(mood=mood), tmp_path) - {"check_missing_extra_named"} == checks


@pytest.mark.parametrize(
    ("fault", "checks"),
    [
        ("own chunks", {"check_large_batch"}),
        ("writing", {"check_steps_repeatable"}),
        ("device", {"check_steps_described"}),
        ("", set()),
    ],
)
def test_each_fault_of_the_steps_is_found_and_named(fault, checks, tmp_path):
    assert failed_checks(Stepped(fault=fault), tmp_path) - {"check_missing_extra_named"} == checks


def test_steps_that_give_other_numbers_than_the_call_are_found(tmp_path):
    trial = run_trial(Prior(), tmp_path)
    steps = trial.predict

    class Differing:
        """Delegates all but its call."""

        def __getattr__(self, name):
            return getattr(steps, name)

        def __call__(self, images):
            return steps(images) + np.array([1e-3, -1e-3, 0])

    with pytest.raises(AssertionError, match=r"predictions differ by 0\.001"):
        check_steps_match_call(replace(trial, predict=Differing()))


def test_predictions_by_position_fail_order_and_repetition(tmp_path):
    found = failed_checks(Moody(mood="order"), tmp_path)

    assert {"check_repeated_image", "check_order_invariance"} <= found


def test_weights_of_others_must_be_refused(tmp_path):
    found = failed_checks(Careless(), tmp_path)

    assert {"check_class_order_enforced", "check_damaged_files_refused"} <= found


def test_a_failed_check_gives_the_reason(tmp_path):
    (line,) = [each for each in check_adapter(Moody(mood="half"), tmp_path) if "one_output" in each]

    assert line == "check_one_output_per_image: rows do not sum to 1"

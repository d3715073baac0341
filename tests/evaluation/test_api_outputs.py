"""Evaluations of a model that answers case by case, as those behind APIs do."""

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from arogya_bench.api_models.calls import Outcome, ReadAnswer, Status
from arogya_bench.api_models.model import CellAnswers
from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.evaluation.evaluation import run_job
from arogya_bench.evaluation.job import prepare
from arogya_bench.models.prior import Prior
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.scoring.label_table import predictions_from_table
from arogya_bench.tracking.runs import search_runs
from arogya_bench.types import ANSWER_COLUMNS

NO_ANSWER_STATUS = (Status.BLOCKED, Status.TRUNCATED)  # of the cases 0 and 1, 5 and 6, and so on
SEEN = []  # what evaluations granted


@dataclass(frozen=True, kw_only=True)
class Answering:
    """Answers the right class, except for two of five cases, which get no answer."""

    classes: tuple[str, ...]
    leaks: bool = False
    silent: bool = False

    def answer_cell(self, images, count, access):
        SEEN.append(access)
        codes = [int(image.mean()) % len(self.classes) for image in images]
        rows = np.full((count, len(self.classes)), 0.1)
        rows[np.arange(count), codes] = 1 - 0.1 * (len(self.classes) - 1)
        statuses = [NO_ANSWER_STATUS[i % 5] if i % 5 < 2 else Status.OK for i in range(count)]
        if self.silent:
            statuses = [Status.BLOCKED] * count
        failed = [status != Status.OK for status in statuses]
        if not self.leaks:
            rows[failed] = np.nan
        usage = TokenUsage(input=1000, output=100)
        outcomes = tuple(
            (
                Outcome(
                    key=f"{i:064d}",
                    answer=ReadAnswer(status=status),
                    attempts=1,
                    usage=usage,
                    usd=Decimal("0.0005"),
                    possible_usd=Decimal(0),
                    asked_at=1_790_000_000.0 + i,
                    model_version="trial-1",
                ),
            )
            for i, status in enumerate(statuses)
        )
        columns = dict.fromkeys(ANSWER_COLUMNS, (None,) * count) | {
            "answer_status": tuple(map(str, statuses)),
            "answer_attempts": (1,) * count,
            "answer_input_tokens": (1000,) * count,
            "answer_output_tokens": (100,) * count,
            "answer_usd": (0.0005,) * count,
            "answer_latency_ms": tuple(float(100 + i) for i in range(count)),
            "answer_reused": (False,) * count,
        }
        return CellAnswers(
            probabilities=rows,
            columns=columns,
            texts=tuple({"findings": f"seen {i}"} for i in range(count)),
            outcomes=outcomes,
            request={"prompt": "Which class?"},
            sent=count,
            spent_usd=0.0005 * count,
            possible_usd=0.0,
        )

    def __call__(self, images):
        raise AssertionError("an API is asked about whole cells")


@dataclass(frozen=True, kw_only=True)
class Trial(Prior):
    """An API without a network."""

    control: str = "none"
    batch: bool = False
    leaks: bool = False
    silent: bool = False
    adapter_name: ClassVar[str] = "test_api"
    adapter_version: ClassVar[int] = 1
    tier = "paid"
    terms = "Only for tests."
    price_name = None

    def load(self, weights, *, classes, device):
        return Answering(classes=classes, leaks=self.leaks, silent=self.silent)

    def check_access(self, *, dataset, external_api):
        pass

    def least_seconds(self, cases):
        return None

    def estimate_tokens(self, classes):
        return TokenUsage(), TokenUsage()


@pytest.fixture
def evaluate(store, job_of):
    def run(model, **changes):
        return run_job(job_of("trial", model, **changes), store, None)

    return run


def artifact(run, name):
    return Path(run.artifact_uri) / name


def test_cases_without_an_answer_stay_in_the_denominator(evaluate, store):
    (evaluation,) = evaluate(Trial())

    predictions = evaluation.predictions
    answered = np.isfinite(predictions.probabilities).all(axis=1)
    right = predictions.probabilities[answered].argmax(axis=1) == predictions.targets[answered]
    (run,) = search_runs(store, "tags.`arogya.kind` = 'evaluation'")
    assert (len(answered), answered.sum()) == (19, 11)
    assert run.metrics["accuracy"] == pytest.approx(right.sum() / 19)
    assert run.metrics["api_coverage"] == pytest.approx(11 / 19)
    assert "8 of 19 cases have no probabilities" in run.tags["arogya.undefined_metrics"]
    assert "nll" not in run.metrics
    assert len(run.metrics) <= 60
    assert len(run.params) <= 20


def test_the_prediction_table_says_how_each_case_was_answered(evaluate, store):
    (evaluation,) = evaluate(Trial())
    (run,) = search_runs(store, "tags.`arogya.kind` = 'evaluation'")

    table = pd.read_parquet(artifact(run, "predictions.parquet"))

    assert list(table["answer_status"][:3]) == ["blocked", "truncated", "ok"]
    assert pd.isna(table["predicted"][0])
    assert table.filter(regex="^p_").iloc[0].isna().all()
    read = predictions_from_table(table)
    assert read.answers["answer_status"] == evaluation.predictions.answers["answer_status"]
    assert read.answers["answer_wait_ms"] == (None,) * 19
    assert not set(ANSWER_COLUMNS) & set(read.metadata)
    preview = json.loads(artifact(run, "predictions.json").read_text(encoding="utf-8"))
    status = preview["columns"].index("answer_status")
    assert [row[status] != "ok" for row in preview["data"]] == [True] * 8 + [False] * 11


def test_a_run_says_what_was_asked_when_and_what_it_took(evaluate, store):
    evaluate(Trial())

    (run,) = search_runs(store, "tags.`arogya.kind` = 'evaluation'")

    expected = {
        "arogya.api": "test_api",
        "arogya.api_model_version": "trial-1",
        "arogya.api_first_asked": "2026-09-21T14:13:20+00:00",
        "arogya.api_last_asked": "2026-09-21T14:13:38+00:00",
        "arogya.api_tier": "paid",
        "arogya.api_terms": "Only for tests.",
    }
    assert expected.items() <= run.tags.items()
    assert "arogya.api_control" not in run.tags
    metrics = run.metrics
    assert (metrics["api_requests_sent"], metrics["api_answers_reused"]) == (19, 0)
    assert (metrics["api_input_tokens"], metrics["api_output_tokens"]) == (19_000, 1_900)
    assert metrics["api_cost_usd"] == pytest.approx(0.0095)
    assert metrics["api_cost_per_1k_images_usd"] == pytest.approx(0.5)
    assert metrics["api_latency_p50_ms"] == pytest.approx(109)
    assert "api_latency_p95_ms" not in metrics  # 19 answers are too few
    assert "api_wait_p50_ms" not in metrics
    assert pd.read_parquet(artifact(run, "api_texts.parquet"))["findings"][3] == "seen 3"
    assert pd.read_parquet(artifact(run, "api_requests.parquet"))["status"].value_counts()["ok"] == 11
    assert json.loads(artifact(run, "api_request.json").read_text(encoding="utf-8")) == {"prompt": "Which class?"}
    assert "(no answer)" in artifact(run, "figures/confusion_matrix.svg").read_text(encoding="utf-8")
    assert "11 cases with an answer, 8 without" in artifact(run, "figures/roc.svg").read_text(encoding="utf-8")


def test_a_row_without_any_answer_is_a_result(evaluate, store):
    evaluate(Trial(silent=True))

    (run,) = search_runs(store, "tags.`arogya.kind` = 'evaluation'")
    assert run.status == "FINISHED"
    assert (run.metrics["accuracy"], run.metrics["api_coverage"]) == (0, 0)
    assert artifact(run, "figures/confusion_matrix.svg").exists()
    assert not artifact(run, "figures/roc.svg").exists()


def test_an_outage_is_named_with_what_to_do(evaluate, capsys, monkeypatch):
    monkeypatch.setitem(globals(), "NO_ANSWER_STATUS", (Status.FAILED, Status.TIMED_OUT))

    evaluate(Trial())

    assert "trial · clean: the service failed for 8 cases, which count as wrong." in capsys.readouterr().err


def test_a_control_is_a_row_of_its_own(evaluate, store):
    evaluate(Trial(control="blank"))

    (run,) = search_runs(store, "tags.`arogya.kind` = 'evaluation'")
    assert (run.tags["arogya.model"], run.tags["arogya.api_control"]) == ("trial+blank", "blank")
    assert run.name == "trial+blank · clean · seed 42 · synthetic-60x3"


def test_an_api_is_asked_about_test_images_only(evaluate, store):
    SEEN.clear()

    evaluate(Trial(), noise=(0.1,))

    (fit,) = search_runs(store, "tags.`arogya.kind` = 'fit'")
    assert len(SEEN) == 2
    assert not any(name.startswith("validation_") for name in fit.metrics)
    assert not artifact(fit, "predictions_validation.parquet").exists()


def test_what_is_granted_comes_from_the_dataset_and_the_budget(evaluate, job_of, store):
    SEEN.clear()

    evaluate(Trial(), api_budget=2.5)

    (access,) = SEEN
    assert (access.scope, access.budget_usd, access.description) == (store.digest, 2.5, "trial · clean")
    assert access.external_api == getattr(job_of().source, "external_api", "denied")


def test_probabilities_of_a_case_without_an_answer_are_refused(evaluate):
    with pytest.raises(ModelError, match="for a case without an answer"):
        evaluate(Trial(leaks=True))


def test_answers_of_an_api_cannot_be_calibrated(job_of):
    job = replace(job_of("trial", Trial()), calibration="temperature")

    with pytest.raises(ConfigError, match="which is asked about test images only"):
        prepare(job)

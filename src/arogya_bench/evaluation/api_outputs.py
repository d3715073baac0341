"""The outputs of a model behind an API: the predictions of whole cells, and what asking for them took."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd
from rich.markup import escape

from arogya_bench.api_models.calls import Outcome, Status
from arogya_bench.api_models.cell_answers import count_distinct, count_ties
from arogya_bench.api_models.model import ApiAccess, ApiModel, CellAnswers, CellPredictor
from arogya_bench.augmentations.conditions import Condition
from arogya_bench.errors import ModelError
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.evaluation.model_output import ModelOutput
from arogya_bench.runtime.console import echo, plural
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.scoring.label_table import MAX_PREVIEW_ROWS
from arogya_bench.scoring.task import case_columns
from arogya_bench.statistics.percentiles import percentile
from arogya_bench.tracking import tags
from arogya_bench.tracking.items import Item, ParquetTable, TableView, Text
from arogya_bench.types import ANSWER_COLUMNS, Image, Predictions, Probabilities

TOKENS = ("input", "cached", "output", "thinking")


@dataclass(frozen=True, kw_only=True)
class ApiOutputs:
    """A model behind an API, with the cases that it is asked about.

    Attributes:
        store: Digest of the store and the experiment, over which the budget is counted.
    """

    predictor: CellPredictor
    planned: PlannedJob
    store: str

    @classmethod
    def load(cls, planned: PlannedJob, weights: Path, *, store: str) -> Self:
        """Load what its fit left: the classes, and the examples of its prompt."""
        job, cases = planned.job, planned.split.test
        predictor = job.model.load(weights, classes=cases.classes, device=job.device)
        if not isinstance(predictor, CellPredictor):
            raise ModelError(
                f"{job.model_name} declares to be an API, but does not answer whole cells.",
                fix="return a CellPredictor from `load`; api_models/model.py describes it.",
            )
        return cls(predictor=predictor, planned=planned, store=store)

    def predict(self, condition: Condition) -> ModelOutput:
        """Ask about all cases under one condition, except those that the ledger has an answer for."""
        cases, access = self.planned.split.test, self._access(condition)
        answers = self.predictor.answer_cell(self._images(condition), len(cases), access)
        _warn_of_outage(answers, access.description)
        predictions = Predictions(
            classes=cases.classes,
            targets=cases.targets,
            probabilities=_check_answers(answers, len(cases), cases.classes),
            answers=answers.columns,
            **case_columns(cases),
        )
        return ModelOutput(
            predictions=predictions,
            tags=self._tags(answers),
            scalars=dict(_scalars(answers, predictions.probabilities)),
            items=tuple(_items(answers, predictions)),
        )

    def _images(self, condition: Condition) -> Iterator[Image]:
        cases = self.planned.split.test
        return (condition.apply(cases.dataset.read(case), case.case_id) for case in cases.cases)

    def _access(self, condition: Condition) -> ApiAccess:
        job = self.planned.job
        return ApiAccess(
            dataset=self.planned.dataset.name,
            external_api=str(getattr(job.source, "external_api", "denied")),
            scope=self.store,
            budget_usd=job.api_budget,
            prices=job.prices,
            description=f"{job.row_name} · {condition.name}",
            seed=job.seed,
        )

    def _tags(self, answers: CellAnswers) -> dict[str, str]:
        model = cast("ApiModel", self.planned.job.model)
        outcomes = list(_all_outcomes(answers))
        versions = sorted({outcome.model_version for outcome in outcomes if outcome.model_version})
        asked = [outcome.asked_at for outcome in outcomes]
        control = {} if model.control == "none" else {tags.API_CONTROL: model.control}
        dates = {tags.API_FIRST_ASKED: _iso(min(asked)), tags.API_LAST_ASKED: _iso(max(asked))} if asked else {}
        return {
            tags.API: model.adapter_name,
            tags.API_MODEL_VERSION: ", ".join(versions) or "not stated",
            tags.API_TIER: model.tier,
            tags.API_TERMS: model.terms,
            **dates,
            **control,
        }


def _warn_of_outage(answers: CellAnswers, cell: str) -> None:
    """Say that cases have no answer since the service failed, which says nothing of the model."""
    lost = sum(status in (Status.TIMED_OUT, Status.FAILED) for status in answers.columns["answer_status"])
    if lost:
        echo(
            f"[yellow]{escape(cell)}: the service failed for {plural(lost, 'case')}, which count as wrong.[/] "
            "The same command with sweep.resume=false asks about these again."
        )


def _check_answers(answers: CellAnswers, count: int, classes: tuple[str, ...]) -> Probabilities:
    """Check what an API returned, and scale each answered row to sum to 1 exactly."""
    table = np.asarray(answers.probabilities, dtype=np.float64)
    missing = [name for name in ANSWER_COLUMNS if len(answers.columns.get(name, ())) != count]
    if table.shape != (count, len(classes)) or missing:
        raise ModelError(
            f"The model returned shape {table.shape} for {count} cases and {len(classes)} classes"
            + (f", and no complete column {missing[0]}." if missing else "."),
            fix="return one row per case, of NaN where there is no answer, and every column of ANSWER_COLUMNS.",
        )
    answered = np.array([status == Status.OK for status in answers.columns["answer_status"]], dtype=np.bool_)
    if np.isfinite(table[~answered]).any():
        raise ModelError(
            "The model returned probabilities for a case without an answer.", fix="return a row of NaN for it."
        )
    checked = np.full(table.shape, np.nan)
    if answered.any():
        checked[answered] = CLASSIFICATION.check_outputs(table[answered], int(answered.sum()), classes)
    return checked


def _scalars(answers: CellAnswers, probabilities: Probabilities) -> Iterator[tuple[str, float]]:
    """What asking took; a number that is not known is left out."""
    columns, count = answers.columns, len(probabilities)
    answered = probabilities[np.isfinite(probabilities).all(axis=1)]
    yield "api_requests_sent", float(answers.sent)
    yield "api_answers_reused", float(sum(map(bool, columns["answer_reused"])))
    yield from _tokens_and_cost(answers)
    if answers.spent_usd is not None:
        yield "api_spent_usd", answers.spent_usd
    yield "api_possible_usd", answers.possible_usd
    yield from _times(columns)
    if agreement := _known(columns, "answer_agreement"):
        yield "api_repeat_agreement", float(np.mean(agreement))
    if count:
        yield "api_coverage", len(answered) / count
    yield "api_ties", float(count_ties(answered))
    yield "api_distinct_probabilities", float(count_distinct(answered))


def _tokens_and_cost(answers: CellAnswers) -> Iterator[tuple[str, float]]:
    """The tokens and the cost of all requests, each counted once; per 1,000 images, each image bears its request.

    Cases with equal images share one request.
    """
    outcomes = {outcome.key: outcome for outcome in _all_outcomes(answers)}.values()
    for name in TOKENS:
        known = [value for outcome in outcomes if (value := getattr(outcome.usage, name)) is not None]
        if known:
            yield f"api_{name}_tokens", float(sum(known))
    amounts = [outcome.usd for outcome in outcomes if outcome.usd is not None]
    if amounts and len(amounts) == len(outcomes):
        yield "api_cost_usd", float(sum(amounts))
    if by_case := _known(answers.columns, "answer_usd"):
        yield "api_cost_per_1k_images_usd", 1000 * float(np.mean(by_case))


def _times(columns: Mapping[str, tuple[Any, ...]]) -> Iterator[tuple[str, float]]:
    """Over the answers that were not reused; a percentile of too few is left out."""
    latencies, waits = _known(columns, "answer_latency_ms"), _known(columns, "answer_wait_ms")
    for percent in (50, 95):
        value = percentile(latencies, percent).value if latencies else None
        if value is not None:
            yield f"api_latency_p{percent}_ms", value
    if waits:
        yield "api_wait_p50_ms", float(np.median(waits))


def _items(answers: CellAnswers, predictions: Predictions) -> Iterator[Item]:
    yield Text(file="api_request.json", text=json.dumps(answers.request, indent=1, ensure_ascii=False))
    texts = pd.DataFrame(
        {
            "case_id": predictions.case_ids,
            "status": predictions.answers["answer_status"],
            **{name: [text.get(name) for text in answers.texts] for name in _text_names(answers)},
        }
    )
    yield ParquetTable(file="api_texts.parquet", rows=texts)
    yield TableView(file="api_texts.json", rows=texts.head(MAX_PREVIEW_ROWS))
    rows = [
        {"case_id": case_id, "repeat": repeat, **_outcome_row(outcome)}
        for case_id, outcomes in zip(predictions.case_ids, answers.outcomes, strict=True)
        for repeat, outcome in enumerate(outcomes)
    ]
    yield ParquetTable(file="api_requests.parquet", rows=pd.DataFrame(rows))


def _outcome_row(outcome: Outcome) -> dict[str, object]:
    usage = outcome.usage
    return {
        "status": str(outcome.answer.status),
        "problem": outcome.answer.problem,
        "attempts": outcome.attempts,
        "input_tokens": usage.input,
        "cached_tokens": usage.cached,
        "output_tokens": usage.output,
        "thinking_tokens": usage.thinking,
        "usd": None if outcome.usd is None else float(outcome.usd),
        "possible_usd": float(outcome.possible_usd),
        "asked_at": _iso(outcome.asked_at),
        "latency_ms": outcome.latency_ms,
        "wait_ms": outcome.wait_ms,
        "retry_ms": outcome.retry_ms,
        "reused": outcome.reused,
        "model_version": outcome.model_version,
        "request_key": outcome.key,
    }


def _text_names(answers: CellAnswers) -> list[str]:
    return list(dict.fromkeys(name for texts in answers.texts for name in texts))


def _all_outcomes(answers: CellAnswers) -> Iterator[Outcome]:
    return (outcome for outcomes in answers.outcomes for outcome in outcomes)


def _known(columns: Mapping[str, tuple[Any, ...]], name: str) -> list[float]:
    return [float(value) for value in columns[name] if value is not None]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")

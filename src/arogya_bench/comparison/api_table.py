"""The table of models behind APIs: what was asked when, how the answers ended, how long they took, what they cost."""

from collections.abc import Iterable, Mapping

import numpy as np

from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.api_models.cell_answers import count_distinct, count_ties
from arogya_bench.comparison.api_answers import ApiAnswers
from arogya_bench.comparison.api_costs import possible_usd, tokens_per_case
from arogya_bench.comparison.api_outcomes import OUTCOME_COLUMNS, outcome_columns
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.costs import COST
from arogya_bench.comparison.grouped_rates import grouped_share
from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.percentiles import MIN_REQUESTS, percentile

API_P50, API_P95 = "api_latency_p50_ms", "api_latency_p95_ms"
TOKENS = ("input", "cached", "output", "thinking")
MEAN_SPANS = ("wait_mean_ms", "retry_mean_ms", "latency_mean_ms")
API_COLUMNS = (
    "dataset", "model", "api", "tier", "control", "batch", "model_version", "first_asked", "last_asked", "cases",
    "groups", *OUTCOME_COLUMNS, "answers_timed", *bounds(API_P50), *bounds(API_P95), "wait_p50_ms", *MEAN_SPANS,
    *bounds("retried_share"), "attempts_per_case", *(f"{name}_tokens_per_case" for name in TOKENS), *bounds(COST),
    "possible_usd", "ties", "distinct_probabilities", "repeat_agreement", "terms", "note",
)  # fmt: skip


def api_table_rows(block: ComparableRuns, apis: Iterable[ApiAnswers], costs: Mapping[str, TableRow]) -> list[TableRow]:
    """One row per model behind an API, in the given order.

    Args:
        block: With the name of the dataset.
        apis: The answers of each row.
        costs: Of each model, as on the leaderboard.
    """
    return [
        {
            **dict.fromkeys(API_COLUMNS),  # their order
            "dataset": block.dataset,
            "model": answers.name,
            **_facts(answers),
            **outcome_columns(answers),
            **_times(answers),
            **_requests(answers),
            **{column: costs.get(answers.name, {}).get(column) for column in bounds(COST)},
            **_probabilities(answers),
            "note": join_notes(_no_columns(answers), _no_times(answers)),
        }
        for answers in apis
    ]


def _facts(answers: ApiAnswers) -> TableRow:
    return {
        "api": answers.api,
        "tier": answers.tier,
        "control": answers.control,
        "batch": answers.batch,
        "model_version": answers.model_version,
        "first_asked": answers.first_asked,
        "last_asked": answers.last_asked,
        "cases": answers.cases,
        "groups": answers.groups,
        "terms": answers.terms,
    }


def _times(answers: ApiAnswers) -> TableRow:
    """The latency of the last attempts, and the means of the spans that an answer consists of, if these are enough."""
    latencies, waits = answers.times("answer_latency_ms"), answers.times("answer_wait_ms")
    retries = answers.times("answer_retry_ms")
    enough = waits.size >= MIN_REQUESTS[50]
    means = zip(MEAN_SPANS, (waits, retries, latencies), strict=True)
    retried = grouped_share(retries > 0, np.arange(retries.size)) if retries.size else None
    return {
        "answers_timed": int(latencies.size),
        **_percentile(API_P50, latencies, 50),
        **_percentile(API_P95, latencies, 95),
        "wait_p50_ms": float(np.median(waits)) if enough else None,
        **{name: float(values.mean()) if enough else None for name, values in means},
        **interval_columns("retried_share", retried),
    }


def _percentile(name: str, latencies: "np.ndarray[tuple[int], np.dtype[np.float64]]", percent: int) -> TableRow:
    try:
        found = percentile(
            latencies[latencies > 0], percent
        )  # no request takes no time: such a value is a broken clock
    except UndefinedMetric:
        return dict.fromkeys(bounds(name))
    return dict(zip(bounds(name), (found.value, found.low, found.high), strict=True))


def _requests(answers: ApiAnswers) -> TableRow:
    attempts, count = answers.numbers("answer_attempts"), answers.answered.size
    return {
        "attempts_per_case": float(attempts.mean()) if attempts.size else None,
        **{
            f"{name}_tokens_per_case": tokens_per_case(answers.numbers(f"answer_{name}_tokens"), count)
            for name in TOKENS
        },
        "possible_usd": possible_usd(answers),
    }


def _probabilities(answers: ApiAnswers) -> TableRow:
    """How coarse the probabilities are, and whether repeats agree."""
    table = np.concatenate([seed.probabilities for seed in answers.predictions])[answers.answered]
    agreement = answers.numbers("answer_agreement")
    return {
        "ties": count_ties(table),
        "distinct_probabilities": count_distinct(table),
        "repeat_agreement": float(agreement.mean()) if agreement.size else None,
    }


def _no_columns(answers: ApiAnswers) -> str:
    if answers.column("answer_status"):
        return ""
    return "its stored predictions do not say how answers failed, how long they took or which tokens they took"


def _no_times(answers: ApiAnswers) -> str:
    """Why a latency is absent."""
    timed = answers.times("answer_latency_ms").size
    if not answers.column("answer_status") or timed >= MIN_REQUESTS[50]:
        return ""
    if answers.batch:
        return "no latency: in batch mode answers come hours later, all at once"
    if not timed:
        return "no latency: every answer was reused from an earlier run, and nothing was sent"
    asked = "1 answer was" if timed == 1 else f"{timed} answers were"
    return f"no latency: {asked} requested in these runs, and the median needs {MIN_REQUESTS[50]}"

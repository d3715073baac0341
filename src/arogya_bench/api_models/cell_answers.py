"""The answers to the cases of a cell, each asked once or several times, as columns of its table."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import reduce
from itertools import combinations
from operator import add
from typing import TypeVar

import numpy as np

from arogya_bench.api_models.calls import Outcome, Status
from arogya_bench.prices.tokens import TokenUsage
from arogya_bench.types import ANSWER_COLUMNS, Probabilities

T = TypeVar("T")
TIE_TOLERANCE = 1e-9  # of two probabilities of a case
PROBABILITY_DIGITS = 6  # beyond which probabilities differ by rounding only
Repeats = Sequence[Outcome]  # of one case


def case_status(repeats: Repeats) -> Status:
    """``OK`` if more than half of the repeats are answered, else the most frequent failure, the first of equals."""
    if 2 * len(answered(repeats)) > len(repeats):
        return Status.OK
    failures = Counter(outcome.answer.status for outcome in repeats if outcome.answer.status != Status.OK)
    return failures.most_common(1)[0][0]


def case_probabilities(repeats: Repeats, classes: int) -> list[float]:
    """The mean of the answered repeats; NaN for a case without an answer."""
    if case_status(repeats) != Status.OK:
        return [float("nan")] * classes
    rows = np.array([outcome.answer.probabilities for outcome in answered(repeats)], dtype=np.float64)
    mean = rows.mean(axis=0)
    shares: list[float] = (mean / mean.sum()).tolist()
    return shares


def probability_table(cases: Sequence[Repeats], classes: int) -> Probabilities:
    """One row for each case, shape (n, classes)."""
    rows = [case_probabilities(repeats, classes) for repeats in cases]
    return np.array(rows, dtype=np.float64).reshape(len(cases), classes)


def agreement(repeats: Repeats) -> float | None:
    """The share of the pairs of answered repeats that name the same class; None without a pair."""
    rows = [outcome.answer.probabilities for outcome in answered(repeats)]
    named = [int(np.argmax(row)) for row in rows if row]
    pairs = list(combinations(named, 2))
    return sum(one == other for one, other in pairs) / len(pairs) if pairs else None


def case_texts(repeats: Repeats) -> dict[str, str]:
    """The texts of the first answered repeat."""
    return dict(next((outcome.answer.texts for outcome in answered(repeats)), {}))


def answer_columns(cases: Sequence[Repeats]) -> dict[str, tuple[object, ...]]:
    """One tuple of a value for each case, by the names of ``ANSWER_COLUMNS``."""
    rows = [_row(repeats) for repeats in cases]
    return {name: tuple(row[name] for row in rows) for name in ANSWER_COLUMNS}


def count_ties(rows: Probabilities) -> int:
    """The answered cases whose largest probability two classes share, so that the order of the classes decides."""
    if not len(rows):
        return 0
    ordered = np.sort(rows, axis=1)
    return int((ordered[:, -1] - ordered[:, -2] <= TIE_TOLERANCE).sum())


def count_distinct(rows: Probabilities) -> int:
    """How many different probabilities the answered cases have, but for rounding."""
    return int(np.unique(rows.round(PROBABILITY_DIGITS)).size)


def answered(repeats: Repeats) -> list[Outcome]:
    """Those that have probabilities."""
    return [outcome for outcome in repeats if outcome.answer.status == Status.OK]


def _row(repeats: Repeats) -> dict[str, object]:
    usage = reduce(add, (outcome.usage for outcome in repeats), TokenUsage())
    fresh = next((outcome for outcome in repeats if not outcome.reused), None)  # its times are those of one request
    sums = [outcome.answer.probability_sum for outcome in answered(repeats)]
    versions = sorted({outcome.model_version for outcome in repeats if outcome.model_version})
    usd = _sum_known(outcome.usd for outcome in repeats)
    return {
        "answer_status": str(case_status(repeats)),
        "answer_attempts": sum(outcome.attempts for outcome in repeats),
        "answer_input_tokens": usage.input,
        "answer_cached_tokens": usage.cached,
        "answer_output_tokens": usage.output,
        "answer_thinking_tokens": usage.thinking,
        "answer_usd": None if usd is None else float(usd),
        "answer_latency_ms": fresh.latency_ms if fresh else None,
        "answer_wait_ms": fresh.wait_ms if fresh else None,
        "answer_retry_ms": fresh.retry_ms if fresh else None,
        "answer_reused": fresh is None,
        "answer_model_version": ", ".join(versions) or None,
        "answer_probability_sum": float(np.mean([total for total in sums if total is not None])) if sums else None,
        "answer_agreement": agreement(repeats),
    }


def _sum_known(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum; None if one amount is unknown."""
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total

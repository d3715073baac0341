"""What the text of a reply says: probabilities of the classes, or why there are none."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from arogya_bench.api_models.calls import ReadAnswer, Reply, Status
from arogya_bench.api_models.prompts import PROBABILITIES
from arogya_bench.api_models.service_text import clean_text

FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL | re.IGNORECASE)
JSON_START = re.compile(r"\{\s*[\"}]|\[\s*[\[{\"\]\d-]")  # prose may hold braces and brackets, too
MIN_SUM, MAX_SUM = 0.5, 1.5  # of the probabilities as given; further from 1 they mean something else
MAX_EXCERPT = 80  # characters of an answer in a message


class _UnusableAnswerError(Exception):
    """An answer that holds JSON, but not one probability for each class."""


def read_reply(reply: Reply, classes: Sequence[str], texts: Sequence[str]) -> ReadAnswer:
    """Read the text of a reply, strictly: nothing is guessed, and cut JSON is never completed.

    The probabilities are divided by their sum, since models round them; the sum is kept.
    """
    if reply.finish == "blocked":
        return ReadAnswer(status=Status.BLOCKED, problem=clean_text(reply.detail) or "the provider blocked it")
    if reply.finish == "rejected":
        return ReadAnswer(status=Status.REJECTED, problem=clean_text(reply.detail))
    if reply.finish == "length":
        return ReadAnswer(status=Status.TRUNCATED, problem="it was cut at the limit of tokens")
    text = _without_fence((reply.text or "").strip())
    if not text:
        return ReadAnswer(status=Status.MALFORMED, problem=clean_text(reply.detail) or "the answer is empty")
    if not JSON_START.search(text):
        return ReadAnswer(status=Status.REFUSED, problem=f"prose instead of JSON: {_excerpt(text)}")
    try:
        content = _parse_object(text)
        given = _probabilities_of(content.get(PROBABILITIES), classes)
    except _UnusableAnswerError as error:
        return ReadAnswer(status=Status.MALFORMED, problem=str(error))
    total = math.fsum(given)
    return ReadAnswer(
        status=Status.OK,
        probabilities=tuple(share / total for share in given),
        probability_sum=total,
        texts={name: clean_text(str(content[name])) for name in texts if content.get(name) is not None},
    )


def _without_fence(text: str) -> str:
    fenced = FENCE.findall(text)
    return fenced[0].strip() if len(fenced) == 1 else text


def _parse_object(text: str) -> Mapping[str, Any]:
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _UnusableAnswerError(f"no valid JSON ({error}): {_excerpt(text)}") from error
    if not isinstance(content, dict):
        raise _UnusableAnswerError(f"a JSON {type(content).__name__} instead of an object")
    return content


def _refuse_constant(name: str) -> float:
    raise _UnusableAnswerError(f"the number {name}")


def _probabilities_of(entries: object, classes: Sequence[str]) -> list[float]:
    """The probabilities as given, in the order of the classes."""
    given: dict[str, float] = {}
    for entry in entries if isinstance(entries, list) else []:
        label, share = (entry.get("label"), entry.get("p")) if isinstance(entry, dict) else (None, None)
        if not isinstance(label, str) or label not in classes:
            raise _UnusableAnswerError(f"{label!r} is not a class")
        if label in given:
            raise _UnusableAnswerError(f"the class {label!r} appears twice")
        given[label] = _as_probability(share, label)
    missing = [name for name in classes if name not in given]
    if missing:
        raise _UnusableAnswerError(f"no probability of {', '.join(missing)}")
    total = math.fsum(given.values())
    if not MIN_SUM <= total <= MAX_SUM:
        raise _UnusableAnswerError(f"the probabilities sum to {total:.3g}")
    return [given[name] for name in classes]


def _as_probability(share: object, label: str) -> float:
    if isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= MAX_SUM:
        return float(share)
    raise _UnusableAnswerError(f"the probability of {label!r} is {_excerpt(str(share))}")


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= MAX_EXCERPT else f"{text[:MAX_EXCERPT]}…")

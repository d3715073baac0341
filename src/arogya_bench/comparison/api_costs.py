"""What the answers of an API cost: its logged tokens at the prices of a list, or what its runs logged."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from arogya_bench.comparison.api_answers import OWN_SERVER, ApiAnswers
from arogya_bench.comparison.grouped_rates import grouped_mean
from arogya_bench.errors import PriceError
from arogya_bench.prices.price_list import PriceList
from arogya_bench.prices.spending import format_usd
from arogya_bench.prices.tokens import TokenRates, TokenUsage, token_rates
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.types import Floats

NOT_BILLED = "nobody bills the tokens of this server: its machine is what it costs"
FREE_TIER = "the free tier bills nothing: this is what the paid tier would"
NO_TOKENS = "no cost: its runs name no tokens, and no cost"


@dataclass(frozen=True, kw_only=True)
class ApiCost:
    """The cost of 1,000 images in USD.

    Attributes:
        usd_per_1k: The mean over the cases, with an interval over groups; None if it is not known.
        assumption: What it rests on.
        note: Why it is not known, or is not that of the list.
    """

    usd_per_1k: Interval | None = None
    assumption: str = ""
    note: str = ""


def token_cost(answers: ApiAnswers, prices: PriceList) -> ApiCost:
    """Compute what 1,000 images cost, failed attempts and repeats included.

    The logged tokens at the price of the list that was valid when they were asked for; where it has none, what the
    runs logged.
    """
    logged = answers.numbers("answer_usd")
    if not logged.size and answers.tier == OWN_SERVER:
        return ApiCost(note=NOT_BILLED)
    if not any(usage.input or usage.output for usage in answers.usages):
        return _logged_cost(answers, NO_TOKENS)
    try:
        versions = answers.column("answer_model_version")
        by_version = {version: _rates(answers, prices, version) for version in dict.fromkeys(versions)}
    except PriceError as error:
        return _logged_cost(answers, error.problem)
    usd = [float(by_version[version].usd(usage)) for version, usage in zip(versions, answers.usages, strict=True)]
    return ApiCost(
        usd_per_1k=grouped_mean(1000 * np.array(usd), answers.group_of),
        assumption=join_notes(
            f"{_describe_tokens(answers)} an image, failed attempts and repeats included, at "
            f"{_describe_rates(by_version.values())}"
            f"{' in batch mode' if answers.batch else ''}",
            FREE_TIER if answers.tier == "free" else "",
            _possible_note(answers),
        ),
    )


def _rates(answers: ApiAnswers, prices: PriceList, version: str | None) -> TokenRates:
    """The prices of the version that answered, else of the model that was asked for, else of another that answered.

    Raises:
        PriceError: If the list has none, or if it changed between the first and the last answer.
    """
    asked_for = (answers.params("model.id") or [""])[0]
    names = (version or asked_for, asked_for, *answers.model_version.split(", "))
    model_id = next((name for name in names if name in prices.tokens), names[0])
    days = [date.fromisoformat(day[:10]) for day in (answers.first_asked, answers.last_asked) if day]
    if not days:
        raise PriceError("Its runs do not say when the answers were requested.", fix="run the evaluation again.")
    first, last = (token_rates(prices, model_id, on=day, batch=answers.batch) for day in (days[0], days[-1]))
    if first != last:
        raise PriceError(
            f"The price of {model_id} changed between {days[0]} and {days[-1]}; the day of each answer is not known.",
            fix="nothing: the cost that the run logged is of the right days.",
        )
    return first


def _logged_cost(answers: ApiAnswers, reason: str) -> ApiCost:
    """What the runs logged, at the prices of their days; a case whose cost is unknown counts as 0 among known ones."""
    if not answers.numbers("answer_usd").size:
        return ApiCost(note=reason if reason == NO_TOKENS else f"no cost: {reason}")
    usd = np.array([0.0 if value is None else float(value) for value in answers.column("answer_usd")])
    return ApiCost(
        usd_per_1k=grouped_mean(1000 * usd, answers.group_of),
        assumption=join_notes(
            "as its runs logged it, at the prices of their days, failed attempts and repeats included",
            _possible_note(answers),
        ),
        note=f"not recomputed by the price list: {reason.removesuffix('.')}",
    )


def possible_usd(answers: ApiAnswers) -> float:
    """What failed attempts may have been billed besides, in USD over all runs."""
    return sum(run.metrics.get("api_possible_usd", 0.0) for run in answers.runs)


def _possible_note(answers: ApiAnswers) -> str:
    possible = possible_usd(answers)
    return f"attempts without an answer may have been billed up to {format_usd(possible)} besides" if possible else ""


def _describe_tokens(answers: ApiAnswers) -> str:
    total = sum(answers.usages, TokenUsage())
    count = len(answers.usages)
    cached = f" ({_mean(total.cached, count)} of them cached)" if total.cached else ""
    thinking = f" and {_mean(total.thinking, count)} thinking" if total.thinking else ""
    comma = "," if thinking else " and"
    return f"{_mean(total.input, count)} input{cached}{comma} {_mean(total.output, count)} output{thinking} tokens"


def _mean(tokens: int | None, count: int) -> str:
    return f"{(tokens or 0) / count:,.0f}"


def _describe_rates(rates: Iterable[TokenRates]) -> str:
    return " or ".join(
        f"{rate.input.normalize():f} USD a million of input, {rate.cached.normalize():f} of cached input and "
        f"{rate.output.normalize():f} of output ({rate.source})"
        for rate in dict.fromkeys(rates)
    )


def tokens_per_case(values: Floats, count: int) -> float | None:
    """The mean over the cases of a number of tokens; None if none was reported."""
    return float(values.sum()) / count if values.size else None

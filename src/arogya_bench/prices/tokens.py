"""What the tokens of API calls cost, exactly: dated prices, in decimal numbers."""

import json
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from arogya_bench.errors import PriceError, did_you_mean
from arogya_bench.prices.price_list import PriceList, TokenPrice

PER_MILLION = Decimal(1_000_000)
BATCH_SHARE = Decimal("0.5")  # of the price, in batch mode (ai.google.dev/gemini-api/docs/batch-api)

OVERRIDE_KEY = re.compile(r"[\w./%@?|+*:=,()\[\]{} -]+", re.ASCII)  # with escapes, as Hydra reads keys
READ_AS_VALUE = re.compile(r"\s.*|.*\s|null|true|false|nan|[+-]?(?:inf|[\d._]+(?:e[+-]?\d+)?)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class TokenUsage:
    """Tokens of one or several API calls; None where the API reported no number.

    Attributes:
        input: With the cached ones.
        cached: Part of the input.
        output: Without thinking.
        thinking: Beside the output, and billed like it.
    """

    input: int | None = None
    cached: int | None = None
    output: int | None = None
    thinking: int | None = None

    def __add__(self, other: "TokenUsage") -> "TokenUsage":
        """The sum; a number that only one of both reports counts alone."""
        return TokenUsage(
            input=_add(self.input, other.input),
            cached=_add(self.cached, other.cached),
            output=_add(self.output, other.output),
            thinking=_add(self.thinking, other.thinking),
        )


@dataclass(frozen=True, kw_only=True)
class TokenRates:
    """Prices of a model on one day, in USD per million tokens.

    Attributes:
        source: Where and when they were read.
    """

    input: Decimal
    cached: Decimal
    output: Decimal
    source: str

    def usd(self, usage: TokenUsage) -> Decimal:
        """The price of some tokens: (input - cached) · input + cached · cached + (output + thinking) · output."""
        cached = usage.cached or 0
        fresh = (usage.input or 0) - cached
        generated = (usage.output or 0) + (usage.thinking or 0)
        return (fresh * self.input + cached * self.cached + generated * self.output) / PER_MILLION


def token_rates(prices: PriceList, model_id: str, *, on: date, batch: bool = False) -> TokenRates:
    """Find the prices of a model on a day, at half price in batch mode.

    Raises:
        PriceError: If the list has no price of the model, or none that is valid on that day.
    """
    listed = prices.tokens.get(model_id, [])
    valid = [price for price in listed if _is_valid(price, on)]
    if not valid:
        dates = "; ".join(f"{price.valid_from or '…'} to {price.valid_to or '…'}" for price in listed)
        raise PriceError(
            f"The price list {prices.name!r} has no price of {model_id!r} on {on}"
            + (f" (only for {dates})." if dates else f".{did_you_mean(model_id, prices.tokens)}"),
            fix=_price_advice(prices, model_id),
        )
    price = valid[-1]
    share = (BATCH_SHARE if batch else Decimal(1)) * Decimal(str(prices.usd))
    full = Decimal(str(price.input_per_million))
    cached = full if price.cached_input_per_million is None else Decimal(str(price.cached_input_per_million))
    return TokenRates(
        input=full * share,
        cached=cached * share,
        output=Decimal(str(price.output_per_million)) * share,
        source=f"{price.source or prices.source}, from {price.valid_from or prices.valid_from}"
        + (f" to {price.valid_to}" if price.valid_to else ""),
    )


def _price_advice(prices: PriceList, model_id: str) -> str:
    """How to add a price: by an override of Hydra, whose keys take no quotes, or by a file for ids that are no key."""
    unit = f"in {prices.currency} per million tokens"
    period = "[{input_per_million: 0.3, output_per_million: 2.5}]"
    if OVERRIDE_KEY.fullmatch(model_id) and not READ_AS_VALUE.fullmatch(model_id):
        key = re.sub(r"[:=,()\[\]{} ]", r"\\\g<0>", model_id)
        return f"add it, {unit}: '+prices.tokens={{{key}: {period}}}'"
    return (
        f"add it, {unit}, to a list of yours: a file prices/mine.yaml with the lines `defaults: [default]` and "
        f"`tokens: {{{json.dumps(model_id, ensure_ascii=False)}: {period}}}`, chosen with prices=mine and --config-dir "
        "for the folder above it."
    )


def _is_valid(price: TokenPrice, on: date) -> bool:
    starts = price.valid_from is None or date.fromisoformat(price.valid_from) <= on
    return starts and (price.valid_to is None or on <= date.fromisoformat(price.valid_to))


def _add(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)

"""What tokens cost: exact, by the day of the request, in batch mode, cached."""

import re
import shlex
from datetime import date
from decimal import Decimal

import pytest

from arogya_bench.configuration.compose import RunRequest, compose_jobs
from arogya_bench.configuration.price_files import load_price_list
from arogya_bench.configuration.prices import build_price_list
from arogya_bench.errors import PriceError
from arogya_bench.prices.price_list import PriceList, TokenPrice
from arogya_bench.prices.tokens import TokenUsage, token_rates

DAY = date(2026, 11, 25)


@pytest.fixture(scope="module")
def default():
    return load_price_list("default")


def listed(*periods, **fields):
    values = {"name": "ward", "source": "an invoice", "valid_from": "2026-05-01", "tokens": {"m": list(periods)}}
    return PriceList(**{**values, **fields})


def composed_prices(*overrides, config_dir=None):
    """The price list of a command."""
    request = RunRequest(
        overrides=("model=prior", "dataset=synthetic", *overrides),
        config_dir=None if config_dir is None else str(config_dir),
    )
    (job,) = compose_jobs(request)
    return build_price_list(job.config["prices"])


def price(value, **dates):
    return TokenPrice(input_per_million=value, output_per_million=value, **dates)


def test_the_example_of_the_provider_by_hand(default):
    """1,520 tokens in at 0.30 and 150 out at 2.50 a million."""
    rates = token_rates(default, "gemini-3.5-flash-lite", on=DAY)

    assert rates.usd(TokenUsage(input=1520, output=150)) == Decimal("0.000831")


def test_cached_input_costs_its_own_price_and_thinking_that_of_the_output(default):
    """900 · 0.30 + 100 · 0.03 + (20 + 30) · 2.50 a million."""
    rates = token_rates(default, "gemini-3.5-flash-lite", on=DAY)

    assert rates.usd(TokenUsage(input=1000, cached=100, output=20, thinking=30)) == Decimal("0.000398")


def test_cached_input_without_a_price_of_its_own_costs_the_full_one(default):
    rates = token_rates(default, "gemini-3.8-flash", on=DAY)

    assert rates.cached == rates.input == Decimal("0.75")


def test_batch_mode_takes_half_of_every_price(default):
    full, half = (token_rates(default, "gemini-3.5-flash-lite", on=DAY, batch=batch) for batch in (False, True))

    assert (half.input * 2, half.cached * 2, half.output * 2) == (full.input, full.cached, full.output)


@pytest.mark.parametrize(
    ("model", "day", "output"),
    [
        ("gemini-3.8-flash", date(2026, 12, 31), "3.75"),
        ("gemini-3.8-flash", date(2027, 1, 1), "7.5"),
        ("gemini-4-argon", date(2026, 11, 30), "10"),
        ("gemini-4-argon", date(2026, 12, 1), "20"),
        ("gemini-4-carbon", date(2026, 12, 1), "20"),
    ],
)
def test_a_price_that_changes_is_that_of_the_day(default, model, day, output):
    assert token_rates(default, model, on=day).output == Decimal(output)


@pytest.mark.parametrize("day", [date(2026, 8, 4), date(2026, 12, 2)])
def test_a_day_without_a_price_names_the_days_that_have_one(default, day):
    with pytest.raises(PriceError, match="only for 2026-08-05 to 2026-12-01"):
        token_rates(default, "gemini-2.5-flash", on=day)


def test_a_model_without_a_price_is_an_error_with_a_suggestion(default):
    with pytest.raises(PriceError, match=r"Did you mean 'gemini-3.5-flash-lite'") as refused:
        token_rates(default, "gemini-3.5-flash-light", on=DAY)

    assert "'+prices.tokens={gemini-3.5-flash-light: [" in refused.value.fix


@pytest.mark.parametrize(
    "model_id", ["qwen2.5-vl:7b", "org/model@2,b=c", "a (b) [c] {d}", "gemini-3.9", "google/x:free", "7b", "a+b*|?%"]
)
def test_the_advice_for_a_missing_price_works_as_it_is_typed(default, model_id):
    with pytest.raises(PriceError) as refused:
        token_rates(default, model_id, on=DAY)
    (_, typed) = shlex.split("run " + refused.value.fix[refused.value.fix.index("'") :])

    prices = composed_prices("prices=default", typed)

    assert token_rates(prices, model_id, on=DAY).output == Decimal("2.5")
    assert "gemini-3.5-flash-lite" in prices.tokens


@pytest.mark.parametrize("model_id", ["modèle", "a'b", 'a"b', "a#b", "123", "null", "1e3", " a", "a\\b"])
def test_an_id_that_is_no_key_of_an_override_is_added_by_a_file(default, model_id, tmp_path):
    with pytest.raises(PriceError, match="has no price") as refused:
        token_rates(default, model_id, on=DAY)
    file = tmp_path / "prices" / "mine.yaml"
    file.parent.mkdir()
    file.write_text("\n".join(re.findall("`([^`]+)`", refused.value.fix)), encoding="utf-8")

    prices = composed_prices("prices=mine", config_dir=tmp_path)

    assert token_rates(prices, model_id, on=DAY).output == Decimal("2.5")


def test_a_price_without_dates_holds_always():
    assert token_rates(listed(price(0.3)), "m", on=date(1999, 1, 1)).input == Decimal("0.3")


def test_of_two_prices_of_one_day_the_last_counts():
    prices = listed(price(1.0, valid_from="2026-01-01"), price(2.0, valid_from="2026-11-01"))

    assert token_rates(prices, "m", on=DAY).input == 2


def test_other_currencies_become_usd():
    prices = listed(price(0.1), currency="EUR", usd_per_unit=1.1)

    assert token_rates(prices, "m", on=DAY).input == Decimal("0.11")


def test_every_price_of_the_default_list_has_a_source_and_a_first_day(default):
    periods = [period for entries in default.tokens.values() for period in entries]

    assert periods
    assert all(period.source and period.valid_from for period in periods)


def test_the_source_of_a_rate_says_where_and_from_when(default):
    assert token_rates(default, "gemini-4-argon", on=DAY).source == (
        "second-hand: LiteLLM, discussion 46238, from 2026-10-13 to 2026-11-30"
    )


def test_usage_adds_up_and_knows_nothing_where_nothing_was_reported():
    total = TokenUsage(input=1, output=2) + TokenUsage(input=3, thinking=4)

    assert total == TokenUsage(input=4, cached=None, output=2, thinking=4)

from datetime import date

import pytest

from arogya_bench.errors import PriceError
from arogya_bench.prices.price_list import ApiPrice, Machine, PriceList, TokenPrice

TODAY = date(2026, 11, 30)
BOX = Machine(cpus=2, memory_gb=8, per_hour=0.5)


def listed(**fields):
    values = {"name": "ward", "source": "invoice", "valid_from": "2026-05-01", "machines": {"box": BOX}}
    return PriceList(**{**values, **fields})


def test_a_list_in_usd_needs_no_rate():
    assert listed().usd == 1
    assert listed(currency="EUR", usd_per_unit=1.1).usd == 1.1


def test_a_price_of_0_is_meant_if_it_says_so():
    found = listed(
        machines={"old": Machine(cpus=2, memory_gb=8, per_hour=0, free=True)},
        api={"trial": ApiPrice(per_1k_images=0, free=True)},
        tokens={"trial": [TokenPrice(input_per_million=0, output_per_million=0, free=True)]},
    )

    assert found.find("old").per_hour == found.api_price("trial").per_1k_images == 0


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"source": " "}, "prices.source is empty"),
        ({"name": ""}, "prices.name is empty"),
        ({"currency": "Euro"}, "no ISO code"),
        ({"currency": "EUR"}, "usd_per_unit is missing, and prices are in EUR"),
        ({"usd_per_unit": 1.1}, "prices.usd_per_unit=1.1 for USD"),
        ({"currency": "EUR", "usd_per_unit": 0.0}, "prices.usd_per_unit is 0"),
        ({"valid_from": "May"}, "prices.valid_from='May' is no date"),
        ({"valid_to": "2026-04-30"}, "is before prices.valid_from"),
        ({"utilisation": 0.0}, "no share"),
        ({"utilisation": 1.01}, "no share"),
        ({"energy_per_kwh": -0.1}, "prices.energy_per_kwh=-0.1 is no price"),
        ({"grid_g_co2_per_kwh": 400.0}, "has no source"),
        ({"machine": "bax"}, "no machine 'bax'. Did you mean 'box'?"),
        ({"machine": "box", "machines": {}}, "no machine 'box'"),
        ({"machines": {"a": Machine(cpus=2, memory_gb=8, per_hour=0)}}, "prices.machines.a.per_hour is 0"),
        ({"machines": {"a": Machine(cpus=2, memory_gb=8, per_hour=-1)}}, "per_hour=-1 is no price"),
        ({"machines": {"a": Machine(cpus=2, memory_gb=8, per_hour=float("nan"))}}, "per_hour=nan is no price"),
        ({"machines": {"a": Machine(cpus=0, memory_gb=8, per_hour=1)}}, "prices.machines.a.cpus=0 is not above 0"),
        ({"api": {"x": ApiPrice(per_1k_images=0)}}, "prices.api.x.per_1k_images is 0"),
        (
            {"tokens": {"x": [TokenPrice(input_per_million=0.3, output_per_million=-1)]}},
            "prices.tokens.x.output_per_million=-1 is no price",
        ),
        (
            {"tokens": {"x": [TokenPrice(input_per_million=0.3, output_per_million=1, valid_to="soon")]}},
            "prices.tokens.x.valid_to='soon' is no date",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_fix(fields, problem):
    with pytest.raises(PriceError) as refused:
        listed(**fields)

    assert problem in refused.value.problem
    assert refused.value.fix


def test_an_api_without_a_price_is_an_error_and_not_0():
    with pytest.raises(PriceError, match="no API price of 'gemni'") as refused:
        listed(api={"gemini": ApiPrice(per_1k_images=1)}).api_price("gemni")

    assert "Did you mean 'gemini'?" in refused.value.problem
    assert "prices.api.gemni.per_1k_images=PRICE" in refused.value.fix


def test_the_price_of_a_row_counts_before_that_of_its_model():
    prices = listed(api={"m": ApiPrice(per_1k_images=1), "m+temperature": ApiPrice(per_1k_images=2)})

    assert prices.api_price("m+temperature", "m").per_1k_images == 2
    assert prices.api_price("m+other", "m").per_1k_images == 1


@pytest.mark.parametrize(
    ("fields", "ending"),
    [
        ({}, "from 2026-05-01"),
        ({"valid_to": "2026-11-30"}, "to 2026-11-30"),
        ({"valid_to": "2026-11-29"}, "WARNING: these prices expired on 2026-11-29"),
        ({"valid_from": "2026-12-01"}, "WARNING: these prices are not valid before 2026-12-01"),
    ],
)
def test_the_origin_of_prices_says_whether_they_are_out_of_date(fields, ending):
    text = listed(**fields).origin(TODAY)

    assert text.startswith("ward (invoice), from ")
    assert text.endswith(ending)

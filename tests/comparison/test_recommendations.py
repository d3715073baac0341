"""Recommendations: what is said, and above all what is not."""

import dataclasses

import pytest

from arogya_bench import compare
from arogya_bench.prices.price_list import ApiPrice, Machine, PriceList

OFFICE = Machine(cpus=4, memory_gb=32, per_hour=0.36)
PRICES = PriceList(name="mine", source="an invoice", valid_from="2026-09-01", machines={"office": OFFICE})
FAST, SLOW = {1: 400.0, 8: 500.0}, {1: 20.0, 8: 40.0}


@pytest.fixture
def recommended(store):
    def build(kind, *, prices=PRICES, **options):
        rows = compare("study", tracking_uri=store.uri, prices=prices, **options).recommendations
        return rows[rows["kind"] == kind].to_dict("records")

    return build


def test_a_cheaper_model_inside_the_margin_is_named_with_its_evidence(measured, recommended):
    measured("best", {"rates": SLOW}, skill=3.0)
    measured("cheap", {"rates": FAST}, skill=2.2, draw=1)

    (row,) = recommended("cheaper model", margin=0.5)

    assert (row["model"], row["instead_of"]) == ("cheap", "best")
    assert row["worst_loss_all_pairs"] < 0.5
    assert row["cost_per_1k_images_usd"] < row["other_cost_usd"]
    assert "for all pairs at once" in row["evidence"]
    assert "within the margin of 0.5" in row["recommendation"]


def test_outside_the_margin_nothing_is_said(measured, recommended):
    measured("best", {"rates": SLOW}, skill=3.0)
    measured("cheap", {"rates": FAST}, skill=1.0, draw=1)

    assert recommended("cheaper model", margin=0.02) == []


def test_a_dearer_model_is_not_recommended(measured, recommended):
    measured("best", {"rates": FAST}, skill=3.0)
    measured("dear", {"rates": SLOW}, skill=2.2, draw=1)

    assert recommended("cheaper model", margin=0.9) == []


def test_overlapping_costs_are_no_lower_cost(measured, recommended):
    measured("best", {"rates": {1: 100.0}}, skill=3.0)
    measured("other", {"rates": {1: 101.0}}, skill=2.2, draw=1)

    assert recommended("cheaper model", margin=0.9) == []


@pytest.mark.parametrize("grade", ["D", ""])
def test_no_recommendation_rests_on_the_worst_grade(measured, recommended, grade):
    measured("best", {"rates": SLOW}, skill=3.0)
    measured("cheap", {"rates": FAST, "grade": grade}, skill=2.2, draw=1)

    assert recommended("cheaper model", margin=0.9) == []
    assert [row["model"] for row in recommended("batch size")] == ["best"]


def test_the_worst_grade_of_the_candidate_ends_it_too(measured, recommended):
    measured("best", {"rates": SLOW, "grade": "D"}, skill=3.0)
    measured("cheap", {"rates": FAST}, skill=2.2, draw=1)

    assert recommended("cheaper model", margin=0.9) == []


def test_the_worst_interval_of_a_metric_that_is_better_low(measured, recommended):
    measured("best", {"rates": SLOW}, skill=3.0)
    measured("cheap", {"rates": FAST}, skill=2.2, draw=1)

    (row,) = recommended("cheaper model", margin=5.0, metric="nll")

    assert 0 < row["worst_loss_all_pairs"] < 5.0
    assert recommended("cheaper model", margin=0.01, metric="nll") == []


def test_an_api_pays_below_its_break_even(measured, recommended):
    """The office costs 0.36 · 730 = 262.8 USD a month; at 2 USD per 1,000 images that is 131,400 images."""
    measured("a", {"rates": {1: 100.0, 8: 200.0}})
    prices = dataclasses.replace(PRICES, api={"gemini": ApiPrice(per_1k_images=2.0)})

    (row,) = recommended("API or machine", prices=prices)

    assert row["images_per_month"] == 131_400
    assert row["recommendation"].startswith("gemini costs less than a below 131,400 images a month")
    assert "gemini was not evaluated" in row["recommendation"]


def test_an_api_that_is_always_cheaper_is_said_to_be(measured, recommended):
    measured("a", {"rates": {1: 0.1}})
    prices = dataclasses.replace(PRICES, api={"gemini": ApiPrice(per_1k_images=0.01)})

    (row,) = recommended("API or machine", prices=prices)

    assert "for as many images as one such machine predicts in a month" in row["recommendation"]


def test_an_api_without_a_local_cost_has_no_break_even(measured, recommended):
    measured("a", {"grade": "D"})
    prices = dataclasses.replace(PRICES, api={"gemini": ApiPrice(per_1k_images=2.0)})

    assert recommended("API or machine", prices=prices) == []

import pytest

from arogya_bench.comparison.pareto import FrontPoint, dominating


def point(name, quality, price):
    return FrontPoint(name=name, quality=quality, price=price)


@pytest.mark.parametrize(
    ("other", "dominates"),
    [
        ((0.9, 5.0), True),
        ((0.8, 5.0), True),  # as good, and faster
        ((0.9, 10.0), True),  # as fast, and better
        ((0.8, 10.0), False),  # equal
        ((0.9, 11.0), False),
        ((0.7, 5.0), False),
    ],
)
def test_one_dominates_if_no_worse_on_both_axes_and_better_on_one(other, dominates):
    first, second = point("a", 0.8, 10.0), point("b", *other)

    assert dominating(first, [first, second]) == (["b"] if dominates else [])


def front(tables):
    return {row["model"]: (row["on_front"], row["dominated_by"]) for row in tables.pareto}


def test_the_front_has_the_models_that_no_other_beats(measured, compare_only):
    measured("best", {"p50": 90.0}, skill=5.0)
    measured("quick", {"p50": 2.0}, skill=3.0, draw=1)
    measured("beaten", {"p50": 95.0}, skill=1.5, draw=2)

    assert front(compare_only()) == {"best": (True, ""), "quick": (True, ""), "beaten": (False, "best, quick")}


def test_a_metric_that_is_better_low_has_its_front_the_other_way(measured, compare_only):
    measured("best", {"p50": 90.0}, skill=5.0)
    measured("beaten", {"p50": 95.0}, skill=1.5, draw=2)

    assert front(compare_only("nll")) == {"best": (True, ""), "beaten": (False, "best")}


@pytest.mark.parametrize("grade", ["D", ""])
def test_the_worst_grade_is_on_no_front_and_dominates_nobody(measured, compare_only, grade):
    measured("best", {"p50": 1.0, "grade": grade}, skill=5.0)
    measured("slow", {"p50": 95.0}, skill=2.0, draw=2)

    tables = compare_only()

    assert front(tables) == {"best": (None, ""), "slow": (True, "")}
    assert tables.pareto[0]["note"] == "its latency has the grade D or none"


def test_a_model_no_better_than_guessing_is_on_no_front(measured, compare_only):
    measured("best", {"p50": 90.0}, skill=5.0)
    measured("guess", {"p50": 0.1}, skill=0.0, draw=2)

    assert front(compare_only())["guess"] == (None, "")


def test_a_model_without_a_measurement_is_listed_with_the_reason(measured, logged, compare_only):
    measured("best", {"p50": 90.0}, skill=5.0)
    logged("other", skill=4.0, draw=1)

    tables = compare_only()

    assert front(tables)["other"] == (None, "")
    assert tables.pareto[1]["note"] == "it is not measured"


def test_nothing_measured_has_no_pareto_table(logged, compare_only):
    logged("a")

    assert compare_only().pareto == []


def test_how_often_a_model_is_on_the_front_is_said(measured, logged, compare_only):
    """Of two models that are equally fast, the better one in a draw is on the front."""
    measured("first", {"p50": 10.0}, skill=2.0)
    measured("second", {"p50": 10.0}, skill=2.0, draw=1)
    measured("beaten", {"p50": 90.0}, skill=0.8, draw=2)
    logged("unmeasured", skill=4.0, draw=3)

    rows = {row["model"]: row for row in compare_only().pareto}

    first, second = rows["first"], rows["second"]
    assert 0 < first["p_on_front"] < 1
    assert (first["p_on_front"] > second["p_on_front"]) == (first["value"] > second["value"])
    assert first["p_on_front"] + second["p_on_front"] == pytest.approx(1, abs=0.05)
    assert rows["beaten"]["p_on_front"] < 0.01
    assert rows["unmeasured"]["p_on_front"] is None
    assert first["p_rests_on"] == "latency: 5 rounds"

import numpy as np
import pytest

from arogya_bench.comparison.front_draws import (
    AS_MEASURED,
    FROM_INTERVAL,
    Rounds,
    draw_latencies,
    draw_prices,
    shares_on_front,
)

DRAWS = 20_000
NAME = "ms"


def measured(value, low=None, high=None):
    return {NAME: value, f"{NAME}.ci_low": low, f"{NAME}.ci_high": high}


def rounds(session, *medians):
    return Rounds(session=session, medians=dict(enumerate(medians)))


def latencies(rows, found):
    return draw_latencies(rows, NAME, found, draws=DRAWS, rng=np.random.default_rng(1))


def test_the_share_on_the_front_by_hand():
    """In two of four draws b is both better and faster; equal points do not beat each other."""
    quality = {"a": np.array([0.8, 0.8, 0.8, 0.8]), "b": np.array([0.9, 0.9, 0.7, 0.8])}
    price = {"a": np.array([2.0, 2.0, 2.0, 1.0]), "b": np.array([1.0, 1.0, 3.0, 1.0])}

    assert shares_on_front(quality, price) == {"a": 0.5, "b": 0.75}


def test_a_model_without_a_price_is_on_no_front_and_beats_nobody():
    quality = {"a": np.array([0.8]), "best": np.array([0.9])}

    assert shares_on_front(quality, {"a": np.array([2.0])}) == {"a": 1.0}


@pytest.mark.parametrize(("undefined", "share"), [(1, 1.0), (2, None)])
def test_draws_without_a_score_are_left_out_if_they_are_few(undefined, share):
    quality = np.full(30, 0.5)
    quality[:undefined] = np.nan

    assert shares_on_front({"a": quality}, {"a": np.ones(30)}) == {"a": share}


def test_rounds_of_one_session_are_drawn_together():
    """A slow round slows both models: the order of their latencies never changes."""
    rows = {"a": measured(10.0), "b": measured(10.5)}
    found = {"a": rounds("one", 8.0, 10.0, 12.5), "b": rounds("one", 8.4, 10.5, 13.125)}

    drawn = latencies(rows, found)

    np.testing.assert_allclose(drawn.values["b"] / drawn.values["a"], 1.05)
    assert drawn.sources == {"a": "3 rounds", "b": "3 rounds"}
    spread = np.std(np.log([8.0, 10.0, 12.5]), ddof=1) / np.sqrt(3)
    assert np.log(drawn.values["a"]).std() == pytest.approx(spread, rel=0.03)


def test_sessions_are_drawn_apart():
    rows = {"a": measured(10.0), "b": measured(10.5)}
    found = {"a": rounds("one", 8.0, 10.0, 12.5), "b": rounds("two", 8.0, 10.0, 12.5)}

    drawn = latencies(rows, found)

    assert abs(np.corrcoef(np.log(drawn.values["a"]), np.log(drawn.values["b"]))[0, 1]) < 0.05


def test_without_two_shared_rounds_the_interval_is_drawn():
    rows = {"a": measured(10.0, 8.0, 12.5), "b": measured(10.0, 8.0, 12.5)}
    found = {"a": rounds("one", 10.0), "b": rounds("one", 10.0)}

    drawn = latencies(rows, found)

    assert set(drawn.sources.values()) == {FROM_INTERVAL}
    np.testing.assert_allclose(np.quantile(drawn.values["a"], [0.025, 0.975]), [8.0, 12.5], rtol=0.02)


@pytest.mark.parametrize("row", [measured(10.0), measured(0.0, 0.0, 0.0)])
def test_a_price_without_an_interval_stays_as_it_is(row):
    drawn = draw_prices({"a": row}, NAME, draws=3, rng=np.random.default_rng(1))

    assert drawn.values["a"].tolist() == [row[NAME]] * 3
    assert drawn.sources == {"a": AS_MEASURED}

import numpy as np
import pytest

from arogya_bench.statistics import draws, replay

GROUPS = ["b", "a", "b", "c", "a", "d"]


def rng(seed=0):
    return np.random.default_rng(seed)


def counts(plan):
    return np.concatenate(list(plan.chunks()))


def test_same_seed_draws_the_same_groups():
    first, second = (draws(6, rng=rng(), resamples=50, groups=GROUPS) for _ in range(2))

    assert first == second
    np.testing.assert_array_equal(counts(first), counts(second))


def test_chunks_can_be_read_again():
    plan = draws(6, rng=rng(), resamples=2_500)

    np.testing.assert_array_equal(counts(plan), counts(plan))


@pytest.mark.parametrize(
    "other",
    [
        {"rng": rng(1)},
        {"resamples": 51},
        {"groups": None},
        {"groups": ["b", "a", "b", "c", "a", "e"]},
        {"strata": [0, 0, 0, 1, 0, 1]},
    ],
)
def test_other_draws_have_another_digest(other):
    usual = {"rng": rng(), "resamples": 50, "groups": GROUPS}

    changed = draws(6, **usual | other)

    assert changed.digest != draws(6, **usual | {"rng": rng()}).digest


def test_order_of_cases_does_not_change_the_digest():
    """Draws are of groups by their label, so models whose rows are in another order still pair."""
    plans = [draws(6, rng=rng(), groups=groups) for groups in (GROUPS, GROUPS[::-1])]

    assert plans[0] == plans[1]
    assert hash(plans[0]) == hash(plans[1])


def test_every_resample_has_as_many_groups_as_there_are():
    plan = draws(6, rng=rng(), resamples=100, groups=GROUPS)

    assert plan.groups == 4
    assert (counts(plan).sum(axis=1) == 4).all()


def test_groups_are_drawn_evenly():
    plan = draws(6, rng=rng(), resamples=20_000, groups=GROUPS)

    np.testing.assert_allclose(counts(plan).mean(axis=0), 1, atol=0.03)


def test_all_cases_of_a_drawn_group_enter_as_often_as_it_is_drawn():
    plan = draws(6, rng=rng(), groups=GROUPS)

    rows = plan.case_indices(np.array([0.0, 2.0, 1.0, 0.0]))

    assert rows.tolist() == [0, 0, 2, 2, 3]


def test_strata_keep_their_number_of_groups():
    strata = [0, 0, 0, 1, 0, 1]
    plan = draws(6, rng=rng(), resamples=100, strata=strata)

    drawn = counts(plan)

    assert (drawn[:, [3, 5]].sum(axis=1) == 2).all()


def test_group_of_several_classes_belongs_to_the_rarest():
    """Class 1 has two cases, one of them in group b, which is mostly of class 0."""
    plan = draws(6, rng=rng(), groups=GROUPS, strata=[0, 0, 1, 1, 0, 0])

    assert plan.stratum_of.tolist() == [1, 0, 0, 1]


def test_strata_that_cannot_vary_are_named():
    plan = draws(3, rng=rng(), strata=["rare", "common", "common"])

    assert "1 of 2 strata hold a single group" in plan.note


def test_no_strata_need_no_note():
    assert draws(3, rng=rng()).note == ""


def test_replayed_rows_are_the_stored_ones():
    plan = replay([[0, 0, 2], [1, 2, 2]])

    assert [plan.case_indices(row).tolist() for row in counts(plan)] == [[0, 0, 2], [1, 2, 2]]


def test_replayed_groups_are_positions_among_the_sorted_labels():
    plan = replay([[1, 1, 2]], groups=["z", "b", "a", "b"])

    assert plan.case_indices(counts(plan)[0]).tolist() == [0, 1, 1, 3, 3]


def test_replays_of_the_same_indices_are_equal():
    assert replay([[0, 1]]) == replay(np.array([[0, 1]], dtype=np.uint8))


@pytest.mark.parametrize("indices", [[[0, 3, 1]], [[0, -1, 1]], [0, 1], np.empty((0, 3))])
def test_malformed_indices_are_refused(indices):
    with pytest.raises(ValueError, match="indices"):
        replay(indices)


@pytest.mark.parametrize(
    ("n", "other", "problem"),
    [
        (0, {}, "0 cases"),
        (2, {"resamples": 0}, "0 resamples"),
        (2, {"groups": ["a"]}, "groups have shape"),
        (2, {"strata": [0, 1, 1]}, "strata have shape"),
    ],
)
def test_impossible_draws_are_refused(n, other, problem):
    with pytest.raises(ValueError, match=problem):
        draws(n, rng=rng(), **other)


def test_draws_are_no_other_thing():
    assert draws(2, rng=rng()) != "draws"


def test_the_first_resamples_draw_the_same_groups():
    table = draws(40, rng=np.random.default_rng(0), resamples=2500, strata=np.arange(40) % 3)

    few = table.first(1200)

    assert np.array_equal(np.concatenate(list(few.chunks())), np.concatenate(list(table.chunks()))[:1200])
    assert (few.resamples, few == table, table.first(9999) is table) == (1200, False, True)


def test_counts_that_are_kept_in_one_byte_are_those_that_are_drawn(monkeypatch):
    plan, again = (draws(200, rng=rng(), resamples=50) for _ in range(2))

    monkeypatch.setattr("arogya_bench.statistics.resampling.CACHED_CELLS", 0)

    kept = counts(again)
    assert np.array_equal(kept, np.concatenate(list(plan._draw_chunks())))
    assert np.array_equal(counts(again), kept)

import numpy as np
import pytest
from scipy import stats

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import bootstrap_ranks, draws, rankings_side_by_side


def plan(resamples, groups=40):
    return draws(groups, rng=np.random.default_rng(0), resamples=resamples)


def drawn(seed, *, models=4, resamples=300, decimals=2):
    rng = np.random.default_rng(seed)
    estimates = np.round(rng.uniform(0.7, 0.9, size=models), decimals)
    noise = rng.normal(scale=0.05, size=(models, resamples))
    return estimates, np.round(estimates[:, None] + noise, decimals)


def test_places_by_hand():
    """The first wins once and ties once for the first place; the third is always last."""
    replicates = [[0.9, 0.8], [0.8, 0.8], [0.1, 0.1]]

    found = bootstrap_ranks([0.9, 0.8, 0.1], replicates, draws=plan(2), k=2)

    assert found.ranks.tolist() == [1, 2, 3]
    assert found.shares.tolist() == [[0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0, 1]]
    assert found.p_best.tolist() == [0.75, 0.25, 0]
    assert found.p_top_k.tolist() == [1, 1, 0]


def test_low_scores_lead_where_low_is_better():
    found = bootstrap_ranks([0.1, 0.2], [[0.1, 0.3], [0.2, 0.2]], draws=plan(2), best="low")

    assert found.ranks.tolist() == [1, 2]
    assert found.p_best.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("seed", range(3))
def test_every_place_is_taken_and_every_model_placed(seed):
    found = bootstrap_ranks(*drawn(seed), draws=plan(300))

    assert found.shares.sum(axis=0) == pytest.approx(1)
    assert found.shares.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(3))
def test_tau_agrees_with_scipy_also_with_ties(seed):
    estimates, replicates = drawn(seed)

    found = bootstrap_ranks(estimates, replicates, draws=plan(300))

    expected = [stats.kendalltau(estimates, each).statistic for each in replicates.T]
    assert found.tau == pytest.approx(np.mean(expected))
    assert found.tau_low == pytest.approx(np.quantile(expected, 0.025))


def test_a_model_compared_with_itself_shares_every_place():
    estimates, replicates = drawn(0, models=1)

    found = bootstrap_ranks(np.repeat(estimates, 3), np.repeat(replicates, 3, 0), draws=plan(300))

    assert found.p_best == pytest.approx(1 / 3)
    assert found.tau is None
    assert "all models tie" in found.note


def test_order_of_models_only_moves_the_results():
    estimates, replicates = drawn(1)
    order = [2, 0, 3, 1]

    found = bootstrap_ranks(estimates, replicates, draws=plan(300))
    moved = bootstrap_ranks(estimates[order], replicates[order], draws=plan(300))

    np.testing.assert_allclose(moved.shares, found.shares[order])
    assert moved.tau == pytest.approx(found.tau)


def test_rank_has_an_interval_around_its_median():
    found = bootstrap_ranks(*drawn(2), draws=plan(300))

    assert (found.low <= found.median).all()
    assert (found.median <= found.high).all()
    assert (found.n, found.groups, found.seed) == (40, 40, plan(300).seed)


def test_undefined_resamples_are_left_out_and_told():
    estimates, replicates = drawn(0)
    replicates[1, :3] = np.nan

    found = bootstrap_ranks(estimates, replicates, draws=plan(300))

    assert found.undefined_share == pytest.approx(0.01)
    assert "1.00%" in found.note


def test_too_many_undefined_resamples_are_refused():
    estimates, replicates = drawn(0)
    replicates[1, :30] = np.nan

    with pytest.raises(UndefinedMetric, match=r"10\.0% of the resamples"):
        bootstrap_ranks(estimates, replicates, draws=plan(300))


def test_replicates_of_other_draws_are_refused():
    with pytest.raises(ValueError, match="replicates have shape"):
        bootstrap_ranks([0.5, 0.6], np.zeros((2, 3)), draws=plan(4))


def test_one_outlier_parts_the_mean_from_the_ranks():
    """The second model wins everywhere but once, where it fails altogether."""
    scores = np.tile([0.80, 0.81], (12, 1))
    scores[0] = [0.8, 0.0]

    found = rankings_side_by_side(scores)

    assert found.aggregate_then_rank.tolist() == [1, 2]
    assert found.rank_then_aggregate.tolist() == [2, 1]
    assert not found.agree
    assert "depends on the method" in found.note


def test_clear_scores_rank_alike_in_every_way():
    rng = np.random.default_rng(0)
    scores = np.array([0.9, 0.6, 0.3]) + rng.normal(scale=0.02, size=(20, 3))

    found = rankings_side_by_side(scores)

    assert found.agree
    assert found.test_then_rank.tolist() == [1, 2, 3]
    assert rankings_side_by_side(-scores, best="low").agree


def test_no_significant_pair_leaves_all_tied():
    found = rankings_side_by_side([[0.5, 0.6], [0.6, 0.5]])

    assert found.test_then_rank.tolist() == [1.5, 1.5]
    assert "no pair differs" in found.note


def test_what_is_no_table_is_refused():
    with pytest.raises(ValueError, match="scores of shape"):
        rankings_side_by_side([0.1, 0.2])

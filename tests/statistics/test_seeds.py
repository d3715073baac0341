import numpy as np
import pytest
from scipy import stats

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import draws, interval
from arogya_bench.statistics.seeds import seed_group_difference, seed_group_interval

GROUPS = 100


def plan(n=GROUPS, resamples=400, **columns):
    return draws(n, rng=np.random.default_rng(0), resamples=resamples, **columns)


def weights_of(resampled):
    return np.concatenate(list(resampled.chunks())) / resampled.groups


def scores_of(rng, *, seeds=5, seed_sd=0.1, mean=0.0, groups=GROUPS, cases=None):
    """Scores per seed and group: a seed's shift, a group's difficulty, and both together."""
    difficulty = rng.normal(size=groups) if cases is None else cases
    own = 0.3 * rng.normal(size=(seeds, groups))
    return mean + seed_sd * rng.normal(size=(seeds, 1)) + difficulty + own


def arrays(scores, weights):
    return scores.mean(axis=1), scores @ weights.T


def generator():
    return np.random.default_rng(9)


def judged(scores, resampled=None, **options):
    resampled = resampled or plan(scores.shape[1])
    return seed_group_interval(*arrays(scores, weights_of(resampled)), draws=resampled, rng=generator(), **options)


def compared(a, b, **options):
    resampled = plan(a.shape[1], 2_000)
    weights = weights_of(resampled)
    return seed_group_difference(*arrays(a, weights), *arrays(b, weights), draws=resampled, rng=generator(), **options)


def test_without_spread_of_groups_it_is_the_t_interval_of_the_seeds():
    values = np.array([0.80, 0.82, 0.85, 0.81, 0.84, 0.83])
    replicates = np.repeat(values[:, None], 20_000, axis=1)

    found = seed_group_interval(values, replicates, draws=plan(100, 20_000), rng=generator())

    expected = stats.t.interval(0.95, 5, values.mean(), stats.sem(values))
    assert found.ci == pytest.approx(expected, abs=0.002)
    assert found.se == pytest.approx(stats.sem(values))


def test_without_spread_of_seeds_it_is_nearly_the_t_interval_of_the_groups():
    cases = np.random.default_rng(1).normal(size=GROUPS)
    scores = np.repeat(cases[None], 5, axis=0)

    found = judged(scores, plan(resamples=20_000))

    expected = stats.t.interval(0.95, GROUPS - 1, cases.mean(), stats.sem(cases))
    assert found.ci == pytest.approx(expected, abs=0.02)
    assert found.p_value == pytest.approx(stats.ttest_1samp(cases, 0).pvalue, rel=0.1)


def test_values_mean_and_sd_are_those_of_the_seeds():
    scores = scores_of(np.random.default_rng(2))

    found = judged(scores)

    assert found.values == pytest.approx(tuple(scores.mean(axis=1)))
    assert found.mean == found.estimate == pytest.approx(scores.mean())
    assert found.sd == pytest.approx(scores.mean(axis=1).std(ddof=1))


def test_seeds_are_not_counted_as_cases():
    found = judged(scores_of(np.random.default_rng(2)))

    assert (found.n, found.groups, found.seeds) == (GROUPS, GROUPS, 5)
    assert found.seed == plan().seed


def test_interval_and_p_value_tell_the_same():
    """With a normal spread the stretched percentiles and t agree on which level just touches 0."""
    scores = scores_of(np.random.default_rng(3), mean=0.35)
    resampled = plan(resamples=20_000)
    p = judged(scores, resampled).p_value

    found = judged(scores, resampled, confidence=1 - p)

    assert found.low == pytest.approx(0, abs=0.03)


def test_one_seed_is_the_plain_bootstrap_with_a_note():
    scores = scores_of(np.random.default_rng(4), seeds=1)
    resampled = plan()
    estimates, replicates = arrays(scores, weights_of(resampled))

    found = judged(scores, resampled)

    plain = interval(float(estimates[0]), replicates[0], None, draws=resampled, method="percentile")
    assert (found.ci, found.p_value, found.se) == (plain.ci, plain.p_value, plain.se)
    assert found.sd is None
    assert "one seed" in found.note


@pytest.mark.parametrize(("seeds", "noted"), [(2, True), (4, True), (5, False)])
def test_few_seeds_are_noted(seeds, noted):
    found = judged(scores_of(np.random.default_rng(5), seeds=seeds))

    assert (f"only {seeds} seeds" in found.note) == noted


def test_fewer_seeds_widen_the_interval():
    scores = scores_of(np.random.default_rng(6), seeds=20, seed_sd=0.2)

    widths = [judged(scores[:seeds]).high - judged(scores[:seeds]).low for seeds in (2, 5, 20)]

    assert widths == sorted(widths, reverse=True)


def test_the_same_generator_gives_the_same_interval():
    scores = scores_of(np.random.default_rng(7))

    assert judged(scores) == judged(scores)


def test_a_model_against_itself_does_not_differ():
    scores = scores_of(np.random.default_rng(8))

    for paired in (False, True):
        found = compared(scores, scores, paired_seeds=paired)

        assert (found.estimate, found.p_value) == (0.0, 1.0)
        assert found.low <= 0 <= found.high


def test_swapping_the_models_flips_the_signs():
    rng = np.random.default_rng(10)
    a, b = scores_of(rng, mean=0.3), scores_of(rng, seeds=3)

    there, back = compared(a, b), compared(b, a)

    assert back.estimate == -there.estimate
    assert back.p_value == pytest.approx(there.p_value)
    assert (back.seeds, back.sds) == (there.seeds[::-1], there.sds[::-1])
    assert back.low == pytest.approx(-there.high, abs=0.05)


def test_paired_seeds_are_one_column_of_differences():
    rng = np.random.default_rng(11)
    a, b = scores_of(rng), scores_of(rng)

    found = compared(a, b, paired_seeds=True)

    alone = judged(a - b, plan(resamples=2_000))
    assert found.ci == pytest.approx(alone.ci)
    assert found.p_value == pytest.approx(alone.p_value)


def test_pairing_removes_what_the_seeds_share():
    rng = np.random.default_rng(12)
    shift = rng.normal(size=(5, 1))
    a, b = (shift + scores_of(rng, seed_sd=0.02) for _ in "ab")

    assert compared(a, b, paired_seeds=True).se < compared(a, b).se / 2


def test_one_seed_of_one_model_is_noted():
    rng = np.random.default_rng(13)

    found = compared(scores_of(rng), scores_of(rng, seeds=1))

    assert "one seed" in found.note
    assert found.sds[1] is None


def test_unequal_seeds_cannot_be_paired():
    rng = np.random.default_rng(14)

    with pytest.raises(ValueError, match="5 and 4 seeds"):
        compared(scores_of(rng), scores_of(rng, seeds=4), paired_seeds=True)


def test_a_single_group_gives_no_interval():
    single = plan(3, 50, groups=["a"] * 3)

    found = seed_group_interval([0.8, 0.9], np.ones((2, 50)), draws=single, rng=generator())

    assert (found.ci, found.p_value, found.method) == ((None, None), None, "none")
    assert "single group" in found.note


def test_many_undefined_resamples_give_no_interval():
    replicates = np.random.default_rng(15).normal(size=(2, 400))
    replicates[0, :100] = np.nan

    found = seed_group_interval([0.8, 0.9], replicates, draws=plan(), rng=generator())

    assert found.low is None
    assert "25.0%" in found.note


def test_a_few_undefined_resamples_are_noted():
    scores = scores_of(np.random.default_rng(16))
    resampled = plan()
    estimates, replicates = arrays(scores, weights_of(resampled))
    replicates[0, :4] = np.nan

    found = seed_group_interval(estimates, replicates, draws=resampled, rng=generator())

    assert found.low < found.estimate < found.high
    assert "1.00% of the resamples" in found.note


def test_identical_seeds_without_any_spread_do_not_crash():
    found = seed_group_interval(np.ones(5), np.ones((5, 400)), draws=plan(), rng=generator())

    assert found.low is None
    assert "not informative" in found.note


def test_an_undefined_seed_is_not_passed_over():
    with pytest.raises(UndefinedMetric, match="1 of 2 seeds"):
        seed_group_interval([0.8, np.nan], np.ones((2, 400)), draws=plan(), rng=generator())


@pytest.mark.parametrize(
    ("estimates", "replicates"),
    [(np.ones((2, 2)), np.ones((2, 400))), (np.ones(2), np.ones((2, 3))), ([], np.ones((0, 400)))],
)
def test_shapes_that_do_not_fit_are_refused(estimates, replicates):
    with pytest.raises(ValueError, match="have shape"):
        seed_group_interval(estimates, replicates, draws=plan(), rng=generator())


def test_the_interval_covers_new_seeds_and_new_groups():
    """Seeds spread as much as the sampling does; without them a third of the truths is missed."""
    rng = np.random.default_rng(17)
    resampled = plan()
    weights = weights_of(resampled)
    covered, ignoring = [], []
    for _ in range(800):
        estimates, replicates = arrays(scores_of(rng, seed_sd=0.2), weights)
        found = seed_group_interval(estimates, replicates, draws=resampled, rng=rng)
        low, high = np.quantile(replicates.mean(axis=0), [0.025, 0.975])
        covered.append(found.low <= 0 <= found.high)
        ignoring.append(low <= 0 <= high)

    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)
    assert np.mean(ignoring) < np.mean(covered) - 0.05


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("seeds", [2, 5])
def test_equal_models_are_rarely_told_apart(seeds, paired):
    rng = np.random.default_rng(18)
    resampled = plan(resamples=300)
    weights = weights_of(resampled)
    p_values, naive = [], []
    for _ in range(600):
        cases = rng.normal(size=GROUPS)
        sides = [arrays(scores_of(rng, seeds=seeds, cases=cases), weights) for _ in range(2)]
        found = seed_group_difference(*sides[0], *sides[1], draws=resampled, rng=rng, paired_seeds=paired)
        gap = sides[0][1].mean(axis=0) - sides[1][1].mean(axis=0)
        naive.append(interval(found.estimate, gap, None, draws=resampled).p_value)
        p_values.append(found.p_value)

    assert np.mean(np.array(p_values) < 0.05) <= 0.07
    assert np.mean(np.array(naive) < 0.05) > 0.3


def test_a_better_model_is_told_apart():
    rng = np.random.default_rng(19)
    cases = rng.normal(size=GROUPS)

    found = compared(scores_of(rng, seed_sd=0.05, mean=0.3, cases=cases), scores_of(rng, seed_sd=0.05, cases=cases))

    assert found.p_value < 0.01
    assert found.low > 0


def test_the_smallest_p_value_is_not_zero():
    values = 1e6 + np.arange(5.0)
    replicates = values[:, None] + np.random.default_rng(20).normal(size=(5, 400))

    found = seed_group_interval(values, replicates, draws=plan(), rng=generator())

    assert 0 < found.p_value < 1e-9


def test_seeds_that_cancel_in_every_resample_still_give_an_interval():
    """Neither the mean nor the scores have a spread, only the seeds within a resample."""
    swing = np.random.default_rng(21).normal(size=400)

    found = seed_group_interval([0.5, 0.5], 0.5 + np.array([swing, -swing]), draws=plan(), rng=generator())

    assert found.low < 0.5 < found.high

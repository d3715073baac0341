import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import bootstrap, draws, interval


def mean(x):
    return float(np.mean(x))


def plan(n, *, seed=0, resamples=500, **others):
    return draws(n, rng=np.random.default_rng(seed), resamples=resamples, **others)


def skewed(n=40, seed=0):
    return np.random.default_rng(seed).exponential(size=n)


def test_bca_agrees_with_scipy_on_the_same_resamples():
    """scipy draws its own rows, so only the two corrections are compared, through the ends."""
    x = skewed()
    draw = plan(40, resamples=20_000)

    found = bootstrap(mean, {"x": x}, draws=draw)

    expected = scipy.stats.bootstrap((x,), np.mean, n_resamples=20_000, rng=np.random.default_rng(1), method="BCa")
    ends = list(expected.confidence_interval)
    assert [found.low, found.high] == pytest.approx(ends, abs=0.02)


def test_equal_draws_pair_two_statistics():
    x = skewed()
    draw = plan(40)

    found = bootstrap(lambda a, b: mean(a) - mean(b), {"a": x + 0.1, "b": x}, draws=draw)

    assert (found.low, found.p_value) == (None, None)
    assert "all resamples are equal" in found.note


def test_model_against_itself_has_no_difference():
    x = skewed()

    found = bootstrap(lambda a, b: mean(a) - mean(b), {"a": x, "b": x}, draws=plan(40))

    assert (found.low, found.high, found.p_value, found.method) == (0, 0, 1, "percentile")
    assert "all resamples are equal" in found.note


def test_p_value_of_a_clear_difference_is_the_smallest_possible():
    found = bootstrap(mean, {"x": skewed() + 5}, draws=plan(40, resamples=999))

    assert found.p_two_sided_plus1 == pytest.approx(2 / 1_000)


def test_few_groups_are_told():
    assert "only 12 groups" in bootstrap(mean, {"x": skewed(12)}, draws=plan(12)).note
    assert "only" not in bootstrap(mean, {"x": skewed()}, draws=plan(40)).note


def test_an_interval_says_what_it_was_drawn_from():
    drawn = plan(40)

    found = bootstrap(mean, {"x": skewed()}, draws=drawn)

    assert found.seed == drawn.seed
    assert found.ci == (found.low, found.high)


@pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
def test_method_that_was_used_is_named(method):
    assert bootstrap(mean, {"x": skewed()}, draws=plan(40), method=method).method == method


def test_missing_jackknife_falls_back_to_percentile_with_a_note():
    found = interval(0.5, np.linspace(0, 1, 101), None, draws=plan(10))

    assert found.method == "percentile"
    assert [found.low, found.high] == pytest.approx([0.025, 0.975])
    assert "BCa is undefined" in found.note


def test_estimate_outside_all_resamples_falls_back_to_percentile():
    found = interval(2.0, np.linspace(0, 1, 101), np.arange(10.0), draws=plan(10))

    assert found.method == "percentile"


def test_undefined_jackknife_falls_back_to_percentile():
    found = interval(0.5, np.linspace(0, 1, 101), np.full(10, np.nan), draws=plan(10))

    assert found.method == "percentile"


def test_few_undefined_resamples_are_left_out_and_counted():
    values = np.r_[np.linspace(0, 1, 99), np.nan]

    found = interval(0.5, values, None, draws=plan(10), method="percentile")

    assert found.undefined_share == pytest.approx(0.01)
    assert "1.00% of the resamples are undefined" in found.note


def test_many_undefined_resamples_refuse_the_interval():
    values = np.r_[np.linspace(0, 1, 90), np.full(10, np.nan)]

    found = interval(0.5, values, None, draws=plan(10), method="percentile")

    assert (found.low, found.high, found.se, found.p_value) == (None, None, None, None)
    assert found.note == "no interval: undefined in 10.0% of the resamples"


def test_a_single_group_refuses_the_interval():
    found = bootstrap(mean, {"x": skewed(3)}, draws=plan(3, groups=["a", "a", "a"]))

    assert found.low is None
    assert "single group" in found.note


def test_statistic_that_raises_undefined_counts_as_undefined():
    def fragile(x):
        if len(np.unique(x)) < 5:
            raise UndefinedMetric("too few values")
        return mean(x)

    found = bootstrap(fragile, {"x": np.arange(5.0)}, draws=plan(5), method="percentile")

    assert found.undefined_share > 0.9


@pytest.mark.parametrize("nothing", [None, np.nan])
def test_statistic_that_does_not_exist_for_the_cases_has_no_interval(nothing):
    with pytest.raises(UndefinedMetric):
        bootstrap(lambda x: nothing, {"x": skewed()}, draws=plan(40))


def test_column_of_another_length_is_refused():
    with pytest.raises(ValueError, match="column 'x' has 3 rows, the draws 40"):
        bootstrap(mean, {"x": skewed(3)}, draws=plan(40))


def test_impossible_confidence_is_refused():
    with pytest.raises(ValueError, match="confidence"):
        interval(0.5, np.linspace(0, 1, 101), None, draws=plan(10), confidence=95)


def test_result_counts_cases_and_groups():
    found = bootstrap(mean, {"x": skewed(6)}, draws=plan(6, groups=list("aabbcc")))

    assert (found.n, found.groups, found.resamples) == (6, 3, 500)


def test_strata_are_named_in_the_note():
    found = bootstrap(mean, {"x": skewed(6)}, draws=plan(6, strata=[0, 0, 0, 1, 1, 1]))

    assert "conditional on the class mix" in found.note


@given(st.permutations(range(12)))
def test_order_of_cases_changes_nothing(order):
    x, groups = skewed(12), np.array(list("aabbccddeeff"))

    before, after = (
        bootstrap(mean, {"x": x[rows]}, draws=plan(12, resamples=200, groups=groups[rows]))
        for rows in (np.arange(12), np.array(order))
    )

    assert [after.low, after.high] == pytest.approx([before.low, before.high], abs=1e-12)


@given(st.integers(2, 4), st.integers(0, 100))
def test_repeated_images_of_a_patient_do_not_narrow_an_interval(copies, seed):
    x = skewed(30, seed)
    patients = np.arange(30)

    once = bootstrap(mean, {"x": x}, draws=plan(30, groups=patients))
    repeated = bootstrap(mean, {"x": np.repeat(x, copies)}, draws=plan(30 * copies, groups=np.repeat(patients, copies)))

    assert [repeated.low, repeated.high] == pytest.approx([once.low, once.high])


def clustered(rng, *, patients=100, images=5):
    """Right and wrong answers of accuracy .8, latent correlation .5 within a patient."""
    shared = rng.normal(size=(patients, 1))
    latent = np.sqrt(0.5) * (shared + rng.normal(size=(patients, images)))
    return (latent < scipy.stats.norm.ppf(0.8)).ravel().astype(int)


def coverage(groups, runs):
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(runs):
        right = clustered(rng)
        draw = draws(right.size, rng=rng, resamples=200, groups=groups)
        hits, cases = np.bincount(draw.group_of, right), np.bincount(draw.group_of)
        weights = np.concatenate(list(draw.chunks()))
        without = (hits.sum() - hits) / (cases.sum() - cases)
        ends = interval(right.mean(), weights @ hits / (weights @ cases), without, draws=draw)
        covered += ends.low <= 0.8 <= ends.high
    return covered / runs


def test_interval_by_patient_covers_95_per_cent():
    assert coverage(np.repeat(np.arange(100), 5), runs=400) == pytest.approx(0.95, abs=0.03)


def test_interval_by_image_covers_far_less():
    """The classic error: about 81 % in reference/statistics.md."""
    assert coverage(None, runs=150) < 0.88


def test_difference_of_equal_models_is_rarely_significant():
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(600):
        a, b = rng.normal(size=(2, 80))
        draw = draws(80, rng=rng, resamples=199)
        weights = np.concatenate(list(draw.chunks()))
        values = weights @ (a - b) / 80
        p_values.append(interval(mean(a - b), values, None, draws=draw).p_value)

    assert 0.02 < np.mean(np.array(p_values) <= 0.05) < 0.08


def test_ends_beyond_the_reach_of_bca_fall_back_to_percentile():
    """One group carries all the skewness, and the confidence asks for more than 6 sigma."""
    jackknife = np.r_[0.0, np.ones(999)]

    found = interval(0.5, np.linspace(0, 1, 101), jackknife, draws=plan(1_000), confidence=1 - 1e-9)

    assert found.method == "percentile"


def test_equal_resamples_of_a_difference_prove_nothing():
    """A perfect model against a constant one on few cases: no resample ever differs."""
    drawn = draws(6, rng=np.random.default_rng(0), resamples=2000, strata=[0, 0, 0, 1, 1, 1])

    found = interval(0.667, np.full(2000, 0.667), np.full(6, 0.667), draws=drawn)

    assert (found.low, found.high, found.p_value) == (None, None, None)
    assert "not informative" in found.note


def test_a_model_against_itself_differs_by_nothing():
    drawn = draws(6, rng=np.random.default_rng(0), resamples=2000, strata=[0, 0, 0, 1, 1, 1])

    found = interval(0.0, np.zeros(2000), np.zeros(6), draws=drawn)

    assert (found.low, found.high, found.p_value) == (0.0, 0.0, 1.0)


def test_classes_with_one_group_each_give_no_interval():
    drawn = draws(6, rng=np.random.default_rng(0), groups=list("aaabbb"), strata=[0, 0, 0, 1, 1, 1])

    found = interval(0.5, np.linspace(0, 1, 10_000), None, draws=drawn)

    assert found.low is None
    assert "single group" in found.note

import numpy as np
import pytest
from scipy.stats import binom, chi2

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import clopper_pearson, mcnemar, minimum_detectable_difference, wilson


def test_wilson_of_all_reaches_one_exactly():
    assert wilson(20, 20).high == 1.0


def test_wilson_of_none_reaches_zero_exactly():
    assert wilson(0, 20).low == 0.0


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_wilson_covers_about_95_per_cent(share):
    """By enumeration of every count in 200 cases."""
    counts = np.arange(201)
    intervals = [wilson(int(count), 200) for count in counts]

    covered = [found.low <= share <= found.high for found in intervals]

    assert binom.pmf(counts, 200, share)[covered].sum() == pytest.approx(0.95, abs=0.02)


def test_wilson_of_no_cases_is_undefined():
    with pytest.raises(UndefinedMetric):
        wilson(0, 0)


@pytest.mark.parametrize("successes", [-1, 3])
def test_more_successes_than_cases_are_refused(successes):
    with pytest.raises(ValueError, match="successes in 2"):
        wilson(successes, 2)


def test_wilson_by_hand():
    """Half of 100: 1/2 ± z / (2 √(100 + z²))."""
    half = 1.959964 / (2 * np.sqrt(100 + 1.959964**2))

    assert wilson(50, 100).ci == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10)])
def test_exact_interval_of_one_proportion_never_covers_too_little(hits, n):
    """The chance of what was seen, or more, is 2.5 % at each end."""
    found = clopper_pearson(hits, n)

    if hits:
        assert binom.sf(hits - 1, n, found.low) == pytest.approx(0.025)
    if hits < n:
        assert binom.cdf(hits, n, found.high) == pytest.approx(0.025)
    assert (found.low == 0, found.high == 1) == (hits == 0, hits == n)


def test_mid_p_by_hand():
    """4 to 0: 2/16 less 1/16."""
    assert mcnemar(4, 0).p_value == pytest.approx(0.0625)


def test_identical_models_do_not_differ():
    found = mcnemar(0, 0)

    assert (found.p_value, found.p_exact, found.p_asymptotic) == (1.0, 1.0, 1.0)
    assert "no discordant cases" in found.note


def test_order_of_models_does_not_change_the_p_value():
    assert mcnemar(12, 5).p_value == mcnemar(5, 12).p_value


def test_odds_ratio_is_the_ratio_of_discordant_cases():
    assert mcnemar(12, 5).odds_ratio == 2.4


def test_odds_ratio_without_a_second_side_is_unknown():
    assert mcnemar(3, 0).odds_ratio is None


def test_few_discordant_cases_are_named():
    assert "only 7 discordant" in mcnemar(5, 2).note


def rejection(share_of_b, *, n=200, discordant=0.15):
    """Chance that mid-p is below .05 in n cases, by enumeration of every pair of counts."""
    total = 0.0
    for m in range(n + 1):
        likely = binom.pmf(m, n, discordant)
        if likely > 1e-4:
            rejected = [mcnemar(b, m - b).p_value < 0.05 for b in range(m + 1)]
            total += likely * binom.pmf(np.arange(m + 1), m, share_of_b)[rejected].sum()
    return total


def test_mid_p_keeps_its_level():
    assert 0.03 < rejection(0.5) < 0.06


def test_mid_p_sees_a_large_difference():
    assert rejection(0.8) > 0.85


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="0 or more"):
        mcnemar(-1, 2)


@pytest.mark.parametrize(("n", "points"), [(200, 6.3), (500, 4.0), (1_000, 2.8), (5_000, 1.25)])
def test_visible_difference_of_the_reference_table(n, points):
    assert 100 * minimum_detectable_difference(0.1, n) == pytest.approx(points, abs=0.05)


def test_no_cases_show_no_difference():
    with pytest.raises(UndefinedMetric):
        minimum_detectable_difference(0.1, 0)


def test_a_discordant_share_above_one_is_refused():
    with pytest.raises(ValueError, match="share"):
        minimum_detectable_difference(1.1, 10)


def score(b, c, n, difference):
    """Tango's score of a difference, with the restricted estimate found on a fine grid."""
    grid = np.linspace(max(0.0, -difference), (1 - difference) / 2, 200_001)[1:-1]
    first = grid + difference
    with np.errstate(divide="ignore"):
        likelihood = b * np.log(first) + c * np.log(grid)
        likelihood += (n - b - c) * np.log(1 - first - grid)
    best = grid[likelihood.argmax()]
    return (b - c - n * difference) / np.sqrt(n * (2 * best + difference * (1 - difference)))


@pytest.mark.parametrize(("b", "c", "n"), [(12, 4, 50), (1, 6, 20)])
def test_ends_of_a_difference_are_where_the_score_is_a_quantile(b, c, n):
    result = mcnemar(b, c, total=n)

    assert score(b, c, n, result.low) == pytest.approx(1.96, abs=0.01)
    assert score(b, c, n, result.high) == pytest.approx(-1.96, abs=0.01)
    assert result.difference == (b - c) / n


def test_without_discordant_cases_the_interval_surrounds_zero():
    """The ends are ± z²/(n + z²)."""
    edge = 1.959964**2 / (40 + 1.959964**2)

    assert mcnemar(0, 0, total=40).ci == pytest.approx((-edge, edge), abs=1e-6)


@pytest.mark.parametrize("b", range(0, 25, 3))
def test_interval_excludes_zero_exactly_if_chi_squared_is_significant(b):
    result = mcnemar(b, 6, total=60)

    significant = result.chi2 > chi2.isf(0.05, 1)
    assert significant == (result.low > 0 or result.high < 0)


def test_interval_of_a_difference_covers_the_true_value():
    cells = np.random.default_rng(0).multinomial(120, [0.6, 0.15, 0.1, 0.15], size=1_500)

    results = [mcnemar(b, c, total=120) for _, b, c, _ in cells]

    covered = sum(result.low <= 0.05 <= result.high for result in results)
    assert 0.93 <= covered / 1_500 <= 0.97


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="discordant cases out of 5"):
        mcnemar(4, 2, total=5)
    with pytest.raises(UndefinedMetric, match="no cases"):
        mcnemar(0, 0, total=0)

import numpy as np
import pytest
from scipy.stats import chi2

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import mcnemar, newcombe_paired, tango_interval
from arogya_bench.statistics.proportions import clopper_pearson, wilson


def score(b, c, n, difference):
    """Tango's score of a difference, with the restricted estimate found on a fine grid."""
    grid = np.linspace(max(0.0, -difference), (1 - difference) / 2, 200_001)[1:-1]
    first = grid + difference
    with np.errstate(divide="ignore"):
        likelihood = b * np.log(first) + c * np.log(grid)
        likelihood += (n - b - c) * np.log(1 - first - grid)
    best = grid[likelihood.argmax()]
    return (b - c - n * difference) / np.sqrt(n * (2 * best + difference * (1 - difference)))


@pytest.mark.parametrize(("b", "c", "n"), [(12, 4, 50), (30, 20, 200), (1, 6, 20)])
def test_ends_are_where_the_score_is_a_quantile(b, c, n):
    found = tango_interval(b, c, n)

    assert score(b, c, n, found.low) == pytest.approx(1.96, abs=0.01)
    assert score(b, c, n, found.high) == pytest.approx(-1.96, abs=0.01)
    assert found.estimate == (b - c) / n


def test_no_discordant_case_leaves_an_interval_around_zero():
    """The ends are ± z²/(n + z²)."""
    found = tango_interval(0, 0, 40)

    edge = 1.959964**2 / (40 + 1.959964**2)
    assert found.ci == pytest.approx((-edge, edge), abs=1e-6)
    assert "no discordant cases" in found.note


@pytest.mark.parametrize("b", range(0, 25, 3))
def test_zero_lies_outside_just_when_chi_squared_says_so(b):
    found = mcnemar(b, 6, total=60)

    significant = found.chi2 > chi2.isf(0.05, 1)
    assert significant == (found.low > 0 or found.high < 0)
    assert found.difference == (b - 6) / 60


@pytest.mark.parametrize("interval", ["tango", "newcombe"])
def test_swapping_the_models_turns_the_interval_around(interval):
    if interval == "tango":
        found, turned = tango_interval(9, 2, 40), tango_interval(2, 9, 40)
    else:
        found, turned = newcombe_paired(20, 9, 2, 9), newcombe_paired(20, 2, 9, 9)

    assert turned.ci == pytest.approx((-found.high, -found.low))


def test_newcombe_without_correlation_is_that_of_two_samples():
    """With a d = b c the models are right independently."""
    found = newcombe_paired(16, 24, 24, 36)

    first = wilson(40, 100)
    half = np.hypot(0.4 - first.low, first.high - 0.4)
    assert found.ci == pytest.approx((-half, half))


@pytest.mark.parametrize("interval", ["tango", "newcombe"])
def test_ends_cover_the_truth(interval):
    rng = np.random.default_rng(0)
    cells = rng.multinomial(120, [0.6, 0.15, 0.1, 0.15], size=1_500)
    covered = 0
    for a, b, c, d in cells:
        tango = interval == "tango"
        found = tango_interval(b, c, 120) if tango else newcombe_paired(a, b, c, d)
        covered += found.low <= 0.05 <= found.high

    assert 0.93 <= covered / 1_500 <= 0.97


def test_one_sided_tables_have_an_interval():
    found = newcombe_paired(0, 0, 0, 7)

    assert found.low <= 0 <= found.high


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10)])
def test_exact_interval_of_one_proportion_never_covers_too_little(hits, n):
    """The chance of what was seen, or more, is 2.5 % at each end."""
    from scipy.stats import binom

    found = clopper_pearson(hits, n)

    if hits:
        assert binom.sf(hits - 1, n, found.low) == pytest.approx(0.025)
    if hits < n:
        assert binom.cdf(hits, n, found.high) == pytest.approx(0.025)
    assert (found.low == 0, found.high == 1) == (hits == 0, hits == n)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="discordant cases out of 5"):
        mcnemar(4, 2, total=5)
    with pytest.raises(ValueError, match="negative"):
        newcombe_paired(-1, 0, 0, 2)
    with pytest.raises(UndefinedMetric, match="no cases"):
        newcombe_paired(0, 0, 0, 0)
    with pytest.raises(UndefinedMetric, match="no cases"):
        mcnemar(0, 0, total=0)

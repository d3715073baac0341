import numpy as np
import pytest

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import draws
from arogya_bench.statistics.variance_components import variance_split

TERMS = ("training_seed", "augmentation_draw", "test_sample", "residual", "sample_interaction")


def plan(n=100, resamples=200, **columns):
    return draws(n, rng=np.random.default_rng(0), resamples=resamples, **columns)


def variances(found):
    return [getattr(found, name).variance for name in TERMS]


def made(rng, sds, *, seeds, augmentations, groups=60, resamples=200):
    """Scores of cases with known spread, their means, and the means of resamples."""
    of_seed, of_draw, of_both, of_case, of_interaction = sds
    cells = (
        of_seed * rng.normal(size=(seeds, 1))
        + of_draw * rng.normal(size=(1, augmentations))
        + of_both * rng.normal(size=(seeds, augmentations))
    )
    cases = of_case * rng.normal(size=groups) + of_interaction * rng.normal(size=(seeds, 1, groups))
    scores = cells[..., None] + cases
    resampled = plan(groups, resamples)
    weights = np.concatenate(list(resampled.chunks())) / groups
    return scores.mean(axis=2), scores @ weights.T, resampled


def test_the_terms_by_hand():
    """Seeds 0 and 2 apart, draws 1 apart, nothing left over; resamples shift all alike."""
    estimates = np.array([[0.0, 1.0], [2.0, 3.0]])
    shift = np.array([-1.0, 0.0, 1.0])

    found = variance_split(estimates, estimates[..., None] + shift, draws=plan(resamples=3))

    assert variances(found) == pytest.approx([2, 0.5, 1, 0, 0])
    assert found.training_seed.sd == pytest.approx(np.sqrt(2))
    assert found.test_sample.share == pytest.approx(1 / 3.5)
    assert found.estimate == 1.5
    assert (found.seeds, found.augmentation_draws, found.n, found.groups) == (2, 2, 100, 100)


def test_moments_agree_with_two_way_mean_squares():
    rng = np.random.default_rng(4)
    estimates = rng.normal(size=(4, 3)) + 5 * rng.normal(size=(4, 1)) + 5 * rng.normal(size=3)
    rows, columns, grand = estimates.mean(axis=1), estimates.mean(axis=0), estimates.mean()
    rest = sum((estimates[s, a] - rows[s] - columns[a] + grand) ** 2 for s in range(4) for a in range(3)) / (3 * 2)
    between_seeds = 3 * sum((row - grand) ** 2 for row in rows) / 3
    between_draws = 4 * sum((column - grand) ** 2 for column in columns) / 2

    found = variance_split(estimates, np.repeat(estimates[..., None], 5, 2), draws=plan(9, 5))

    expected = [(between_seeds - rest) / 3, (between_draws - rest) / 4, 0, rest, 0]
    assert variances(found) == pytest.approx(expected)


def test_shares_sum_to_one():
    found = variance_split(*made_arrays(), draws=plan(60))

    assert sum(getattr(found, name).share for name in TERMS) == pytest.approx(1)


def made_arrays():
    estimates, replicates, _ = made(np.random.default_rng(0), (1, 1, 1, 3, 1), seeds=5, augmentations=4)
    return estimates, replicates


def test_known_components_are_found_on_average():
    """Sample term: 4/60 of the cases and .5²/60/4 of the interaction, averaged over seeds."""
    rng = np.random.default_rng(5)
    sds = (0.4, 0.3, 0.2, 2.0, 0.5)
    rows = []
    for _ in range(600):
        estimates, replicates, resampled = made(rng, sds, seeds=4, augmentations=5, resamples=60)
        found = variance_split(estimates, replicates, draws=resampled)
        rows.append([term or 0.0 for term in variances(found)])

    means = np.mean(rows, axis=0)

    expected = [0.16, 0.09, (4 + 0.25 / 4) / 60, 0.04, 0.25 / 60]
    assert means == pytest.approx(expected, rel=0.12)


def test_the_luck_of_the_test_sample_is_not_blamed_on_the_seed():
    """All seeds are equally good; they differ in which cases they get right."""
    rng = np.random.default_rng(6)
    blamed, moved = [], []
    for _ in range(300):
        estimates, replicates, resampled = made(rng, (0, 0, 0, 1, 1), seeds=5, augmentations=1, resamples=60)
        found = variance_split(estimates, replicates, draws=resampled)
        blamed.append(found.training_seed.variance)
        moved.append(found.sample_interaction.variance)

    assert np.mean(moved) == pytest.approx(1 / 60, rel=0.1)
    assert np.mean(blamed) < 0.3 / 60


def test_a_term_below_zero_is_given_as_zero_and_flagged():
    estimates = np.array([[0.0, 1.0], [1.0, 0.0]])

    found = variance_split(estimates, np.repeat(estimates[..., None], 4, 2), draws=plan(9, 4))

    assert found.training_seed.variance == 0
    assert found.training_seed.truncated
    assert "replaced by 0" in found.training_seed.note
    assert not found.residual.truncated


def test_one_draw_has_no_term_of_its_own():
    estimates = np.array([[0.8], [0.9]])

    found = variance_split(estimates, np.repeat(estimates[..., None], 4, 2), draws=plan(9, 4))

    assert found.augmentation_draw.variance is None
    assert "single draw" in found.augmentation_draw.note
    assert found.residual.variance is None
    assert found.training_seed.variance == pytest.approx(0.005)
    assert "interaction of seed and draw" in found.training_seed.note


def test_one_seed_has_no_term_of_its_own():
    estimates = np.array([[0.8, 0.9]])

    found = variance_split(estimates, np.repeat(estimates[..., None], 4, 2), draws=plan(9, 4))

    assert found.training_seed.variance is None
    assert "single seed" in found.training_seed.note
    assert found.augmentation_draw.variance == pytest.approx(0.005)


def test_one_seed_and_one_draw_leave_the_test_sample():
    found = variance_split([[0.5]], [[[0.4, 0.5, 0.6]]], draws=plan(9, 3))

    assert variances(found) == [None, None, pytest.approx(0.01), None, None]
    assert found.test_sample.share == 1
    assert all(getattr(found, name).note for name in TERMS if name != "test_sample")


def test_identical_scores_have_no_spread_and_no_shares():
    found = variance_split(np.full((3, 3), 0.1), np.full((3, 3, 5), 0.1), draws=plan(9, 5))

    assert variances(found) == [0, 0, 0, 0, 0]
    assert all(getattr(found, name).share is None for name in TERMS)
    assert not any(getattr(found, name).truncated for name in TERMS)


def test_order_of_seeds_and_draws_does_not_matter():
    estimates, replicates = made_arrays()
    resampled = plan(60)

    found = variance_split(estimates[::-1, ::-1], replicates[::-1, ::-1], draws=resampled)

    straight = variance_split(estimates, replicates, draws=resampled)
    assert variances(found) == pytest.approx(variances(straight))


def test_a_single_group_tells_nothing_of_the_test_sample():
    estimates = np.array([[0.8, 0.7], [0.9, 0.7]])
    single = plan(3, 4, groups=["a"] * 3)

    found = variance_split(estimates, np.repeat(estimates[..., None], 4, 2), draws=single)

    assert found.test_sample.variance is None
    assert "no stratum holds two groups" in found.test_sample.note
    assert "interaction with the test sample" in found.training_seed.note


def test_many_undefined_resamples_leave_no_term_of_the_test_sample():
    estimates, replicates = made_arrays()
    replicates[0, 0, :100] = np.nan

    found = variance_split(estimates, replicates, draws=plan(60))

    assert found.test_sample.variance is None
    assert "50.0%" in found.test_sample.note
    assert found.training_seed.variance is not None


def test_a_few_undefined_resamples_are_left_out_and_noted():
    estimates, replicates = made_arrays()
    replicates[0, 0, :2] = np.nan

    found = variance_split(estimates, replicates, draws=plan(60))

    assert found.test_sample.variance == pytest.approx(replicates[:, :, 2:].mean(axis=(0, 1)).var(ddof=1))
    assert "1.00% of the resamples" in found.note


def test_an_undefined_estimate_leaves_nothing_to_split():
    with pytest.raises(UndefinedMetric, match="1 of 2"):
        variance_split([[0.5, np.nan]], np.zeros((1, 2, 4)), draws=plan(9, 4))


@pytest.mark.parametrize("shape", [(2, 4), (2, 2, 5), (2, 1, 4)])
def test_replicates_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"not \(2, 2, 4\)"):
        variance_split(np.zeros((2, 2)), np.zeros(shape), draws=plan(9, 4))


def test_estimates_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\), not \(seeds, draws\)"):
        variance_split(np.zeros(2), np.zeros((2, 4)), draws=plan(9, 4))


def test_a_single_resample_has_no_spread():
    found = variance_split([[0.5]], [[[0.4]]], draws=plan(9, 1))

    assert found.test_sample.variance is None
    assert "single resample" in found.test_sample.note

import numpy as np
import pytest
from scipy.special import ndtri

from arogya_bench.statistics.group_variance import GroupStrata
from arogya_bench.statistics.multiplicity import adjust
from arogya_bench.statistics.paired_differences import all_paired_differences
from arogya_bench.statistics.seed_variance import SeedScores
from arogya_bench.statistics.step_down import step_down_p_values


def differences(means, groups=200, seed=0):
    """Every pair of rows whose groups score around the means."""
    rng = np.random.default_rng(seed)
    scores = np.array(means)[:, None] + 0.3 * rng.standard_normal((len(means), groups))
    rows = [
        SeedScores(estimates=np.array([row.mean()]), changes=((row - row.mean()) / (groups - 1))[None])
        for row in scores
    ]
    strata = GroupStrata(stratum_of=np.zeros(groups, dtype=np.int64), class_mix_varies=True)
    return all_paired_differences(rows, strata, rng=np.random.default_rng(1))


def test_each_step_reads_the_largest_of_the_statistics_that_remain():
    found = differences([0.90, 0.83, 0.80])

    adjusted = step_down_p_values(found)

    pairs = sorted(found.by_pair, key=lambda pair: found.by_pair[pair].p_value)
    errors = {(i, j): found.normal_draws[:, i] - found.normal_draws[:, j] for i, j in pairs}
    statistics = {pair: np.abs(error) / error.std() for pair, error in errors.items()}
    so_far = 0.0
    for step, pair in enumerate(pairs):
        p_value = found.by_pair[pair].p_value
        largest = np.max([statistics[other] for other in pairs[step:]], axis=0)
        joint = (1 + (largest >= -ndtri(p_value / 2)).sum()) / (largest.size + 1)
        so_far = max(so_far, p_value, min(joint, (len(pairs) - step) * p_value))
        assert adjusted[pair] == pytest.approx(so_far)


def test_it_lies_between_the_single_pair_and_the_single_step():
    found = differences([0.90, 0.84, 0.83, 0.80], seed=3)

    adjusted = step_down_p_values(found)

    holm = dict(zip(found.by_pair, adjust([pair.p_value for pair in found.by_pair.values()]), strict=True))
    for pair, result in found.by_pair.items():
        assert result.p_value <= adjusted[pair] <= result.p_adjusted + 1e-12
        assert adjusted[pair] <= holm[pair] + 1e-12
    assert sum(adjusted[pair] < result.p_adjusted for pair, result in found.by_pair.items()) > 0


def test_equal_rows_are_never_told_apart():
    found = differences([0.9, 0.8])
    same = all_paired_differences(
        [SeedScores(estimates=np.array([0.9]), changes=np.zeros((1, 30)))] * 2,
        GroupStrata(stratum_of=np.zeros(30, dtype=np.int64), class_mix_varies=True),
        rng=np.random.default_rng(1),
    )

    assert step_down_p_values(same) == {(0, 1): 1.0}
    assert step_down_p_values(found)[0, 1] == pytest.approx(found.by_pair[0, 1].p_value)

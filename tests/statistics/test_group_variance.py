import numpy as np
import pytest

from arogya_bench.statistics import GroupStrata, group_variance
from arogya_bench.statistics.group_variance import NO_STRATUM


def one_stratum(groups):
    return GroupStrata(stratum_of=np.zeros(groups, dtype=np.int64), class_mix_varies=True)


def changes_of_mean(values):
    """The mean minus the mean without each value."""
    return (values - values.mean()) / (values.size - 1)


def test_the_variance_of_a_mean_is_that_of_textbooks():
    values = np.random.default_rng(0).normal(size=400)

    found = group_variance(changes_of_mean(values), float(values.mean()), one_stratum(400))

    assert found.variance == pytest.approx(values.var(ddof=1) / 400, rel=0.01)
    assert 250 < found.df <= 404


def test_classes_are_averaged_with_equal_weights():
    """A mean of two class means varies by the sum of their variances, over four."""
    rng = np.random.default_rng(1)
    parts = [rng.integers(2, size=200).astype(float), rng.integers(2, size=300).astype(float)]
    changes = np.concatenate([changes_of_mean(part) / 2 for part in parts])
    strata = GroupStrata(stratum_of=np.repeat([0, 1], [200, 300]), class_mix_varies=False)

    found = group_variance(changes, 0.0, strata)

    assert found.variance == pytest.approx(sum(part.var(ddof=1) / part.size for part in parts) / 4, rel=0.02)


def test_a_class_of_two_borrows_its_spread_from_the_others():
    """Its own spread is 0 where both of its groups agree, which two groups often do."""
    rng = np.random.default_rng(2)
    large = rng.integers(-1, 2, size=98).astype(float)
    changes = np.concatenate([changes_of_mean(large) / 2, np.zeros(2)])
    strata = GroupStrata(stratum_of=np.repeat([0, 1], [98, 2]), class_mix_varies=False)

    found = group_variance(changes, 0.0, strata)

    of_large = large.var(ddof=1) / 98 / 4
    borrowed = 5 * (large.var() / 4 * 98 / 100) / (7 * 2)
    assert found.variance == pytest.approx(of_large + borrowed, rel=0.1)
    assert 5 < found.df < 8


def test_groups_that_all_agree_leave_some_doubt():
    """Right on every group against wrong on every group: the spread is 0, the variance is not."""
    found = [group_variance(np.zeros(groups), 1.0, one_stratum(groups)).variance for groups in (3, 30)]

    assert found == pytest.approx([5 / (8 * 3), 5 / (35 * 30)])


def test_few_discordant_groups_leave_few_degrees_of_freedom():
    values = np.zeros(1000)
    values[:10] = 1.0

    assert group_variance(changes_of_mean(values), 0.01, one_stratum(1000)).df == pytest.approx(20, rel=0.05)


def test_groups_that_a_metric_does_not_read_do_not_count():
    values = np.random.default_rng(3).integers(2, size=40).astype(float)
    changes = np.concatenate([changes_of_mean(values), np.zeros(60)])
    strata = GroupStrata(stratum_of=np.repeat([0, NO_STRATUM], [40, 60]), class_mix_varies=False)

    alone = group_variance(changes_of_mean(values), 0.5, one_stratum(40))

    assert group_variance(changes, 0.5, strata).variance == pytest.approx(alone.variance)


def test_the_class_mix_adds_its_variance():
    changes = np.repeat([0.001, -0.001], 50)
    stratum_of = np.repeat([0, 1], 50)

    found = [
        group_variance(changes, 0.0, GroupStrata(stratum_of=stratum_of, class_mix_varies=varies)).variance
        for varies in (False, True)
    ]

    assert found[0] == pytest.approx(0, abs=1e-30)
    assert found[1] == pytest.approx(100 * (0.001 * 0.99) ** 2)


def test_rows_that_are_equal_have_no_variance():
    assert group_variance(np.zeros(50), 0.0, one_stratum(50)).variance == 0

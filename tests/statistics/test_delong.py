import numpy as np
import pytest

from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics import auroc_interval, delong, delong_covariance


def simulated(rng, *, gain=0.0, n=120):
    """Two correlated scores of balanced cases; the second is better by ``gain``."""
    targets = np.arange(n) % 2
    shared = rng.normal(size=n)
    first, second = (shared + rng.normal(size=n) for _ in range(2))
    return targets, first + targets, second + (1 + gain) * targets


def test_equal_scores_do_not_differ():
    targets, scores, _ = simulated(np.random.default_rng(0))

    found = delong(targets, scores, scores.copy())

    assert (found.diff, found.se_diff, found.p_value) == (0.0, 0.0, 1.0)
    assert "not informative" in found.note


def test_order_of_models_turns_the_sign():
    columns = simulated(np.random.default_rng(1), gain=0.5)

    found, turned = delong(*columns), delong(columns[0], columns[2], columns[1])

    assert (turned.diff, turned.p_value) == pytest.approx((-found.diff, found.p_value))


def test_opposite_certainties_leave_the_p_value_unknown():
    found = delong([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1])

    assert (found.diff, found.z, found.p_value) == (1.0, None, None)


def test_delong_keeps_its_level():
    rng = np.random.default_rng(2)

    rejected = [delong(*simulated(rng)).p_value < 0.05 for _ in range(400)]

    assert 0.02 < np.mean(rejected) < 0.09


def test_delong_sees_a_large_difference():
    rng = np.random.default_rng(3)

    rejected = [delong(*simulated(rng, gain=1.0)).p_value < 0.05 for _ in range(100)]

    assert np.mean(rejected) > 0.8


def test_interval_of_a_perfect_model_is_not_informative():
    found = auroc_interval([0, 0, 1, 1], [1, 2, 3, 4])

    assert (found.low, found.high, found.logit_low) == (1.0, 1.0, None)
    assert "not informative" in found.note


def test_interval_is_clipped_to_one():
    found = auroc_interval([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])

    assert found.high == 1.0
    assert found.logit_high < 1.0


@pytest.mark.parametrize("targets", [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1]])
def test_fewer_than_two_of_a_side_are_undefined(targets):
    with pytest.raises(UndefinedMetric, match="at least 2"):
        auroc_interval(targets, [0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("scores", [[0.1, np.nan], [0.1]])
def test_malformed_scores_are_refused(scores):
    with pytest.raises(ValueError, match="scores must be finite"):
        auroc_interval([0, 1], scores)


def test_covariance_of_several_models_holds_every_pair():
    targets, first, second = simulated(np.random.default_rng(3), gain=0.5)

    found = delong_covariance(targets, [first, second, first - second])

    pair = delong(targets, first, second)
    assert found.aurocs[:2] == pytest.approx([pair.auc1, pair.auc2])
    assert found.covariance[0, 1] == pytest.approx(pair.cov12)
    assert np.sqrt(np.diag(found.covariance)[:2]) == pytest.approx([pair.se1, pair.se2])


def test_scores_that_separate_the_classes_are_not_informative():
    found = auroc_interval([0] * 12 + [1] * 12, np.arange(24))

    assert found.estimate == 1.0
    assert "without error" in found.note
    assert found.ci_logit == (None, None)


def test_few_positives_are_told():
    targets = np.arange(40) < 4

    found = auroc_interval(targets, np.random.default_rng(0).normal(size=40))

    assert "only 4 cases" in found.note

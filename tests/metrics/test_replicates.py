from dataclasses import dataclass

import numpy as np
import pytest

from arogya_bench.metrics.classification import metrics_for, score
from arogya_bench.metrics.replicates import paired_replicates, replicates
from arogya_bench.statistics import bootstrap, draws, interval


@dataclass(frozen=True, kw_only=True)
class Cohort:
    targets: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray


def cohort(seed, *, classes, n=60, patients=20):
    """Cases with many tied probabilities, a rare last class, patients with several classes."""
    rng = np.random.default_rng(seed)
    share = np.r_[np.full(classes - 1, 0.95 / (classes - 1)), 0.05]
    targets = rng.choice(classes, size=n, p=share)
    targets[:classes] = np.arange(classes)
    return Cohort(
        targets=targets,
        probabilities=rng.multinomial(8, np.full(classes, 1 / classes), size=n) / 8,
        groups=rng.integers(patients, size=n),
    )


def columns(cases):
    return {"targets": cases.targets, "probabilities": cases.probabilities}


def plain(cases, rows, classes):
    return score(cases.targets[rows], cases.probabilities[rows], classes=classes)


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("classes", [2, 4])
def test_every_replicate_is_the_score_of_the_drawn_rows(classes, grouped):
    cases = cohort(0, classes=classes)
    groups = cases.groups if grouped else None
    plan = draws(60, rng=np.random.default_rng(1), resamples=40, groups=groups)

    found = replicates(cases.targets, cases.probabilities, draws=plan)

    weights = np.concatenate(list(plan.chunks()))
    expected = [plain(cases, plan.case_indices(row), classes) for row in weights]
    assert found.digest == plan.digest
    for name in metrics_for(classes):
        values = np.array([each[name] for each in expected], dtype=np.float64)
        np.testing.assert_allclose(found.values[name], values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("classes", [2, 4])
def test_jackknife_is_the_score_without_each_group(classes, grouped):
    cases = cohort(2, classes=classes)
    groups = cases.groups if grouped else None
    plan = draws(60, rng=np.random.default_rng(1), resamples=1, groups=groups)

    found = replicates(cases.targets, cases.probabilities, draws=plan)

    left = [plain(cases, plan.group_of != group, classes) for group in range(plan.groups)]
    for name in metrics_for(classes):
        values = np.array([each[name] for each in left], dtype=np.float64)
        np.testing.assert_allclose(found.jackknife[name], values, rtol=0, atol=1e-12)


def test_estimates_are_the_scores():
    cases = cohort(3, classes=3)
    plan = draws(60, rng=np.random.default_rng(0), resamples=1, groups=cases.groups)

    found = replicates(cases.targets, cases.probabilities, draws=plan)

    expected = score(cases.targets, cases.probabilities)
    assert found.estimates == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "auroc_macro_ovr", "ece"])
def test_interval_equals_the_plain_bootstrap_on_equal_draws(name):
    cases = cohort(4, classes=2)
    plan = draws(60, rng=np.random.default_rng(5), resamples=200, groups=cases.groups)

    fast = replicates(cases.targets, cases.probabilities, draws=plan)
    quick = interval(fast.estimates[name], fast.values[name], fast.jackknife[name], draws=plan)
    slow = bootstrap(lambda targets, probabilities: score(targets, probabilities)[name], columns(cases), draws=plan)

    assert quick.method == slow.method == "bca"
    assert [quick.low, quick.high, quick.se] == pytest.approx([slow.low, slow.high, slow.se], abs=1e-12)


def test_labels_alone_are_resampled_too():
    cases = cohort(6, classes=3)
    plan = draws(60, rng=np.random.default_rng(0), resamples=10)

    found = replicates(cases.targets, predicted=cases.targets[::-1], draws=plan)

    assert np.isfinite(found.values["accuracy"]).all()
    assert np.isnan(found.values["auroc_macro_ovr"]).all()


def test_chunks_do_not_change_the_replicates():
    """Two thousand resamples begin with the hundred of a shorter plan."""
    cases = cohort(7, classes=2)
    short, long = (
        draws(60, rng=np.random.default_rng(3), resamples=size, groups=cases.groups, strata=cases.targets)
        for size in (100, 2_000)
    )

    few = replicates(cases.targets, cases.probabilities, draws=short)
    many = replicates(cases.targets, cases.probabilities, draws=long)

    assert many.values["auroc_macro_ovr"].size == 2_000
    np.testing.assert_array_equal(many.values["mcc"][:100], few.values["mcc"])


def test_draws_of_other_cases_are_refused():
    plan = draws(3, rng=np.random.default_rng(0), resamples=1)

    with pytest.raises(ValueError, match="draws of 3 cases for 2 targets"):
        replicates([0, 1], predicted=[0, 1], draws=plan)


def test_several_models_get_the_replicates_that_each_gets_alone():
    one, other = cohort(8, classes=3), cohort(9, classes=3)
    plan = draws(60, rng=np.random.default_rng(0), resamples=50, groups=one.groups)
    models = {"one": one.probabilities, "other": other.probabilities}

    found = paired_replicates(one.targets, models, draws=plan)

    for name, table in models.items():
        alone = replicates(one.targets, table, draws=plan)
        assert found[name].digest == alone.digest
        for metric, values in alone.values.items():
            np.testing.assert_array_equal(found[name].values[metric], values)
            np.testing.assert_array_equal(found[name].jackknife[metric], alone.jackknife[metric])


def test_a_metric_of_two_classes_is_undefined_for_more():
    cases = cohort(0, classes=3)
    plan = draws(60, rng=np.random.default_rng(0), resamples=10)

    found = replicates(cases.targets, cases.probabilities, draws=plan, names=["sensitivity"])

    assert np.isnan(found.values["sensitivity"]).all()
    assert np.isnan(found.estimates["sensitivity"])


def test_an_unknown_metric_is_refused():
    plan = draws(2, rng=np.random.default_rng(0), resamples=1)

    with pytest.raises(ValueError, match="unknown metrics: f2"):
        replicates([0, 1], predicted=[0, 1], draws=plan, names=["f2"])


def test_cases_without_an_answer_are_resampled_as_wrong():
    plan = draws(40, rng=np.random.default_rng(0), resamples=200)
    targets, predicted = np.tile([0, 1], 20), np.tile([0, 1, 0, -1], 10)

    found = replicates(targets, predicted=predicted, draws=plan)

    assert found.values["accuracy"].mean() == pytest.approx(0.75, abs=0.02)


def test_chunks_of_few_resamples_are_joined_without_changing_the_replicates():
    rng = np.random.default_rng(0)
    targets, positive = rng.integers(2, size=70_000), rng.uniform(size=70_000)
    plan = draws(70_000, rng=rng, resamples=70)
    correct = (positive >= 0.5) == targets

    found = replicates(targets, np.column_stack([1 - positive, positive]), draws=plan, names=["accuracy"])

    weights = np.concatenate(list(plan.chunks()))
    assert plan.chunk_size < 70
    np.testing.assert_allclose(found.values["accuracy"], weights @ correct / 70_000, rtol=0, atol=1e-12)

import numpy as np
import pytest
from scipy.stats import norm

from arogya_bench.metrics.classification import score
from arogya_bench.metrics.outcomes import check_outcomes
from arogya_bench.statistics import bootstrap, draws, interval
from arogya_bench.statistics.multiplicity import adjust
from arogya_bench.statistics.subgroups import subgroups


def cohort(seed, *, n=200, shift=0.0):
    """Binary cases of two per patient; ``shift`` spoils the scores of site B."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n // 2), 2)
    site = np.where(rng.random(n // 2) < 0.5, "A", "B")[patients]
    targets = rng.integers(2, size=n)
    spoiled = np.where(site == "B", shift, 0.0)
    positive = norm.cdf(rng.normal((targets - 0.5) * (1.5 - spoiled)))
    return check_outcomes(targets, np.column_stack([1 - positive, positive])), site, patients


def plan(n, groups=None, *, seed=0, resamples=300):
    return draws(n, rng=np.random.default_rng(seed), resamples=resamples, groups=groups)


def named(table, metric):
    return {each.subgroup: each for each in table.scores if each.metric == metric}


def test_each_subgroup_has_its_own_score():
    cases, site, patients = cohort(0)

    table = subgroups(cases, {"site": site}, draws=plan(200, patients), metrics=["auroc", "ece"])

    for value in "AB":
        rows = site == value
        expected = score(cases.targets[rows], cases.probabilities[rows])
        for metric in ("auroc", "ece"):
            found = named(table, metric)[value]
            assert found.estimate == pytest.approx(expected[metric])
            assert found.low < found.estimate < found.high
            assert (found.n, found.groups) == (rows.sum(), np.unique(patients[rows]).size)


def test_intervals_and_differences_are_those_of_a_plain_loop_over_all_groups():
    cases, site, patients = cohort(1)
    drawn = plan(200, patients, resamples=100)

    table = subgroups(cases, {"site": site}, draws=drawn, metrics=["accuracy"])

    columns = {"site": site, "right": cases.predicted == cases.targets}
    own = bootstrap(lambda site, right: right[site == "A"].mean(), columns, draws=drawn)
    apart = bootstrap(lambda site, right: right[site == "A"].mean() - right[site == "B"].mean(), columns, draws=drawn)
    found = named(table, "accuracy")["A"]
    assert found.ci == pytest.approx(own.ci)
    assert found.difference.ci == pytest.approx(apart.ci)
    assert found.difference.p_two_sided_plus1 == pytest.approx(apart.p_two_sided_plus1)
    assert found.p_value >= apart.p_value  # as sure as the smaller subgroup allows


def test_a_patient_in_two_subgroups_is_counted_and_drawn_once():
    """Left and right eyes of the same patients: what differs is the eye, not the patient."""
    cases, _, patients = cohort(2)
    eye = np.tile(["left", "right"], 100)
    drawn = plan(200, patients)

    table = subgroups(cases, {"eye": eye}, draws=drawn, metrics=["accuracy"])

    right = cases.predicted == cases.targets
    per_patient = right[eye == "left"] * 1.0 - right[eye == "right"]
    counts = np.concatenate(list(drawn.chunks()))
    expected = interval(per_patient.mean(), counts @ per_patient / 100, None, draws=drawn, method="percentile")
    assert table.shared_groups == 100
    assert "100 groups have cases in several subgroups" in table.note
    assert named(table, "accuracy")["left"].difference.se == pytest.approx(expected.se)


def test_a_subgroup_of_few_groups_is_listed_without_a_score():
    cases, site, patients = cohort(3)
    site = site.astype(object)
    site[:8] = "C"

    table = subgroups(cases, {"site": site}, draws=plan(200, patients), metrics=["accuracy"])

    small = named(table, "accuracy")["C"]
    assert (small.estimate, small.ci, small.difference, small.n, small.groups) == (
        None, (None, None), None, 8, 4,
    )  # fmt: skip
    assert small.note == "4 groups are too few"
    assert table.family == 2


def test_what_is_missing_is_a_subgroup():
    cases, site, patients = cohort(4)
    site = site.astype(object)
    site[:60] = None

    table = subgroups(cases, {"site": site}, draws=plan(200, patients), metrics=["accuracy"])

    assert list(named(table, "accuracy")) == ["A", "B", "(missing)"]
    assert named(table, "accuracy")["(missing)"].n == 60


def test_a_metric_that_a_subgroup_does_not_have_says_why():
    targets = np.array([0, 1] * 20 + [0] * 20)
    cases = check_outcomes(targets, np.tile([0.6, 0.4], (60, 1)))
    site = np.repeat(["A", "B"], [40, 20])

    table = subgroups(cases, {"site": site}, draws=plan(60), metrics=["auroc"])

    found = named(table, "auroc")
    assert found["B"].estimate is None
    assert found["B"].note == "undefined: every case is of the class '0'"
    assert "no comparison with the other 20 cases" in found["A"].note
    assert table.gaps == ()
    assert "no gap of auroc" in table.note


def test_two_subgroups_are_one_test_that_holds_for_both():
    cases, site, patients = cohort(5)

    table = subgroups(cases, {"site": site}, draws=plan(200, patients), metrics=["accuracy", "brier"])

    first, second = named(table, "accuracy").values()
    assert table.family == 2
    assert first.difference.estimate == pytest.approx(-second.difference.estimate)
    assert (first.p_value, first.p_adjusted) == (second.p_value, second.p_adjusted)


@pytest.mark.parametrize("correction", ["holm", "bh"])
def test_p_values_are_adjusted_over_all_metrics_and_subgroups(correction):
    cases, _, patients = cohort(6)
    age = np.random.default_rng(0).normal(60, 10, 100)[patients]

    table = subgroups(
        cases, {"age": age}, draws=plan(200, patients), metrics=["accuracy", "brier"],
        correction=correction,
    )  # fmt: skip

    raw = [each.p_value for each in table.scores]
    assert (table.family, len(raw)) == (8, 8)
    assert [each.p_adjusted for each in table.scores] == list(adjust(raw, method=correction))
    assert "age is cut at its quartiles" in table.note


def test_gap_of_two_subgroups_is_their_difference():
    cases, site, patients = cohort(7, shift=1.0)

    table = subgroups(cases, {"site": site}, draws=plan(200, patients), metrics=["auroc", "brier"])

    for gap in table.gaps:
        difference = named(table, gap.metric)[gap.best].difference
        assert (gap.best, gap.worst, gap.pairs) == ("A", "B", 1)
        assert gap.estimate == pytest.approx(abs(difference.estimate))
        assert sorted(np.abs(gap.ci)) == pytest.approx(sorted(np.abs(difference.ci)))


def test_gap_of_the_furthest_of_many_holds_for_every_pair():
    cases, _, patients = cohort(8)
    age = np.random.default_rng(0).normal(60, 10, 100)[patients]
    drawn = plan(200, patients, resamples=2_000)

    (gap,) = subgroups(cases, {"age": age}, draws=drawn, metrics=["accuracy"]).gaps

    assert gap.pairs == 6
    assert gap.n == 2 * gap.groups == 100
    assert "Bonferroni over 6 pairs" in gap.method
    assert gap.confidence == 0.95
    assert gap.high - gap.low > 2 * 2.2 * gap.se


def test_gap_says_that_few_resamples_lie_beyond_its_ends():
    cases, _, patients = cohort(8)
    age = np.random.default_rng(0).normal(60, 10, 100)[patients]

    (gap,) = subgroups(cases, {"age": age}, draws=plan(200, patients), metrics=["accuracy"]).gaps

    assert "only 1.2 resamples lie beyond each bound" in gap.note


def test_a_wide_gap_of_many_subgroups_is_shown_although_resamples_are_few():
    """Bonferroni over 66 pairs times the smallest share of 300 resamples would exceed .4."""
    site = np.repeat(np.arange(12), 40)
    right = np.arange(480) % 20 != 0
    right[:40] = np.arange(40) % 4 == 0
    targets = np.arange(480) % 2
    cases = check_outcomes(targets, None, np.where(right, targets, 1 - targets))

    (gap,) = subgroups(cases, {"site": [f"s{i:02}" for i in site]}, draws=plan(480), metrics=["accuracy"]).gaps

    assert (gap.worst, gap.estimate) == ("s00", pytest.approx(0.7))
    assert gap.p_value < 1e-6
    assert 0.4 < gap.low < gap.high < 1


def test_interval_and_p_value_of_a_gap_agree_where_resamples_are_few():
    targets = np.arange(480) % 2
    site = [f"s{i // 40:02}" for i in range(480)]
    for seed in range(6):
        wrong = np.random.default_rng(seed).random(480) < np.where(np.arange(480) < 40, 0.5, 0.2)
        cases = check_outcomes(targets, None, np.where(wrong, 1 - targets, targets))

        (gap,) = subgroups(cases, {"site": site}, draws=plan(480), metrics=["accuracy"]).gaps

        assert (gap.low > 0) == (gap.p_value < 0.05)


def test_equal_subgroups_have_no_gap():
    cases = check_outcomes([0, 1] * 20, None, [0, 1] * 20)
    site = np.repeat(["A", "B"], 20)

    table = subgroups(cases, {"site": site}, draws=plan(40), metrics=["accuracy"])

    (gap,) = table.gaps
    assert (gap.estimate, gap.p_value) == (0.0, 1.0)
    assert named(table, "accuracy")["A"].ci == (None, None)
    assert named(table, "accuracy")["A"].p_adjusted == 1.0


def test_a_single_value_has_nothing_to_be_compared_with():
    cases, _, patients = cohort(9)

    table = subgroups(cases, ["x"] * 200, draws=plan(200, patients), metrics=["accuracy"])

    (only,) = table.scores
    assert (only.difference, only.p_adjusted, table.gaps, table.family) == (None, None, (), 0)
    assert only.estimate is not None


def test_two_columns_are_crossed():
    cases, site, patients = cohort(10)
    sex = np.where(np.arange(100) % 2, "F", "M")[patients]

    table = subgroups(cases, {"sex": sex, "site": site}, draws=plan(200, patients), metrics=["accuracy"])

    assert [each.subgroup[::4] for each in table.scores] == ["FA", "FB", "MA", "MB"]
    assert sum(each.n for each in table.scores) == 200


def test_rows_are_a_table():
    cases, site, patients = cohort(11)

    table = subgroups(cases, {"site": site}, draws=plan(200, patients), metrics=["accuracy"])

    first = table.rows()[0]
    found = table.scores[0]
    assert (first["column"], first["subgroup"], first["metric"]) == ("site", "A", "accuracy")
    assert (first["low"], first["difference"]) == (found.low, found.difference.estimate)
    assert (first["p_adjusted"], first["family"]) == (found.p_adjusted, 1)


def test_order_of_the_cases_changes_nothing():
    cases, site, patients = cohort(12)
    order = np.random.default_rng(0).permutation(200)
    moved = check_outcomes(cases.targets[order], cases.probabilities[order])

    table = subgroups(cases, site, draws=plan(200, patients), metrics=["auroc"])

    again = subgroups(moved, site[order], draws=plan(200, patients[order]), metrics=["auroc"])
    for before, after in zip(table.scores, again.scores, strict=True):
        assert after.estimate == pytest.approx(before.estimate)
        assert after.ci == pytest.approx(before.ci)
        assert after.p_value == before.p_value


def test_few_positives_are_flagged():
    targets = np.r_[np.tile([0, 1], 20), np.zeros(20, int), np.ones(4, int)]
    cases = check_outcomes(targets, np.random.default_rng(0).dirichlet([1, 1], 64))
    site = np.repeat(["A", "B"], [40, 24])

    table = subgroups(cases, {"site": site}, draws=plan(64), metrics=["sensitivity"])

    assert "fewer than 10" in named(table, "sensitivity")["B"].note


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"metrics": ["speed"]}, r"unknown metrics \['speed'\]"),
        ({"metrics": []}, "no metrics"),
        ({"minimum": 1}, "minimum is 1"),
        ({"draws": plan(3)}, "draws of 3 cases for 200"),
        ({"correction": "none"}, "unknown method"),
        ({"confidence": 1.0}, "confidence"),
    ],
)
def test_wrong_arguments_are_refused(changed, match):
    cases, site, patients = cohort(13)
    usual = {"draws": plan(200, patients, resamples=20), "metrics": ["accuracy"]}

    with pytest.raises(ValueError, match=match):
        subgroups(cases, {"site": site}, **(usual | changed))


def p_values(shift, repeats):
    found = []
    for seed in range(repeats):
        cases, site, patients = cohort(seed + 100, n=240, shift=shift)
        drawn = plan(240, patients, seed=seed, resamples=400)
        table = subgroups(cases, {"site": site}, draws=drawn, metrics=["accuracy"])
        found.append(table.scores[0].p_adjusted)
    return np.array(found)


def test_equal_subgroups_are_rarely_called_different():
    assert 0.01 < (p_values(0.0, 200) < 0.05).mean() < 0.1


def test_a_large_difference_is_seen():
    assert (p_values(1.5, 40) < 0.05).mean() > 0.9


def test_a_small_subgroup_is_as_uncertain_as_its_own_patients():
    """Twelve of 312 patients: the other 300 make nothing surer."""
    rng = np.random.default_rng(0)
    site = np.repeat(["rare", "common"], [12, 300])
    rejected = 0
    for seed in range(200):
        cases = check_outcomes(np.tile([0, 1], 156), None, rng.integers(2, size=312))
        table = subgroups(cases, {"site": site}, draws=plan(312, resamples=199, seed=seed), metrics=["accuracy"])
        found = named(table, "accuracy")["rare"]
        rejected += found.p_value is not None and found.p_value < 0.05

    assert "only 12 groups" in found.note
    assert rejected / 200 <= 0.09


def test_a_perfect_small_subgroup_is_no_certainty():
    rng = np.random.default_rng(1)
    targets = np.tile([0, 1], 156)
    predicted = np.where(rng.random(312) < 0.8, targets, 1 - targets)
    predicted[:12] = targets[:12]
    site = np.repeat(["rare", "common"], [12, 300])

    table = subgroups(check_outcomes(targets, None, predicted), {"site": site}, draws=plan(312), metrics=["accuracy"])

    assert named(table, "accuracy")["rare"].difference is None
    assert table.gaps == ()
    assert "no spread" in table.note

import numpy as np
import pytest
from quality_studies import predict, scored, study_of

from arogya_bench.analysis.net_benefit import NET_BENEFIT_COLUMNS, net_benefit_rows
from arogya_bench.analysis.operating_points import NO_VALIDATION, OPERATING_COLUMNS, operating_point_rows
from arogya_bench.metrics.decision import net_benefit
from arogya_bench.metrics.thresholds import choose_threshold
from arogya_bench.statistics import wilson

TEST, VALIDATION = np.arange(300) % 2, np.arange(200) % 2


def seeds_of(*seeds, targets=TEST, prefix="c", groups=None):
    return [predict(targets, scored(seed, targets, 1.5), prefix=prefix, groups=groups) for seed in seeds]


def study(*seeds, **options):
    validation = {"a": seeds_of(*(10 + seed for seed in seeds), targets=VALIDATION, prefix="v")}
    return study_of({"a": seeds_of(*seeds)}, validation=validation, **options)


def by_target(found):
    return {row["target"]: row for row in operating_point_rows(found)}


def test_thresholds_are_chosen_on_validation_and_locked():
    found = by_target(study(0))

    (validation,) = seeds_of(10, targets=VALIDATION)
    locked = choose_threshold(VALIDATION, validation.probabilities[:, 1], sensitivity=0.95)
    row, score = found["sensitivity"], scored(0, TEST, 1.5)
    assert tuple(row) == OPERATING_COLUMNS
    assert row["threshold"] == locked.threshold
    assert row["validation_sensitivity"] == locked.sensitivity >= 0.95
    called = score >= locked.threshold
    assert row["sensitivity"] == pytest.approx(called[TEST == 1].mean())
    assert (row["sensitivity.ci_low"], row["sensitivity.ci_high"]) == wilson(int(called[TEST == 1].sum()), 150).ci
    assert found["specificity"]["validation_specificity"] >= 0.9


def test_the_test_split_never_chooses_a_threshold():
    """With the labels of the test split turned round, the thresholds stay the same."""
    honest = by_target(study(0))
    turned = study_of(
        {"a": [predict(1 - TEST, scored(0, TEST, 1.5))]}, validation={"a": seeds_of(10, targets=VALIDATION, prefix="v")}
    )

    assert by_target(turned)["sensitivity"]["threshold"] == honest["sensitivity"]["threshold"]


def test_without_validation_there_is_no_threshold_but_a_row_with_the_reason():
    found = by_target(study_of({"a": seeds_of(0)}))

    assert found["sensitivity"]["note"] == found["specificity"]["note"] == NO_VALIDATION
    assert found["sensitivity"]["sensitivity"] is None
    score = scored(0, TEST, 1.5)
    assert found["default"]["sensitivity"] == pytest.approx((score[TEST == 1] >= 0.5).mean())
    assert (found["default"]["positive_groups"], found["default"]["negative_groups"]) == (150, 150)


def test_each_seed_has_its_own_threshold():
    row = by_target(study(0, 1, 2))["sensitivity"]

    each = [by_target(study(seed))["sensitivity"] for seed in (0, 1, 2)]
    assert row["sensitivity"] == pytest.approx(np.mean([one["sensitivity"] for one in each]))
    assert row["thresholds"].split() == [one["thresholds"] for one in each]
    assert row["threshold"] is None
    assert row["sensitivity.ci_low"] < row["sensitivity"] < row["sensitivity.ci_high"]


def test_equal_seeds_count_once():
    """A row that no seed changes is one model, and takes the first of its validation tables."""
    same = seeds_of(0, 0)
    validation = {"a": seeds_of(10, 10, targets=VALIDATION, prefix="v")}

    row = by_target(study_of({"a": same}, validation=validation))["sensitivity"]

    assert (row["seeds"], row["threshold"]) == (1, by_target(study(0))["sensitivity"]["threshold"])


def test_predictive_values_are_those_at_the_stated_prevalence():
    row = by_target(study(0, prevalence=0.02))["default"]

    sensitivity, specificity = row["sensitivity"], row["specificity"]
    expected = sensitivity * 0.02 / (sensitivity * 0.02 + (1 - specificity) * 0.98)
    assert (row["ppv"], row["prevalence"], row["prevalence_of"]) == (pytest.approx(expected), 0.02, "stated")
    assert row["ppv.ci_low"] < expected < row["ppv.ci_high"] < 0.3


def test_patients_bound_the_rates_of_their_images():
    patients = np.repeat(np.arange(75), 4)
    targets = patients % 2
    right = predict(targets, np.where(targets, 0.9, 0.1), groups=patients)

    row = by_target(study_of({"a": [right]}))["default"]

    assert (row["positive_groups"], row["positives"]) == (37, 148)
    assert row["sensitivity.ci_low"] == wilson(37, 37).low


def test_seeds_that_all_find_every_positive_have_a_lower_bound():
    seeds = [predict(TEST, np.where(TEST, high, 0.1)) for high in (0.8, 0.9)]

    row = by_target(study_of({"a": seeds}))["default"]

    assert (row["seeds"], row["sensitivity"], row["sensitivity.ci_low"]) == (2, 1.0, wilson(150, 150).low)


def test_a_validation_split_without_positives_is_a_reason():
    validation = {"a": [predict(np.zeros(50, dtype=int), np.linspace(0.1, 0.9, 50), prefix="v")]}

    row = by_target(study_of({"a": seeds_of(0)}, validation=validation))["sensitivity"]

    assert row["note"] == "no threshold: 0 positive and 50 negative cases"


def test_a_named_class_is_positive_and_an_unknown_one_is_said():
    named = operating_point_rows(study(0, positive_class="benign"))
    (unknown,) = operating_point_rows(study(0, positive_class="melanoma"))

    assert {row["positive_class"] for row in named} == {"benign"}
    assert named[0]["sensitivity"] == pytest.approx((scored(0, TEST, 1.5)[TEST == 0] < 0.5).mean())
    assert "no class 'melanoma', but benign, malignant" in unknown["note"]


def test_more_classes_are_positive_in_turn():
    targets = np.arange(90) % 3
    table = np.eye(3)[targets] * 0.7 + 0.1

    rows = operating_point_rows(study_of({"a": [predict(targets, table)]}))

    assert [row["positive_class"] for row in rows if row["target"] == "default"] == ["benign", "malignant", "other"]


def test_net_benefit_is_that_of_the_metric_with_an_interval():
    rows = net_benefit_rows(study(0, prevalence=0.3))

    assert tuple(rows[0]) == NET_BENEFIT_COLUMNS
    assert [row["threshold_probability"] for row in rows] == [0.05, 0.1, 0.2, 0.3, 0.5]
    for row in rows:
        pt = row["threshold_probability"]
        expected = net_benefit(TEST, scored(0, TEST, 1.5), threshold_probability=pt, prevalence=0.3)
        assert row["net_benefit"] == pytest.approx(expected.model)
        assert row["advantage"] == pytest.approx(expected.advantage)
        assert row["advantage.ci_low"] < row["advantage"] < row["advantage.ci_high"]


def test_a_model_that_knows_nothing_has_no_shown_advantage():
    coin = np.random.default_rng(0).random(300)

    rows = net_benefit_rows(study_of({"coin": [predict(TEST, coin)]}))

    assert all(row["advantage.ci_low"] < 0 for row in rows)


@pytest.mark.parametrize(("side", "known", "missing"), [(1, "sensitivity", "negative"), (0, "specificity", "positive")])
def test_cases_of_one_side_have_the_rate_of_that_side_and_the_reason(side, known, missing):
    scores = scored(0, TEST, 1.5)
    found = by_target(study_of({"a": [predict(np.full(300, side), scores)]}))["default"]

    right = (scores >= 0.5) == side
    assert found[known] == pytest.approx(right.mean())
    assert (found[f"{known}.ci_low"], found[f"{known}.ci_high"]) == wilson(int(right.sum()), 300).ci
    assert found["ppv"] is None
    assert f"no {missing} case" in found["note"]

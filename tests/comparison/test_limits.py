"""What the limits say of planted truths."""

import numpy as np
import pytest
from quality_studies import condition, predict, study_of

from arogya_bench.analysis.calibration import calibration_rows
from arogya_bench.analysis.robustness_table import robustness_rows
from arogya_bench.analysis.subgroups import subgroup_rows
from arogya_bench.analysis.table_rows import interval_columns
from arogya_bench.comparison.limit_outcomes import Evidence
from arogya_bench.comparison.limits import limit_rows
from arogya_bench.comparison.requirements import Limit, Requirements

N = 200
TARGETS = np.arange(N) % 2
SITE = tuple("abcd"[i // 2 % 4] for i in range(N))


def answers(accuracy, seed):
    right = np.random.default_rng(seed).permutation(N) < round(accuracy * N)
    return predict(TARGETS, np.where(right, 0.1 + 0.8 * TARGETS, 0.9 - 0.8 * TARGETS), metadata={"site": SITE})


def judge(study, *limits):
    """The outcome of each limit for the first row."""
    leaderboard = [
        {"model": row.name, **interval_columns(study.metric, study.judgement.intervals[row.name])} for row in study.rows
    ]
    tables = {
        "leaderboard": leaderboard, "subgroups": subgroup_rows(study), "robustness": robustness_rows(study),
        "calibration": calibration_rows(study),
    }  # fmt: skip
    conditions = [degraded.condition.name for degraded in study.degraded]
    evidence = Evidence(judgement=study.judgement, tables=tables, unit="case", conditions=conditions)
    found = limit_rows("clinic", Requirements(limits=limits), evidence)
    return [row for row in found if (row["model"] == study.rows[0].name and row["at_least"]) or row["at_most"]]


def test_no_number_of_patients_is_named_where_the_seeds_differ_too_much():
    study = study_of({"a": [answers(accuracy, seed) for seed, accuracy in enumerate((0.99, 0.95, 0.80))]})

    whole, part = judge(study, Limit(quantity="accuracy", at_least=0.8), Limit(quantity="worst_subgroup", at_least=0.8))

    assert (whole["verdict"], whole["further_groups"]) == ("undecided", None)
    assert "more training seeds would be needed" in whole["reason"]
    assert (part["verdict"], part["further_groups"]) == ("undecided", None)
    assert "how many is not known" in part["reason"]


def test_a_model_without_an_error_keeps_every_limit_that_so_many_patients_can_show():
    perfect = [answers(1.0, 0)]
    study = study_of({"a": perfect}, conditions=[(condition("noise", 1, 0.1), {"a": perfect})])

    found = judge(
        study,
        Limit(quantity="accuracy", at_least=0.9),
        Limit(quantity="worst_subgroup", at_least=0.9),
        Limit(quantity="robustness", at_least=0.9),
        Limit(quantity="robustness", at_least=0.99),
    )

    assert [row["verdict"] for row in found] == ["eligible", "eligible", "eligible", "undecided"]


@pytest.mark.parametrize(("sharpness", "verdict"), [(1.0, "undecided"), (20.0, "excluded")])
def test_a_calibrated_model_is_not_excluded_for_its_ece_by_chance(sharpness, verdict):
    """The outcomes are drawn from the stated probabilities, and then overstated."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.2, 0.8, N)
    targets = (rng.random(N) < truth).astype(int)
    logit = sharpness * np.log(truth / (1 - truth))

    (found,) = judge(
        study_of({"a": [predict(targets, 1 / (1 + np.exp(-logit)))]}, metric="ece"), Limit(quantity="ece", at_most=0.01)
    )

    assert found["value"] > 0.02
    assert found["verdict"] == verdict
    assert ("by chance" in found["reason"]) == (verdict == "undecided")


def test_no_number_of_patients_is_named_beyond_a_hundred_times_as_many():
    study = study_of({"a": [answers(0.8, 0)]})

    (found,) = judge(study, Limit(quantity="accuracy", at_least=0.7999))

    assert (found["verdict"], found["further_groups"]) == ("undecided", None)
    assert "even 100 times as many cases would not decide" in found["reason"]


def test_the_columns_of_subgroups_are_named_where_a_limit_is_on_another():
    (found,) = judge(study_of({"a": [answers(0.9, 0)]}), Limit(quantity="worst_subgroup", at_least=0.8, column="sexx"))

    assert found["reason"] == ("accuracy is not computed for subgroups by the column sexx; there are subgroups by site")


@pytest.mark.parametrize(("wrong", "verdict"), [(17, "undecided"), (30, "excluded")])
def test_the_worst_of_many_subgroups_excludes_by_the_interval_for_all_of_them(wrong, verdict):
    """12 sites of 50: 17 wrong answers are 34 % [22 %, 48 %], above 20 % alone, but not as the worst of 12."""
    site = np.arange(600) // 50
    targets = np.arange(600) % 2
    right = np.arange(600) % 50 >= np.where(site == 0, wrong, 10)
    table = np.where(right, 0.1 + 0.8 * targets, 0.9 - 0.8 * targets)
    predictions = predict(targets, table, metadata={"site": tuple(f"s{i:02}" for i in site)})

    (found,) = judge(study_of({"a": [predictions]}), Limit(quantity="worst_subgroup", at_least=0.8))

    assert (found["value"], found["verdict"]) == (pytest.approx(1 - wrong / 50), verdict)
    assert ("as one of 12" in found["reason"]) == (verdict == "undecided")

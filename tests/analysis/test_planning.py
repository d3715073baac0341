import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import chi2, friedmanchisquare

from arogya_bench.analysis.judgement import judge_rows
from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.overall_test import OVERALL_TEST_COLUMNS, overall_test_rows
from arogya_bench.analysis.planning import PLANNING_COLUMNS, planning_rows
from arogya_bench.analysis.scored_rows import EvaluatedRow
from arogya_bench.analysis.study import Study
from arogya_bench.scoring.scores import Resampling
from arogya_bench.types import Predictions

CASES, SEED, RESAMPLES = 200, "c0ffee", 2000
TARGETS = np.arange(CASES) % 2


def study(right, *, per_group=1, margin=0.02):
    """A study of models that are right in the given cases, with so many cases in a group."""
    names = tuple(f"c{i:03}" for i in range(CASES))
    groups = tuple(f"g{i // per_group:03}" for i in range(CASES))
    rows = []
    for name, correct in right.items():
        answers = np.where(np.isin(np.arange(CASES), correct), TARGETS, 1 - TARGETS)
        table = np.where(np.eye(2)[answers] > 0, 0.9, 0.1)
        predictions = Predictions(
            classes=("a", "b"), case_ids=names, group_ids=groups, targets=TARGETS, probabilities=table
        )
        rows.append(EvaluatedRow(name=name, predictions=(predictions,), seeds=("0",)))
    judgement = judge_rows(rows, metric="accuracy", resamples=RESAMPLES, seed=SEED)
    first = rows[0].predictions[0]
    return Study(
        dataset="clinic",
        grouped=per_group > 1,
        judgement=judgement,
        resampling=Resampling(predictions=first, resamples=RESAMPLES, seed=SEED),
        evaluated={row.name: row for row in rows},
        options=AnalysisOptions(margin=margin),
    )


def test_independent_cases_by_hand():
    """Of 200 cases, 30 only a gets right and 10 only b."""
    (row,) = planning_rows(study({"a": range(190), "b": [*range(160), *range(190, 200)]}))

    z = ndtri(0.975) + ndtri(0.8)
    assert tuple(row) == PLANNING_COLUMNS
    assert (row["accuracy_difference"], row["discordant_share"]) == (pytest.approx(0.1), 0.2)
    assert (row["icc"], row["design_effect"], row["effective_cases"]) == (None, 1.0, 200)
    assert row["detectable_difference"] == pytest.approx(z * np.sqrt(0.2 / 200))
    assert row["cases_for_margin"] == np.ceil(z**2 * 0.2 / 0.02**2)
    assert row["false_claim"] < 0.01


def test_groups_that_are_alike_need_as_many_groups_as_there_would_be_cases():
    """All four cases of a group are right or wrong together."""
    (alone,) = planning_rows(study({"a": range(180), "b": range(140)}))
    (row,) = planning_rows(study({"a": range(180), "b": range(140)}, per_group=4))

    assert row["icc"] == pytest.approx(1.0)
    assert row["effective_cases"] == pytest.approx(50)
    assert row["cases_for_margin"] == pytest.approx(4 * alone["cases_for_margin"])
    assert row["groups_for_margin"] == pytest.approx(alone["groups_for_margin"])


def test_equal_models_say_why_nothing_is_planned():
    (row,) = planning_rows(study({"a": range(150), "b": range(150)}))

    assert row["detectable_difference"] is None
    assert row["false_claim"] == 0.5
    assert "right in the same cases" in row["note"]


def test_a_margin_beyond_what_the_models_differ_by_needs_no_number():
    (row,) = planning_rows(study({"a": range(150), "b": range(148)}, margin=0.1))

    assert row["cases_for_margin"] is None
    assert "smaller share of cases than the margin" in row["note"]


def test_one_case_per_group_has_the_test_of_cochran():
    right = {"a": range(150), "b": range(20, 160), "c": range(100)}

    (row,) = overall_test_rows(study(right))

    table = np.column_stack([np.isin(np.arange(CASES), cases) for cases in right.values()]).astype(float)
    columns, sums, k = table.sum(axis=0), table.sum(axis=1), 3
    q = (k - 1) * (k * (columns**2).sum() - columns.sum() ** 2) / (k * columns.sum() - (sums**2).sum())
    assert tuple(sorted(row)) == tuple(sorted(OVERALL_TEST_COLUMNS))
    assert (row["test"], row["statistic"]) == ("Cochran's Q", pytest.approx(q))
    assert row["p_value"] == pytest.approx(chi2.sf(q, k - 1))


def test_several_cases_per_group_are_ranked_within_it():
    rng = np.random.default_rng(2)
    right = {name: np.flatnonzero(rng.random(CASES) < share) for name, share in (("a", 0.9), ("b", 0.7), ("c", 0.6))}

    (row,) = overall_test_rows(study(right, per_group=4))

    shares = [np.isin(np.arange(CASES), cases).reshape(-1, 4).mean(axis=1) for cases in right.values()]
    assert row["statistic"] == pytest.approx(friedmanchisquare(*shares).statistic)


def test_two_models_have_no_overall_test():
    assert overall_test_rows(study({"a": range(150), "b": range(140)})) == []

import numpy as np
import pytest
from quality_studies import predict, study_of

from arogya_bench.analysis.subgroups import SUBGROUP_COLUMNS, SUBGROUP_GAP_COLUMNS, subgroup_gap_rows, subgroup_rows

N = 400
TARGETS = np.arange(N) % 2
SITE = np.where(np.arange(N) // 2 % 4 == 0, "rural", "city")  # 100 and 300 cases


def worse_in_the_country(seed, **metadata):
    rng = np.random.default_rng(seed)
    right = rng.random(N) < np.where(SITE == "rural", 0.6, 0.9)
    answers = np.where(right, TARGETS, 1 - TARGETS)
    columns = {"site": tuple(SITE.tolist()), **metadata}
    return predict(TARGETS, 0.1 + 0.8 * answers, metadata=columns)


def columns_of(study):
    return list(dict.fromkeys(row["column"] for row in subgroup_rows(study)))


def test_the_worst_part_is_found_with_its_bounds_and_its_gap():
    study = study_of({"a": [worse_in_the_country(0)]})

    rows = [row for row in subgroup_rows(study) if row["metric"] == "accuracy"]
    gap = next(row for row in subgroup_gap_rows(study) if row["metric"] == "accuracy")

    assert (tuple(rows[0]), tuple(gap)) == (SUBGROUP_COLUMNS, SUBGROUP_GAP_COLUMNS)
    (worst,) = [row for row in rows if row["is_worst"]]
    assert (worst["subgroup"], worst["groups"]) == ("rural", 100)
    assert worst["estimate.ci_low"] < worst["estimate"] < worst["estimate.ci_high"] < 0.8
    assert worst["p_adjusted"] < 0.01  # of 500 resamples
    assert (gap["worst"], gap["best"], gap["worst_estimate"]) == ("rural", "city", worst["estimate"])
    assert gap["gap.ci_low"] > 0.1


def test_seeds_are_averaged_and_never_chosen():
    study = study_of({"a": [worse_in_the_country(seed) for seed in (0, 1, 2)]})

    found = {(row["subgroup"], row["metric"]): row for row in subgroup_rows(study)}

    each = [subgroup_rows(study_of({"a": [worse_in_the_country(seed)]})) for seed in (0, 1, 2)]
    for rows in zip(*each, strict=True):
        mean = np.mean([row["estimate"] for row in rows])
        assert found[rows[0]["subgroup"], rows[0]["metric"]]["estimate"] == pytest.approx(mean)
    assert "mean over 3 seeds" in found["rural", "accuracy"]["note"]


def test_columns_are_those_that_divide_the_cases_into_few_large_parts():
    rng = np.random.default_rng(0)
    columns = {
        "age": tuple(rng.uniform(20, 90, N).tolist()),  # four quarters
        "name": tuple(f"p{i}" for i in range(N)),  # too many parts
        "scanner": ("one",) * N,  # a single part
        "recalled": tuple("yes" if i < 5 else "no" for i in range(N)),  # a single large part
        "diagnosis": tuple("ill" if target else "well" for target in TARGETS),  # the class again
    }
    predictions = worse_in_the_country(0, **columns)

    assert columns_of(study_of({"a": [predictions]})) == ["site", "age"]
    assert columns_of(study_of({"a": [predictions]}, subgroups=("recalled",))) == ["recalled"]


def test_a_named_column_that_is_not_there_is_said():
    (row,) = subgroup_rows(study_of({"a": [worse_in_the_country(0)]}, subgroups=("country",)))

    assert row["note"] == "the predictions have no column 'country', but site"


def test_macro_averages_run_over_the_classes_in_the_truth_of_a_part():
    """As on the leaderboard: a class that is predicted without a case is not averaged as 0."""
    targets = np.array([0, 1] * 100 + [2] * 40 + [0] * 60)
    site = ("a",) * 240 + ("b",) * 60
    answers = targets.copy()
    answers[240:250] = 2  # in b, of the first class alone
    table = np.eye(3)[answers] * 0.7 + 0.1
    study = study_of({"x": [predict(targets, table, metadata={"site": site})]}, metric="f1_macro")

    part = next(row for row in subgroup_rows(study) if row["subgroup"] == "b")

    assert part["estimate"] == pytest.approx(2 * 50 / (50 + 60))


def test_the_interval_of_a_part_holds_the_spread_between_seeds():
    """Two seeds differ by 0.28 within each part: no part can be known better than the whole."""
    rng = np.random.default_rng(0)
    right = [rng.permutation(np.arange(N) < round(share * N)) for share in (0.98, 0.70)]
    seeds = [
        predict(TARGETS, 0.1 + 0.8 * np.where(ok, TARGETS, 1 - TARGETS), metadata={"site": tuple(SITE)}) for ok in right
    ]

    rows = subgroup_rows(study_of({"a": seeds, "b": [seeds[0]]}))

    widths = {(row["model"], row["metric"]): row["estimate.ci_high"] - row["estimate.ci_low"] for row in rows}
    assert min(widths["a", "accuracy"], widths["a", "sensitivity"]) > 0.5
    assert max(widths["b", "accuracy"], widths["b", "sensitivity"]) < 0.15


def test_a_part_without_an_error_has_an_exact_interval_over_its_patients():
    """Wilson's lower end is n/(n + 3.84); of the sensitivity, n are the patients with the class."""
    perfect = predict(TARGETS, 0.1 + 0.8 * TARGETS, metadata={"site": tuple(SITE)})

    rows = subgroup_rows(study_of({"a": [perfect], "b": [worse_in_the_country(0)]}))

    lows = {(row["subgroup"], row["metric"]): row["estimate.ci_low"] for row in rows if row["model"] == "a"}
    assert lows["rural", "accuracy"] == pytest.approx(100 / 103.84, abs=1e-4)
    assert lows["rural", "sensitivity"] == pytest.approx(50 / 53.84, abs=1e-4)

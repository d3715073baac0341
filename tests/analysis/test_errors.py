import numpy as np
import pytest
from quality_studies import predict, study_of

from arogya_bench.analysis.errors import ERROR_COLUMNS, MISSED_BY_ALL_COLUMNS, NO_CLASS, error_rows, missed_by_all_rows

N = 120
TARGETS = np.arange(N) % 2


def wrong(cases, confidence=0.8):
    """Wrong in these cases, with one confidence for all, or one for each."""
    of_truth = np.full(N, 0.9)
    of_truth[list(cases)] = 1 - np.asarray(confidence)
    return predict(TARGETS, np.where(TARGETS, of_truth, 1 - of_truth))


def of_model(study, name):
    return [row for row in error_rows(study) if row["model"] == name]


def test_the_most_confident_mistakes_come_first():
    study = study_of({"a": [wrong([7, 3, 50], [0.7, 0.99, 0.8])], "b": [wrong([3])], "c": [wrong([3, 50])]})

    rows = of_model(study, "a")

    assert tuple(rows[0]) == ERROR_COLUMNS
    assert [row["case_id"] for row in rows] == ["c3", "c50", "c7"]
    assert [row["other_models_wrong"] for row in rows] == [2, 1, 0]
    assert (rows[0]["target"], rows[0]["predicted"], rows[0]["confidence"]) == (
        "malignant", "benign", pytest.approx(0.99),
    )  # fmt: skip


def test_at_most_twenty_are_listed_and_of_equal_ones_the_first():
    rows = of_model(study_of({"a": [wrong(range(10, 60))]}), "a")

    assert [row["case_id"] for row in rows] == [f"c{i}" for i in range(10, 30)]


def test_a_seed_that_is_right_lowers_the_confidence_of_a_mistake():
    study = study_of({"a": [wrong([1, 2], 0.9), wrong([1], 0.7), wrong([1, 2], 0.9)], "b": [wrong([1, 2])]})

    first, second = of_model(study, "a")

    assert (first["case_id"], first["seeds_wrong"], first["confidence"]) == ("c1", 3, pytest.approx(2.5 / 3))
    assert (second["case_id"], second["seeds_wrong"], second["confidence"]) == ("c2", 2, pytest.approx(0.6))


def test_a_case_that_one_of_three_seeds_misses_is_not_missed_by_the_row():
    study = study_of({"a": [wrong([5]), wrong([]), wrong([6])], "b": [wrong([5])]})

    assert of_model(study, "b")[0]["other_models_wrong"] == 0
    assert missed_by_all_rows(study) == []


def test_cases_that_every_row_misses_are_counted_in_full_and_listed_in_part():
    shared = range(60)
    study = study_of({"a": [wrong([*shared, 70])], "b": [wrong([*shared, 71], 0.95)]})

    rows = missed_by_all_rows(study)

    assert tuple(rows[0]) == MISSED_BY_ALL_COLUMNS
    assert len(rows) == 50
    assert {(row["total"], row["share"], row["models"]) for row in rows} == {(60, 0.5, 2)}


def test_a_row_that_cannot_be_recommended_does_not_excuse_the_others():
    study = study_of(
        {"a": [wrong([4, 9])], "b": [wrong([4, 9])], "blank": [wrong([])]}, excluded={"blank": "it sees no image"}
    )

    assert [row["case_id"] for row in missed_by_all_rows(study)] == ["c4", "c9"]


def test_a_case_without_an_answer_is_missed_and_is_no_confident_mistake():
    silent = wrong([8])
    silent.probabilities[4] = np.nan
    study = study_of({"a": [silent], "b": [wrong([4])]})

    assert [row["case_id"] for row in of_model(study, "a")] == ["c8"]
    (row,) = missed_by_all_rows(study)
    assert (row["case_id"], row["predicted"]) == ("c4", f"malignant, {NO_CLASS}")

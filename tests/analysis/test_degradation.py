from itertools import chain

import numpy as np
import pytest
from quality_studies import condition, predict, study_of

from arogya_bench.analysis.degradation import DEGRADATION_COLUMNS, degradation_rows
from arogya_bench.analysis.robustness_table import robustness_rows

N = 200
TARGETS = np.arange(N) % 2


def right(share, confidence=0.9):
    """Right in exactly this share of the cases, with this confidence."""
    answers = np.where(np.arange(N) < round(share * N), TARGETS, 1 - TARGETS)
    return predict(TARGETS, np.where(answers, confidence, 1 - confidence))


def fall(name, values, severities=(0.1, 0.2, 0.3)):
    """The conditions of one augmentation, with the accuracies of each row."""
    return [
        (condition(name, level, severity), {row: [right(shares[level - 1])] for row, shares in values.items()})
        for level, severity in enumerate(severities, start=1)
    ]


def table(clean, *falls, **options):
    study = study_of({name: [right(share)] for name, share in clean.items()}, conditions=[*chain(*falls)], **options)
    return study, {(row["model"], row["augmentation"]): row for row in degradation_rows(study)}


def test_a_planted_fall_has_its_area_and_its_critical_severity():
    _, rows = table({"a": 0.9}, fall("noise", {"a": (0.9, 0.8, 0.6)}))

    row = rows["a", "noise"]
    assert tuple(row) == DEGRADATION_COLUMNS
    assert (row["clean"], row["floor"], row["conditions"]) == (0.9, pytest.approx(0.81), 3)
    assert row["area"] == pytest.approx((0.9 / 2 + 0.9 + 0.8 + 0.6 / 2) / 3)
    assert row["critical_severity"] == pytest.approx(0.19)  # .81 between .9 at .1 and .8 at .2
    assert (row["severity_scale"], row["monotone"]) == ("severity", True)


def test_the_worst_condition_has_the_interval_of_the_table_of_conditions():
    study, rows = table({"a": 0.9}, fall("noise", {"a": (0.85, 0.8, 0.7)}), fall("blur", {"a": (0.5, 0.8, 0.8)}))

    summary = rows["a", "all"]
    expected = next(row for row in robustness_rows(study) if row["condition"] == "blur_0.1")
    assert (summary["worst_condition"], summary["drop"]) == ("blur_0.1", pytest.approx(0.4))
    assert [summary[f"value{end}"] for end in ("", ".ci_low", ".ci_high")] == [
        expected[f"value{end}"] for end in ("", ".ci_low", ".ci_high")
    ]
    assert rows["a", "noise"]["worst_condition"] == "noise_0.3"
    assert (rows["a", "noise"]["monotone"], rows["a", "blur"]["monotone"]) == (True, False)


def test_a_parameter_that_decreases_is_read_by_the_number_of_its_severity():
    _, rows = table({"a": 0.9}, fall("jpeg", {"a": (0.9, 0.7, 0.5)}, severities=(90, 50, 10)))

    assert rows["a", "jpeg"]["severity_scale"] == "level"
    assert rows["a", "jpeg"]["critical_severity"] == pytest.approx(1.45)


def test_a_floor_that_holds_to_the_end_names_no_number_of_a_severity():
    _, rows = table({"a": 0.9}, fall("jpeg", {"a": (0.9, 0.9, 0.9)}, severities=(90, 50, 10)))

    assert rows["a", "jpeg"]["note"].endswith("not crossed up to the highest severity")


def test_a_model_that_guesses_has_no_rank_and_takes_none():
    clean = {"knows": 0.9, "guesses": 0.5}
    _, rows = table(clean, fall("noise", {"knows": (0.8, 0.7, 0.6), "guesses": (0.5, 0.5, 0.5)}))

    assert (rows["knows", "all"]["rank"], rows["guesses", "all"]["rank"]) == (1, None)
    assert "not ranked: not shown to be better than guessing" in rows["guesses", "all"]["note"]


def test_a_stated_floor_counts_and_one_that_holds_is_not_crossed():
    _, rows = table({"a": 0.9}, fall("noise", {"a": (0.9, 0.8, 0.6)}), robustness_floor=0.5)

    assert (rows["a", "noise"]["floor"], rows["a", "noise"]["critical_severity"]) == (0.5, None)
    assert "not crossed up to severity 0.3" in rows["a", "noise"]["note"]


def test_models_are_ranked_by_what_they_retain_under_the_same_conditions():
    falls = fall("noise", {"frail": (0.7, 0.6, 0.5), "sturdy": (0.8, 0.8, 0.8), "absent": (0.9, 0.9, 0.9)})
    del falls[2][1]["absent"]
    _, rows = table({"frail": 0.9, "sturdy": 0.8, "absent": 0.9}, falls)

    assert (rows["sturdy", "all"]["rank"], rows["frail", "all"]["rank"]) == (1, 2)
    assert rows["sturdy", "all"]["retained"] == pytest.approx(1)
    assert rows["absent", "all"]["rank"] is None
    assert "not ranked: 2 of 3 conditions" in rows["absent", "all"]["note"]


def test_calibration_under_shift_is_the_change_of_ece():
    """Confidence .9 throughout: the error is the distance to the accuracy."""
    _, rows = table({"a": 0.9}, fall("noise", {"a": (0.8, 0.7, 0.6)}))

    row = rows["a", "noise"]
    assert [row["ece_clean"], row["ece_mean"], row["ece_change"], row["ece_worst"]] == pytest.approx([0, 0.2, 0.2, 0.3])


def test_an_augmentation_without_severity_has_a_worst_condition_and_no_curve():
    mirrored = [(condition("mirrored", 0, None), {"a": [right(0.5)]})]

    _, rows = table({"a": 0.9}, mirrored)

    assert (rows["a", "mirrored"]["area"], rows["a", "mirrored"]["critical_severity"]) == (None, None)
    assert rows["a", "mirrored"]["worst_condition"] == "mirrored"
    assert "without a severity" in rows["a", "mirrored"]["note"]


def test_a_metric_of_which_low_is_better_rises_under_degradation():
    _, rows = table({"a": 0.9}, fall("noise", {"a": (0.9, 0.8, 0.6)}), metric="brier")

    row = rows["a", "all"]
    assert (row["worst_condition"], row["rank"], row["retained"]) == ("noise_0.3", None, None)
    assert row["drop"] > 0
    assert rows["a", "noise"]["floor"] == pytest.approx(1.1 * row["clean"])

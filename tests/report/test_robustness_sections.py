"""The sections on degraded images, of rows made by hand."""

import pytest

from arogya_bench.report.robustness_sections import robustness_detail_section, robustness_section
from arogya_bench.report.wording import UNDEFINED


def row(model, condition, value, change, **others):
    start = {"dataset": "d", "model": model, "condition": condition, "augmentation": "rotation", "severity": 15.0}
    ends = {"value.ci_low": None, "value.ci_high": None, "change.ci_low": -0.2, "change.ci_high": 0.1}
    numbers = {"level": 1, "scale": "rotation (degrees)", "metric": "accuracy", "value": value, "change": change}
    return {**start, **ends, **numbers, "score": 0.9, "note": "", **others}


ROWS = [
    row("cnn", "rotation_15", 0.8, -0.05),
    row("cnn", "rotation_30", 0.7, -0.15, severity=30.0),
    row("prior", "rotation_15", 0.3, 0.0, score=1.0),
    row("prior", "rotation_30", 0.3, 0.0, score=1.0, severity=30.0),
]
BOARD = [{"model": "cnn", "above_chance": True}, {"model": "prior", "above_chance": False}]


def test_models_stand_side_by_side_and_one_that_nothing_changes_is_said_once():
    found = robustness_section(ROWS, BOARD, "accuracy")

    assert found.headers == ["condition", "severity", "cnn"]
    assert found.rows == [
        ["rotation_15", "rotation (degrees): 15", "0.800 (90 %)"],
        ["rotation_30", "rotation (degrees): 30", "0.700 (90 %)"],
    ]
    assert found.footnotes == ("prior: 0.300 under every condition, as on clean images.",)


def test_changes_have_intervals_and_sort_as_numbers():
    found = robustness_detail_section(ROWS, "accuracy")

    assert found.rows[1] == ["rotation_30", "rotation (degrees): 30", "-0.150 [-0.200, 0.100]"]
    assert [cells[2].sort for cells in found.cells] == [-0.05, -0.15]


def test_a_model_no_better_than_guessing_keeps_no_share():
    rows = [ROWS[0], {**ROWS[2], "change": -0.1}]

    assert robustness_section(rows, BOARD, "accuracy").rows[0][2:] == ["0.800 (90 %)", "0.300"]


def test_models_of_which_none_changes_are_all_shown():
    assert robustness_section(ROWS[2:], BOARD, "accuracy").headers[2:] == ["prior"]


@pytest.mark.parametrize(("absent", "shown"), [({"severity": None}, UNDEFINED), ({"scale": None}, UNDEFINED)])
def test_a_severity_that_nobody_explains_is_a_dash(absent, shown):
    found = robustness_section([row("cnn", "fog", 0.8, -0.1, **absent)], BOARD, "accuracy")

    assert found.rows[0][1] == shown


def test_a_cell_without_an_evaluation_is_missing():
    found = robustness_section([*ROWS[:2], row("other", "rotation_15", 0.5, -0.1)], BOARD, "accuracy")

    assert found.rows[1][3] == "missing"


def test_a_condition_without_severity_is_in_no_chart(ungraded):
    rows = ungraded.robustness.to_dict("records")

    found = robustness_section(rows, ungraded.leaderboard.to_dict("records"), "f1_macro")

    assert [cells[0] for cells in found.rows] == ["mirrored"]
    assert found.chart is None

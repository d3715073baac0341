"""How the answers of APIs ended under each condition, apart from how well they fit."""

import json

import pandas as pd
import pytest
from api_runs import NOISE, UNDER_NOISE, Answered

from arogya_bench import Comparison, compare
from arogya_bench.comparison.api_outcomes import API_OUTCOME_COLUMNS
from arogya_bench.statistics import wilson

CONDITIONS = ["clean", *UNDER_NOISE]


def row_of(comparison, model, condition):
    table = comparison.api_outcomes
    (row,) = table[(table["model"] == model) & (table["condition"] == condition)].to_dict("records")
    return row


def test_every_model_behind_an_api_has_a_row_for_each_condition(degraded):
    table = degraded.api_outcomes

    assert list(table.columns) == list(API_OUTCOME_COLUMNS)
    assert set(table["model"]) == {"gemini", "gemini+blank", "medgemma"}
    assert all(rows["condition"].tolist() == CONDITIONS for _, rows in table.groupby("model"))


def test_rates_are_those_of_the_condition(degraded):
    """5 of 100 blocked on clean images; none, then 20 blocked and 40 refused under noise."""
    rates = [
        [row_of(degraded, "gemini", condition)[name] for name in ("coverage", "blocked_rate", "refused_rate")]
        for condition in CONDITIONS
    ]

    assert rates == [[0.95, 0.05, 0.0], [1.0, 0.0, 0.0], [0.4, 0.2, 0.4]]
    assert row_of(degraded, "medgemma", UNDER_NOISE[1])["coverage"] == 1.0


def test_rates_under_a_condition_have_wilsons_interval(degraded):
    row = row_of(degraded, "gemini", UNDER_NOISE[1])

    low, high = wilson(40, 100).ci
    assert (row["refused_rate.ci_low"], row["refused_rate.ci_high"]) == pytest.approx((low, high), abs=1e-9)


def test_a_loss_from_refusals_leaves_the_accuracy_of_the_others(degraded):
    """The answers are the same under every condition; only fewer come."""
    clean, noisy = (row_of(degraded, "gemini", condition) for condition in ("clean", UNDER_NOISE[1]))

    assert noisy["accuracy"] < clean["accuracy"] - 0.4
    assert noisy["accuracy"] == pytest.approx(0.4 * noisy["accuracy_answered"])
    assert noisy["accuracy_answered"] == pytest.approx(clean["accuracy_answered"], abs=0.1)


def test_clean_rows_agree_with_the_table_of_apis(degraded):
    clean = degraded.api_outcomes[degraded.api_outcomes["condition"] == "clean"].set_index("model")
    shared = [name for name in clean if name in degraded.api and name != "dataset"]

    pd.testing.assert_frame_equal(clean[shared], degraded.api.set_index("model")[shared])


def test_a_condition_that_no_case_was_answered_under_has_its_rates(api_study):
    study = api_study()
    answered = (Answered(), Answered(failures=(("refused", 100),)), Answered())
    study.hosted(answered=answered, noise=NOISE)
    study.local("cnn", noise=NOISE)

    row = row_of(compare("study", tracking_uri=study.store.uri), "gemini", UNDER_NOISE[0])

    assert (row["coverage"], row["refused_rate"], row["accuracy"]) == (0.0, 1.0, 0.0)
    assert pd.isna(row["accuracy_answered"])


def test_the_table_is_written_and_read(degraded, tmp_path):
    degraded.to_csv(tmp_path)

    assert Comparison.from_json(degraded.to_json()).to_json() == degraded.to_json()
    assert len(pd.read_csv(tmp_path / "api_outcomes.csv")) == 9


def test_a_comparison_of_an_earlier_version_has_an_empty_table(degraded):
    stored = json.loads(degraded.to_json())
    del stored["api_outcomes"]

    again = Comparison.from_json(json.dumps(stored))

    assert again.api_outcomes.empty
    assert list(again.api_outcomes.columns) == list(API_OUTCOME_COLUMNS)

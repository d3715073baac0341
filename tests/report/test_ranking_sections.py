"""The sections about the ranking, of a comparison and of rows made by hand."""

from dataclasses import replace

import pytest

from arogya_bench.report.content import arrange_report
from arogya_bench.report.planning_sections import planning_section
from arogya_bench.report.ranking_sections import (
    agreement_section,
    margins_section,
    rank_stability_section,
    ranks_section,
)
from arogya_bench.report.sections import NO_CLASSES, leaderboard_section, pairwise_section
from arogya_bench.report.wording import UNDEFINED, format_chance

PAIR = {
    "a": "x", "b": "y", "effect_size": 0.25, "effect_size_kind": "d_z", "margin": 0.02, "worst_loss": 0.034,
    "non_inferior": "not shown", "equivalent": "not shown", "groups_needed": 900, "family": 1, "difference": 0.01,
    "difference.ci_low": -0.02, "difference.ci_high": 0.034, "p_value": 0.4, "p_adjusted": 0.4, "mcnemar_p": None,
    "conclusion": "no difference shown", "method": "t, variance over groups", "correction": "max_t", "note": "",
}  # fmt: skip


def sections(comparison):
    (dataset, *_) = arrange_report(comparison).datasets
    return {section.name: section for section in dataset.sections}


def test_the_leaderboard_shows_how_sure_its_ranks_are(comparison):
    board = sections(comparison)["leaderboard"]

    row = dict(zip(board.headers, board.rows[0], strict=True))
    ranks = comparison.ranks.iloc[0]
    assert row["P(best)"] == format_chance(ranks["p_best"])
    assert row["rank (95\u00a0%)"].split("\u2013")[0] == str(ranks["rank.ci_low"])
    assert "P(best)" in board.brief().headers
    assert "rank (95\u00a0%)" not in board.brief().headers


def test_a_comparison_of_an_earlier_version_has_no_such_columns(comparison):
    columns = ["rank.ci_low", "rank.ci_high", "p_best", "tie_group", "optimism_corrected"]
    margins = ["margin", "worst_loss", "non_inferior", "equivalent", "correction"]
    earlier = replace(
        comparison,
        leaderboard=comparison.leaderboard.drop(columns=columns),
        pairwise=comparison.pairwise.drop(columns=margins),
        **{name: getattr(comparison, name).head(0) for name in ("ranks", "rank_stability", "agreement")},
    )

    found = sections(earlier)

    assert "P(best)" not in found["leaderboard"].headers
    assert not {"margins", "ranks", "rank-stability", "agreement"} & set(found)


def test_only_the_chosen_test_is_named():
    chosen = {**PAIR, "method": "DeLong", "correction": "holm"}

    assert "Test:" not in pairwise_section([PAIR], "accuracy").note
    assert pairwise_section([chosen], "auroc").note.endswith("Test: DeLong; correction: holm.")


def test_the_number_of_patients_that_would_decide_is_beside_the_margin():
    shown = {**PAIR, "conclusion": "x is better", "groups_needed": None}

    found = margins_section([PAIR, shown], "accuracy", "patient")

    assert found.headers[-1] == "patients that would decide"
    assert [row[-1] for row in found.rows] == ["900", "shown"]
    assert "margin of 0.02" in found.note


def test_a_corrected_score_is_beside_the_best_model_alone():
    best = {"rank": 1, "model": "x", "rank.ci_low": 1, "rank.ci_high": 2, "p_best": 0.9996, "p_top_3": 1.0,
            "tie_group": "a", "optimism_corrected": 0.8, "optimism": 0.012, "note": ""}  # fmt: skip
    second = {**best, "rank": 2, "model": "y", "p_best": 0.0004, "optimism_corrected": None, "optimism": None}

    found = ranks_section([best, second], "accuracy")

    assert found.rows[0] == ["x", "a", "0.800", "0.012"]
    assert found.rows[1][-2:] == [UNDEFINED, UNDEFINED]


def test_who_is_among_the_first_three_is_said_of_four():
    row = {"rank": 1, "model": "x", "p_top_3": 1.0, "tie_group": "a", "optimism_corrected": None, "note": ""}

    assert "P(among 3 best)" in ranks_section([row] * 4, "accuracy").headers
    assert "P(among 3 best)" not in ranks_section([row] * 3, "accuracy").headers
    assert "corrected is" not in ranks_section([row] * 3, "accuracy").note


def test_without_predicted_classes_nothing_is_said_of_right_ones():
    section = pairwise_section([{**PAIR, "mcnemar_p": None, "discordant_groups": None}], "mAP50", task="detection")
    reasons = {column.header: column.empty_reason for column in section.without_empty_columns().left_out}
    planned = {"a": "x", "b": "y", "margin": 0.02, "false_claim": 0.3, "accuracy_difference": None, "note": ""}

    assert reasons["discordant groups"] == reasons["McNemar p"] == NO_CLASSES
    assert planning_section([planned], [], "mAP50").headers == ["pair", "P(not better)"]
    assert "in groups as large" not in planning_section([planned], [], "mAP50").note


def test_a_source_without_a_ranking_is_a_footnote():
    row = {"source": "seeds", "n": 3, "tau": 1.0, "tau_low": -0.5, "same_order": 1.0, "leader": "x",
           "leader_rank_low": 1, "leader_rank_high": 1, "first": "x 100 %", "note": ""}  # fmt: skip
    none = {**row, "source": "methods of ranking", "n": 0, "note": "f1_macro is no mean over cases"}

    found = rank_stability_section([row, none])

    assert found.rows == [["seeds", "3", "1.00 (\u22120.50)", "100 %", "1", "x 100 %"]]
    assert found.footnotes == ("methods of ranking: f1_macro is no mean over cases.",)


def test_the_test_of_all_models_is_the_last_row(comparison):
    found = sections(comparison)["agreement"]

    assert found.rows[-1][0] == "all models"
    assert agreement_section([]).records == []


@pytest.mark.parametrize(("share", "text"), [(0.0, "0 %"), (1.0, "100 %"), (0.5, "50 %"), (None, UNDEFINED)])
def test_a_certain_share_is_shown_as_such(share, text):
    assert format_chance(share) == text


def test_without_ranks_the_leaderboard_says_nothing_of_them():
    assert "P(best)" not in leaderboard_section([], "accuracy", []).note

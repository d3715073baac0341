"""The first screen: the answer in one sentence, its numbers, what it rests on, what it does not show, and warnings."""

from dataclasses import replace

import pandas as pd
import pytest

from arogya_bench.comparison.limits import LIMIT_COLUMNS
from arogya_bench.comparison.table_frames import to_table
from arogya_bench.comparison.verdict import LOWEST_COST, NOT_WORSE, ONLY_ONE
from arogya_bench.report.content import arrange_report
from arogya_bench.report.summary_limits import list_not_shown, list_warnings
from arogya_bench.report.words import load_words

FACTS = {"dataset": "clinic", "name": "clinic", "metric": "accuracy", "grouped": True, "gate_findings": []}
ROW = {
    "model": "cnn", "rank": 1, "seeded": True, "seeds": [1, 2], "groups": 400, "kind": "local", "note": "",
    "latency_p50_ms": 3.0,
}  # fmt: skip
FULL = {
    "leaderboard": [ROW], "robustness": [{"model": "cnn"}], "subgroups": [{"model": "cnn"}],
    "ranks": [{"rank": 1, "optimism": 0.001}],
}  # fmt: skip
CLINICAL = "Whether patients are better off with it: only a clinical study can show that."
SAME_SOURCE = "Whether it holds at another site: training and test cases come from the same source."


GERMAN = load_words("de")
LIMIT = {
    **dict.fromkeys(LIMIT_COLUMNS), "dataset": "synthetic-60x3", "model": "opencv", "limit": "licence",
    "quantity": "licence", "verdict": "undecided", "reason": "its licence is not stated",
}  # fmt: skip


def summary_of(comparison):
    (dataset, *_) = arrange_report(comparison).datasets
    return dataset.summary


def lowered(comparison):
    """The comparison as if low values of its metric were better."""
    datasets = [{**facts, "direction": "low"} for facts in comparison.about["datasets"]]
    return replace(comparison, about={**comparison.about, "datasets": datasets})


def with_verdict(comparison, **fields):
    return replace(comparison, verdict=comparison.verdict.assign(**fields))


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        (
            {"verdict": "ahead", "models": "opencv", "recommended": "opencv"},
            "opencv: it is shown to be better than each other model that may be recommended.",
        ),
        ({"verdict": "recommended", "models": "opencv", "recommended": "opencv"}, "opencv: it is the one to take"),
        ({"alternatives": "opencv, prior"}, "Any of opencv and prior: they differ by too little"),
        ({}, "Not decided: these cases do not show which of opencv and prior is better."),
        ({"models": "opencv"}, "Not decided: opencv cannot be recommended on these cases."),
        ({"models": ""}, "Not decided: no model can be recommended on these cases."),
    ],
)
def test_the_answer_is_one_sentence(comparison, fields, answer):
    assert summary_of(with_verdict(comparison, **fields)).answer.startswith(answer)


@pytest.mark.parametrize(
    ("reason", "because", "has_cheaper"),
    [
        (f"opencv {ONLY_ONE}, on 9 cases.", "since it alone is shown to meet every limit.", False),
        (f"Take opencv: both are equivalent, and opencv {LOWEST_COST}.", "since it is shown to cost least of", False),
        (f"Take opencv: it loses little, {NOT_WORSE}.", "since it alone is shown to lose too little", True),
    ],
)
def test_a_recommendation_says_why(comparison, reason, because, has_cheaper):
    alternatives = "" if ONLY_ONE in reason else "prior"
    fields = {"verdict": "recommended", "models": "opencv", "recommended": "opencv", "alternatives": alternatives}

    answer = summary_of(with_verdict(comparison, **fields, reason=reason)).answer

    assert answer.startswith(f"opencv: it is the one to take of these models, {because}")
    assert answer.endswith("prior is cheaper and loses too little to matter.") == has_cheaper
    assert GERMAN.find("sentences", answer.partition(" prior")[0]) is not None


@pytest.mark.parametrize(
    ("models", "answer"),
    [
        ("opencv, prior", "Not decided: none of opencv and prior is shown to meet every limit yet."),
        ("prior", "Not decided: prior is not shown to meet every limit yet."),
    ],
)
def test_an_open_limit_is_not_taken_for_models_that_are_not_told_apart(comparison, models, answer):
    limits = to_table("limits", [LIMIT, {**LIMIT, "model": "prior"}])
    limited = replace(with_verdict(comparison, models=models, alternatives=""), limits=limits)

    assert summary_of(limited).answer == answer


def test_a_limit_that_is_met_leaves_the_reason_to_the_cases(comparison):
    limits = to_table("limits", [{**LIMIT, "verdict": "eligible", "reason": ""}])
    limited = replace(with_verdict(comparison, alternatives=""), limits=limits)

    assert "these cases do not show which" in summary_of(limited).answer


def test_a_single_model_has_nothing_to_be_compared_with(comparison):
    alone = replace(comparison, leaderboard=comparison.leaderboard.head(1), pairwise=comparison.pairwise.head(0))

    assert summary_of(with_verdict(alone, models="opencv")).answer.startswith("Not decided: there is no other model")


def test_three_numbers_are_metric_difference_and_the_weakest_class(comparison):
    first, second, third = summary_of(comparison).numbers

    assert (first.label, first.term) == ("f1_macro of opencv", "f1_macro")
    assert second.label == "Difference in f1_macro to prior"
    assert third.label.startswith("Lowest sensitivity of a class by ")
    assert all("[" in number.value for number in (first, second, third))


def test_the_difference_is_that_of_the_answer_also_if_the_table_has_it_the_other_way_round(comparison):
    pair = comparison.pairwise.iloc[0]

    second = summary_of(with_verdict(comparison, recommended="prior", models="prior")).numbers[1]

    assert second.label == "Difference in f1_macro to opencv"
    assert second.value.startswith(f"{-pair['difference']:+.3f} [{-pair['difference.ci_high']:.3f}")


def test_of_two_classes_the_third_number_is_the_locked_operating_point(comparison):
    points = comparison.operating_points
    two_classes = points[points["positive_class"] == "alder"]

    third = summary_of(replace(comparison, operating_points=two_classes)).numbers[2]

    assert third.label == "Sensitivity and specificity of opencv for alder at the threshold for a sensitivity of 0.95"


def test_without_classes_the_worst_degradation_is_the_third_number(comparison):
    bare = replace(comparison, operating_points=comparison.operating_points[:0], per_class=comparison.per_class[:0])

    assert summary_of(bare).numbers[2].label.endswith("the worst degradation")


def test_of_a_metric_whose_low_values_are_better_the_first_screen_says_so(comparison):
    low = lowered(comparison)
    bare = replace(low, operating_points=low.operating_points[:0], per_class=low.per_class[:0])
    worst = bare.robustness[bare.robustness["model"] == "opencv"].sort_values("change").iloc[-1]

    first, second, third = summary_of(bare).numbers

    assert first.label == "f1_macro (lower is better) of opencv"
    assert second.label == "Difference in f1_macro (lower is better) to prior"
    assert third.label == f"Change of opencv under {worst['condition']}, the worst degradation"


def test_a_lower_value_beats_a_higher_one_if_lower_is_better(comparison):
    ahead = with_verdict(comparison, verdict="ahead", models="opencv", recommended="opencv", alternatives="")
    pairs = ahead.pairwise.assign(a="opencv", b="prior", difference=-0.2, p_adjusted=0.01)

    answer = summary_of(lowered(replace(ahead, pairwise=pairs))).answer

    assert answer == "opencv: it is shown to be better than each other model."


def test_the_lead_is_over_the_next_model_that_meets_every_limit(comparison):
    board, pair = comparison.leaderboard, comparison.pairwise.iloc[[0]]
    third = replace(
        comparison,
        leaderboard=pd.concat([board, board.iloc[[1]].assign(model="other")], ignore_index=True),
        pairwise=pd.concat([comparison.pairwise, pair.assign(a="opencv", b="other")], ignore_index=True),
        limits=to_table("limits", [{**LIMIT, "model": "prior", "verdict": "excluded"}]),
    )

    assert summary_of(third).numbers[1].label == "Difference in f1_macro to other"


def test_what_the_answer_rests_on(comparison):
    about = {**comparison.about, "evaluated_from": "2026-11-01", "evaluated_to": "2026-11-03", "version": "9.9"}

    rests_on = dict(summary_of(replace(comparison, about=about)).rests_on)

    assert rests_on["Patients"] == "8"
    assert rests_on["Test cases"] == "19"
    assert rests_on["Training seeds"] == "none of these models depends on one"
    assert rests_on["Evaluated (UTC)"] == "2026-11-01 to 2026-11-03"
    assert rests_on["arogya-bench"] == "9.9"


def test_patients_that_nobody_names_are_not_counted(twofold):
    clinic = arrange_report(twofold).datasets[1].summary

    assert dict(clinic.rests_on)["Patients"] == "not named by the dataset"


def test_a_full_study_has_little_that_it_does_not_show():
    assert list_not_shown({}, FULL, FACTS) == (SAME_SOURCE, CLINICAL)


@pytest.mark.parametrize(
    ("tables", "facts", "about", "sentence"),
    [
        ({}, {"name": "synthetic-9x2"}, {}, "Anything about patients: the images of this dataset are synthetic."),
        ({"leaderboard": [{**ROW, "groups": 40}]}, {}, {}, "Small differences: 40 patients can show large ones only."),
        ({}, {"sites": 3}, {}, "Whether it holds at another site than the 3 sites of the test cases."),
        ({"models": [{"model": "cnn", "imported_from": "a.csv"}]}, {}, {}, "site: the data name no site."),
        ({"models": [{"model": "cnn", "imported_from": "a.csv"}]}, {}, {}, "imported predictions of cnn do not say it"),
        ({"leaderboard": [{**ROW, "seeds": [1]}]}, {}, {}, "How much another training would change: cnn was trained"),
        ({}, {}, {"variants": "all"}, "How good the best variant is"),
        ({"ranks": [{"rank": 1, "optimism": 0.03}]}, {}, {}, "it looks better by about 0.03."),
        ({"robustness": []}, {}, {}, "How the models do on degraded images"),
        ({"leaderboard": [{**ROW, "latency_p50_ms": None}]}, {}, {}, "How fast the models are"),
        (
            {"leaderboard": [{**ROW, "latency_grade": "D"}]},
            {},
            {},
            "How fast the models are: the machine was disturbed",
        ),
        ({"subgroups": []}, {}, {}, "Whether some patients fare worse"),
    ],
)
def test_each_gap_is_named_if_it_is_there(tables, facts, about, sentence):
    shown = list_not_shown(about, {**FULL, **tables}, {**FACTS, **facts})

    assert any(sentence in line for line in shown)
    assert not any(sentence in line for line in list_not_shown({}, FULL, FACTS))


def test_warnings_are_in_the_order_of_their_weight():
    finding = {"code": "AB302", "title": "t", "count": 1, "detail": "", "fix": "f"}
    facts = {
        **FACTS,
        "gate_findings": [{**finding, "severity": "error", "code": "AB101"}, {**finding, "severity": "warning"}],
        "caveats": ["No patient is named."],
    }
    tables = {"leaderboard": [{**ROW, "note": "only 25 groups: the interval may be too narrow"}]}

    shown = list_warnings({"notes": "One seed."}, tables, facts)

    assert [warning.weight for warning in shown] == ["error", "warning", "warning", "note", "note"]
    assert shown[0].text.startswith("AB101")
    assert [warning.text for warning in shown[2:]] == [
        "No patient is named.",
        "One seed.",
        "cnn: only 25 groups: the interval may be too narrow.",
    ]


def test_one_seed_is_not_as_many_as_its_number(comparison):
    seeds = [[42] for _ in comparison.leaderboard.index]
    seeded = comparison.leaderboard.assign(seeded=True, seeds=seeds)

    assert dict(summary_of(replace(comparison, leaderboard=seeded)).rests_on)["Training seeds"] == "1 (seed 42)"


def test_a_model_without_any_result_is_a_warning_and_one_with_some_is_not():
    failed = {"cause": "ConfigError", "condition": "clean"}
    missing = [{**failed, "model": "gemini"}, {**failed, "model": "gemini"}, {**failed, "model": "cnn"}]

    (warning,) = list_warnings({"notes": ""}, {"leaderboard": [ROW], "missing": missing}, FACTS)

    assert (warning.weight, warning.text) == ("warning", "gemini was asked for and gave no result (ConfigError).")


def test_better_than_all_is_said_only_if_each_pair_shows_it(comparison):
    ahead = with_verdict(comparison, verdict="ahead", models="opencv", recommended="opencv", alternatives="prior")
    shown = replace(ahead, pairwise=ahead.pairwise.assign(a="opencv", b="prior", difference=0.2, p_adjusted=0.01))
    beaten = replace(shown, pairwise=shown.pairwise.assign(difference=-0.2))

    cheaper = " prior is cheaper and loses too little to matter."
    assert summary_of(shown).answer == f"opencv: it is shown to be better than each other model.{cheaper}"
    assert "that may be recommended" in summary_of(beaten).answer


def test_imported_predictions_say_nothing_of_seeds(comparison):
    imported = replace(comparison, models=comparison.models.assign(imported_from="scores.csv"))

    assert dict(summary_of(imported).rests_on)["Training seeds"] == "not stated by imported predictions"

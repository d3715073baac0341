"""Ranks, ties and the optimism of studies with a planted truth."""

import numpy as np
import pytest
from planted_studies import answers, build_study, predict, row

from arogya_bench.analysis.ranks import RANK_COLUMNS, add_ranks, rank_rows
from arogya_bench.statistics.selection_bias import classification_winner

TARGETS = np.arange(300) % 3


def make(accuracies, *, targets=TARGETS, seed=0):
    rng = np.random.default_rng(seed)
    classes = int(targets.max()) + 1
    return [
        row(name, predict(targets, answers(rng, targets, accuracy, classes), classes=classes))
        for name, accuracy in accuracies.items()
    ]


def by_model(study):
    return {found["model"]: found for found in rank_rows(study)}


def test_a_clear_winner_is_first_in_every_resample():
    found = by_model(build_study(make({"good": 0.95, "fair": 0.6, "poor": 0.55})))

    assert tuple(found["good"]) == RANK_COLUMNS
    assert [found["good"][key] for key in ("rank", "rank.ci_low", "rank.ci_high", "p_best")] == [1, 1, 1, 1.0]
    assert (found["fair"]["rank.ci_low"], found["fair"]["rank.ci_high"]) == (2, 3)
    assert [found[name]["tie_group"] for name in ("good", "fair", "poor")] == ["a", "b", "b"]
    assert sum(row["p_best"] for row in found.values()) == pytest.approx(1)


def test_copies_share_their_chances_and_a_letter():
    (good,) = make({"good": 0.9})

    found = by_model(build_study([good, row("copy", *good.predictions)]))

    for name in ("good", "copy"):
        assert (found[name]["rank"], found[name]["rank.ci_low"], found[name]["rank.ci_high"]) == (1, 1, 2)
        assert (found[name]["p_best"], found[name]["tie_group"]) == (0.5, "a")


def test_three_copies_may_have_each_of_three_ranks():
    (good,) = make({"good": 0.9})

    found = by_model(build_study([row(name, *good.predictions) for name in "abc"]))

    assert {(line["rank"], line["rank.ci_low"], line["rank.ci_high"]) for line in found.values()} == {(1, 1, 3)}


def test_an_excluded_row_keeps_its_rank_and_is_not_the_best():
    found = by_model(build_study(make({"cheat": 0.99, "good": 0.9, "poor": 0.4}), excluded=["cheat"]))

    assert [found[name]["rank"] for name in ("cheat", "good", "poor")] == [1, 2, 3]
    assert (found["cheat"]["rank.ci_high"], found["good"]["rank.ci_low"]) == (1, 2)
    assert (found["cheat"]["p_best"], found["good"]["p_best"]) == (None, 1.0)
    assert found["cheat"]["optimism_corrected"] is None
    assert "cannot be recommended" in found["cheat"]["note"]


def test_a_control_has_neither_rank_nor_letter():
    found = by_model(build_study(make({"good": 0.9, "blank": 0.4, "poor": 0.3}), controls=["blank"]))

    assert [found["blank"][key] for key in ("rank", "p_best", "tie_group")] == [None, None, None]
    assert (found["poor"]["rank"], found["poor"]["rank.ci_high"]) == (2, 2)
    assert found["blank"]["note"] == "a control takes no rank"


@pytest.mark.parametrize("metric", ["f1_macro", "auroc_macro_ovr", "brier"])
def test_the_correction_for_optimism_is_that_of_the_winner_of_resamples(metric):
    rows = make({f"m{i}": 0.8 for i in range(6)})
    study = build_study(rows, metric=metric)

    found = rank_rows(study)

    draws = study.judgement.rows[0].mean_over_seeds(metric).draws
    models = {each.name: study.evaluated[each.name].predictions[0].probabilities for each in study.rows}
    expected = classification_winner(TARGETS, models, draws=draws, metric=metric)
    assert found[0]["optimism_corrected"] == pytest.approx(expected.corrected)
    assert found[0]["optimism"] == pytest.approx(expected.optimism)
    assert [each["selection_share"] for each in found] == pytest.approx(expected.wins.tolist())
    assert all(each["optimism_corrected"] is None for each in found[1:])


def test_variants_that_were_tried_add_to_the_optimism():
    rows = make({"chosen": 0.80, "other": 0.78})
    variants = make({f"v{i}": 0.79 for i in range(8)}, seed=5)

    alone, among = (by_model(build_study(rows, tried=tried))["chosen"] for tried in ([], variants))

    assert among["optimism"] > alone["optimism"] > 0
    assert among["optimism_corrected"] < 0.80
    assert among["selection_share"] < alone["selection_share"]
    assert "10 models, 8 of them variants" in among["note"]


def test_one_model_has_a_rank_and_no_chance():
    found = by_model(build_study(make({"only": 0.8})))["only"]

    assert (found["rank"], found["rank.ci_low"], found["p_best"], found["optimism_corrected"]) == (1, None, None, None)
    assert "no two models" in found["note"]


def test_the_seeds_of_a_row_are_averaged_within_each_resample():
    one, two, three = make({"a": 0.9, "b": 0.7, "c": 0.78})

    found = by_model(build_study([row("ab", *one.predictions, *two.predictions), three]))

    # by the best seed it would win always
    assert found["ab"]["p_best"] < 0.95


def test_the_leaderboard_gets_the_columns_of_its_models():
    ranks = rank_rows(build_study(make({"good": 0.9, "poor": 0.5})))
    board = [{"dataset": "lesions", "rank": 1, "model": "good"}, {"dataset": "lesions", "rank": 2, "model": "poor"}]

    found = add_ranks(board, ranks)

    assert list(found[0]) == [
        "dataset", "rank", "rank.ci_low", "rank.ci_high", "p_best", "tie_group", "optimism_corrected", "model"
    ]  # fmt: skip
    assert [each["tie_group"] for each in found] == ["a", "b"]


def test_the_spread_between_seeds_is_in_ranks_and_chances():
    seeds = {"a": (0.95, 0.85, 0.75), "b": (0.9, 0.8, 0.7)}
    rows = [
        row(name, *(make({"one": share}, seed=number)[0].predictions[0] for number, share in enumerate(shares)))
        for name, shares in seeds.items()
    ]

    found = by_model(build_study(rows))

    assert 0.5 < found["a"]["p_best"] < 0.9
    assert (found["a"]["rank.ci_low"], found["a"]["rank.ci_high"]) == (1, 2)


def test_a_calibration_error_is_not_corrected_for_the_few_cases_of_a_resample():
    """Three confidences on equal answers: one row wins every resample, so that nothing was chosen by chance."""
    chosen = answers(np.random.default_rng(0), TARGETS, 0.8, 3)
    rows = [row(f"p{p:g}", predict(TARGETS, chosen, classes=3, confidence=p)) for p in (0.8, 0.99, 0.5)]

    found = rank_rows(build_study(rows, metric="ece"))[0]

    assert (found["model"], found["selection_share"]) == ("p0.8", 1.0)
    assert found["optimism"] == pytest.approx(0, abs=1e-12)


def test_variants_that_were_tried_cost_no_more_than_the_score_of_the_chosen_one():
    """Ten models of equal accuracy, of which four are compared: their best is too high by less than the best of ten."""
    scores, corrected = [], []
    for study in range(6):
        rng = np.random.default_rng(study)
        rows = [
            row(f"m{i}", predict(TARGETS, np.where(rng.random(300) < 0.85, TARGETS, (TARGETS + 1) % 3), classes=3))
            for i in range(10)
        ]
        found = rank_rows(build_study(rows[:4], tried=rows[4:], resamples=200))[0]
        scores.append(found["optimism_corrected"] + found["optimism"])
        corrected.append(found["optimism_corrected"])

    assert np.mean(scores) > 0.86
    assert np.mean(corrected) == pytest.approx(0.85, abs=0.008)


def test_a_calibration_error_of_one_patient_has_no_correction():
    rows = [row(name, predict(TARGETS, TARGETS, classes=3, groups=TARGETS * 0)) for name in "ab"]

    found = rank_rows(build_study(rows, metric="ece"))[0]

    assert (found["optimism_corrected"], "no correction for optimism" in found["note"]) == (None, True)

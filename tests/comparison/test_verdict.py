"""The sentences of a verdict, from evaluations in a store."""

from pathlib import Path

import pandas as pd
import pytest

from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.comparison.loading import load_evaluations
from arogya_bench.comparison.tables import compare_block
from arogya_bench.tracking.runs import get_run


def verdict_of(tables):
    (verdict,) = tables.verdict
    return verdict


SEEDED = {"arogya.seeded": "true"}  # as of a model that every seed fits differently


def test_a_lead_that_is_shown_comes_with_the_one_that_would_be(logged, compare_only, roster):
    source = roster(patients=300, visits=1)
    logged("strong", skill=1.5, source=source)
    logged("weak", skill=0.7, draw=1, source=source)

    verdict = verdict_of(compare_only())

    assert verdict["verdict"] == "ahead"
    assert verdict["reason"].startswith("strong is better than weak on 180 cases: the difference in f1_macro is shown")
    assert " points of f1_macro would be shown by 80 % of studies like this one." in verdict["reason"]


def test_what_would_decide_is_a_number_of_patients(logged, compare_only, roster):
    source = roster(patients=300, visits=1)
    logged("a", skill=1.0, source=source)
    logged("b", skill=0.9, draw=1, source=source)

    reason = verdict_of(compare_only())["reason"]

    assert "Most of the uncertainty comes from the cases; " in reason


def test_what_would_decide_is_a_number_of_seeds_where_seeds_dominate(logged, compare_only, roster):
    source = roster(patients=2000, visits=1)
    for seed, (a, b) in enumerate([(1.9, 0.6), (0.7, 1.4), (1.5, 0.9)], start=1):
        logged("a", skill=a, seed=seed, draw=10 * seed, source=source)
        logged("b", skill=b, seed=seed, draw=10 * seed + 1, source=source)

    found = compare_only()

    assert "Most of the uncertainty comes from the training seeds (" in verdict_of(found)["reason"]
    assert found.pairwise[0]["seed_share"] > 0.5
    assert all(row["seed_sd"] > 0 for row in found.leaderboard)


def test_one_seed_of_a_trained_model_is_one_fit(logged, compare_only):
    logged("net", skill=4.0, tags=SEEDED)
    logged("svm", skill=0.0, draw=1)

    notes = verdict_of(compare_only())["notes"]

    assert "One seed: the verdict is about this fit of net, not about the recipe" in notes


def test_a_model_that_no_seed_changes_is_no_single_fit(logged, compare_only):
    logged("strong", skill=4.0)
    logged("weak", skill=0.0, draw=1)

    found = compare_only()

    assert "One seed" not in verdict_of(found)["notes"]
    assert [row["seeded"] for row in found.leaderboard] == [False, False]


def test_rows_that_do_not_beat_guessing_are_named(logged, compare_only):
    logged("strong", skill=4.0)
    logged("coin", skill=0.0, draw=1)

    found = compare_only()

    assert verdict_of(found)["notes"].startswith("Not shown to be better than guessing")
    assert verdict_of(found)["notes"].splitlines()[0].endswith(": coin.")
    assert [row["above_chance"] for row in found.leaderboard] == [True, False]


def test_a_leader_that_does_not_beat_guessing_is_not_named(logged, compare_only):
    logged("coin", skill=0.0)
    logged("worse", skill=-4.0, draw=1)

    verdict = verdict_of(compare_only())

    assert verdict["verdict"] == "undecided"
    assert verdict["reason"].startswith("coin ranks first but is not shown to be better than guessing on 36 patients.")


def test_a_class_without_a_test_case_is_named_with_both_values(logged, compare_only, store):
    """The predictions name a third class, which no case has."""
    for run in (logged("a", skill=4.0), logged("b", skill=0.0, draw=1)):
        add_class(store, run, "unseen", wrong_from=30)

    found = compare_only()

    assert "No test case of unseen: averages over classes leave it out for every model." in verdict_of(found)["notes"]
    row = found.leaderboard[0]
    assert row["f1_macro.as_logged"] < row["f1_macro"]
    assert "with the classes that scikit-learn averages, as its run logs" in row["note"]


def test_many_small_classes_are_one_note(logged, compare_only, store):
    names = [f"small {k}" for k in range(12)]
    for run in (logged("a", skill=4.0), logged("b", skill=0.0, draw=1)):
        path = Path(get_run(store.uri, run).artifact_uri) / "predictions.parquet"
        table = pd.read_parquet(path).sort_values("case_id", ignore_index=True)
        table.loc[range(0, 24, 2), "target"] = names  # one patient each
        empty = pd.DataFrame(0.0, index=table.index, columns=[f"p_{name}" for name in names])
        pd.concat([table, empty], axis=1).to_parquet(path, index=False)

    notes = verdict_of(compare_only())["notes"].splitlines()

    (note,) = [note for note in notes if "small" in note]
    assert note == (
        "12 classes have fewer than 5 patients in the test split: small 0 (1), small 1 (1), small 2 (1), small 3 (1), "
        "small 4 (1) and 7 more; the table per_class has all of them."
    )


def test_a_weighted_kappa_comes_with_the_order_of_the_classes(logged, compare_only, store):
    for run in (logged("a", skill=4.0), logged("b", skill=0.0, draw=1)):
        add_class(store, run, "unseen", wrong_from=30)

    notes = verdict_of(compare_only("kappa_quadratic"))["notes"]

    assert ", unseen. It means nothing in another one: dataset.ordinal=true" in notes


def add_class(store, run_id, name, *, wrong_from):
    """Add a class to stored predictions; the cases from a position on are predicted as this class."""
    path = Path(get_run(store.uri, run_id).artifact_uri) / "predictions.parquet"
    table = pd.read_parquet(path)
    columns = [column for column in table if column.startswith("p_")]
    chosen = range(wrong_from, len(table))
    table[f"p_{name}"] = 0.0
    table.loc[chosen, columns], table.loc[chosen, f"p_{name}"], table.loc[chosen, "predicted"] = 0.0, 1.0, name
    table.to_parquet(path, index=False)


def test_a_row_trained_on_the_test_images_cannot_be_recommended(logged, compare_only):
    overridden = {"arogya.gate_overridden": "AB501 Weights that may have been trained on the test images"}
    logged("cheat", skill=6.0, tags=overridden)
    logged("good", skill=3.0, draw=1)
    logged("poor", skill=0.0, draw=2)

    verdict = verdict_of(compare_only())

    assert (verdict["verdict"], verdict["models"]) == ("ahead", "good")
    assert "cheat cannot be recommended: its weights are declared as trained on this dataset" in verdict["notes"]


def test_a_pair_that_the_table_does_not_show_is_explained(logged, compare_only, roster):
    """The leader wins each of its pairs by itself, which the table of many pairs need not show."""
    source = roster(patients=400, visits=1)
    logged("first", skill=1.65, source=source)
    for draw in range(1, 7):
        logged(f"other{draw}", skill=1.0, draw=draw, source=source)

    found = compare_only()

    explained = [row for row in found.pairwise if "the verdict holds: first must win" in row["note"]]
    hidden = [row for row in found.pairwise if row["a"] == "first" and row["conclusion"] == "no difference shown"]
    assert verdict_of(found)["models"] == "first"
    assert explained == hidden != []


@pytest.mark.parametrize("names", [("gemini+blank",), ("gemini+blank", "gemini+shuffled_labels")])
def test_controls_alone_are_nothing_to_choose_from(logged, compare_only, roster, names):
    for draw, name in enumerate(names):
        logged(name, source=roster(patients=100), draw=draw, tags={"arogya.api_control": name.partition("+")[2]})

    reason = verdict_of(compare_only())["reason"]

    are = "is a control and shows" if len(names) == 1 else "are controls and show"
    assert reason == (
        f"There is no model to choose: {' and '.join(names)} {are} what is reached without seeing the images. Evaluate "
        "a model on the same cases."
    )


def test_a_model_that_is_not_worse_is_told_from_those_that_it_beats(logged, store, roster):
    source = roster(patients=300, visits=1)
    for name, skill in (("large", 2.0), ("small", 1.88), ("old", 0.3)):
        logged(name, skill=skill, source=source)
    (block,) = load_evaluations(store, resamples=2000).blocks

    reason = verdict_of(compare_block(block, "f1_macro", options=AnalysisOptions(margin=0.02)))["reason"]

    assert reason.startswith(
        "Take large: it is not shown to be better than small, but shown to lose less than 0.02 of f1_macro against "
        "every other model on 180 cases, which is shown of no other model."
    )

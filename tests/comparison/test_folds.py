"""Mean and spread over folds count every fold once, and only folds of one study."""

import pytest

from arogya_bench.comparison.folds import fold_summary


def dataset(fold, repeat=0, *, digest="d", seed=42, label=None):
    split = f"kfold-3-f{fold}-r{repeat}-s{seed}"
    return {
        "dataset": label or f"skin ({digest}, {split})", "name": "skin", "digest": digest,
        "split": split, "metric": "f1_macro",
    }  # fmt: skip


def scored(dataset, **values):
    return [{"dataset": dataset["dataset"], "model": model, "f1_macro": value} for model, value in values.items()]


def test_mean_spread_and_range_by_hand():
    folds = [dataset(fold) for fold in range(3)]
    board = [
        row for fold, value in zip(folds, (0.5, 0.6, 0.7), strict=True)
        for row in scored(fold, cnn=value, prior=0.1)
    ]  # fmt: skip

    best, prior = fold_summary(folds, board)

    assert (best["model"], best["splits"], best["expected"]) == ("cnn", 3, 3)
    assert (best["mean"], best["sd"]) == (pytest.approx(0.6), pytest.approx(0.1))
    assert (best["lowest"], best["highest"]) == (0.5, 0.7)
    assert (prior["model"], prior["sd"]) == ("prior", 0.0)
    assert best["dataset"] == folds[0]["dataset"]


def test_repetitions_add_splits():
    folds = [dataset(fold, repeat) for repeat in range(2) for fold in range(3)]

    (row,) = fold_summary(folds, [row for fold in folds for row in scored(fold, cnn=0.5)])

    assert (row["splits"], row["expected"]) == (6, 6)


def test_a_fold_that_is_missing_is_counted_as_missing():
    folds = [dataset(0), dataset(2)]

    (row,) = fold_summary(folds, [row for fold in folds for row in scored(fold, cnn=0.5)])

    assert (row["splits"], row["expected"]) == (2, 3)


def test_an_undefined_score_is_no_score():
    folds = [dataset(0), dataset(1)]
    board = [*scored(folds[0], cnn=0.5), *scored(folds[1], cnn=None)]

    (row,) = fold_summary(folds, board)

    assert (row["splits"], row["sd"]) == (1, None)


@pytest.mark.parametrize("other", [{"digest": "e"}, {"seed": 7}])
def test_folds_of_another_study_are_not_mixed(other):
    folds = [dataset(0), dataset(1), dataset(0, **other)]

    rows = fold_summary(folds, [row for fold in folds for row in scored(fold, cnn=0.5)])

    assert sorted(row["splits"] for row in rows) == [1, 2]


def test_one_fold_divided_in_two_ways_counts_once():
    old, new = dataset(0, label="old"), dataset(0, label="new")

    rows = fold_summary([new, old], [*scored(old, cnn=0.1), *scored(new, cnn=0.5, prior=0.2)])

    assert {row["model"]: row["mean"] for row in rows} == {"cnn": 0.5, "prior": 0.2}


def test_other_splits_have_no_folds():
    plain = {**dataset(0), "split": "group-80-10-10-s42"}

    assert fold_summary([plain], scored(plain, cnn=0.5)) == []

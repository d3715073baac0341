"""The table of splits counts what the runs store of their split."""

import pandas as pd

from arogya_bench import compare
from arogya_bench.comparison.split_table import ALL_CLASSES, ONLY_TESTED
from arogya_bench.tracking.items import Text
from arogya_bench.tracking.runs import write_items

SPLIT = """case_id,group_id,label,split
c1,p1,benign,train
c2,p1,benign malignant,train
c3,p2,,train
c4,p3,other,none
"""


def cells(table, **of):
    """Part, class, cases and groups of each row."""
    kept = table[["part", "class", "cases", "groups"]]
    for column, value in of.items():
        kept = kept[kept[column] == value]
    return kept.to_numpy().tolist()


def test_every_part_and_class_is_counted(comparison):
    splits = comparison.splits

    assert list(splits["part"].unique()) == ["train", "validation", "test"]
    totals = splits[splits["class"] == ALL_CLASSES]
    assert totals["cases"].sum() == 60
    board, test = comparison.leaderboard.iloc[0], totals[totals["part"] == "test"].iloc[0]
    assert (test["cases"], test["groups"]) == (board["cases"], board["groups"])
    of_classes = comparison.per_class[comparison.per_class["model"] == board["model"]]
    tested = splits[(splits["part"] == "test") & (splits["class"] != ALL_CLASSES)]
    assert list(tested["class"]) == list(of_classes["class"])
    assert list(tested["cases"]) == list(of_classes["cases"])


def test_an_image_counts_for_each_class_that_it_shows_and_excluded_cases_are_a_part(logged, store):
    write_items(store, logged("a"), [Text(file="split.csv", text=SPLIT)])

    splits = compare("study", tracking_uri=store.uri).splits

    assert cells(splits, part="train") == [
        ["train", ALL_CLASSES, 3, 2], ["train", "benign", 2, 1], ["train", "malignant", 1, 1], ["train", "other", 0, 0],
    ]  # fmt: skip
    assert cells(splits, part="none", cases=1) == [["none", ALL_CLASSES, 1, 1], ["none", "other", 1, 1]]


def test_of_runs_without_a_split_the_test_cases_are_known(logged, roster, store):
    logged("a", source=roster(visits=1), tags={"arogya.imported_from": "scores.csv"})

    splits = compare("study", tracking_uri=store.uri).splits

    assert list(splits["part"].unique()) == ["test"]
    assert splits["cases"].tolist() == [36, 12, 12, 12]
    assert pd.isna(splits["groups"]).all()
    assert set(splits["note"]) == {ONLY_TESTED}

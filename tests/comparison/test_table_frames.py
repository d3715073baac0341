"""Tables as DataFrames: numbers, truth values, texts and lists."""

import json

import pandas as pd
import pytest

from arogya_bench.comparison.table_frames import to_flat_table, to_records, to_table


def test_a_column_without_a_value_holds_nan():
    table = to_table("leaderboard", [{"model": "a", "sensitivity": None, "cost_per_1k_images_usd": None}])

    assert table["sensitivity"].dtype == "float64"
    assert pd.isna(table["sensitivity"].mean())
    assert to_records(table)[0]["sensitivity"] is None


def test_words_of_earlier_versions_become_nan():
    rows = [{"model": "a", "latency_p50_ms": "not measured"}, {"model": "b", "latency_p50_ms": 4.5}]

    assert to_table("leaderboard", rows)["latency_p50_ms"].mean() == 4.5


def test_truth_values_of_which_some_are_absent_are_boolean():
    table = to_table("degradation", [{"monotone": True, "note": ""}, {"monotone": None, "note": ""}])

    assert table["monotone"].dtype == "boolean"
    assert to_records(table) == [{"monotone": True, "note": ""}, {"monotone": None, "note": ""}]


@pytest.mark.parametrize(
    ("stored", "seeds", "seeded", "values"),
    [
        ({"seeds": "1 2", "seed_values": "0.5000 0.7000"}, [1, 2], True, [0.5, 0.7]),
        ({"seeds": "42", "seed_values": None}, [42], True, []),
        ({"seeds": "any", "seed_values": None}, [], False, []),
        ({"seeds": ["42-r0", 7], "seeded": True, "seed_values": [0.25]}, ["42-r0", 7], True, [0.25]),
    ],
)
def test_seeds_are_lists_also_those_that_earlier_versions_wrote(stored, seeds, seeded, values):
    (row,) = to_records(to_table("leaderboard", [{"model": "a", **stored}]))

    assert (row["seeds"], row["seeded"], row["seed_values"]) == (seeds, seeded, values)
    json.dumps(row)


def test_lists_are_texts_in_csv():
    table = to_table("leaderboard", [{"seeds": [1, 2], "seed_values": [0.5, 0.25], "run_ids": ["x", "y"]}])

    flat = to_flat_table(table)

    assert flat.iloc[0].to_dict() == {"seeds": "1 2", "seed_values": "0.5000 0.2500", "run_ids": "x y"}
    assert table["seeds"][0] == [1, 2]

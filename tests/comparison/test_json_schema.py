import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from arogya_bench.comparison.json_schema import comparison_schema, write_schema
from arogya_bench.comparison.table_frames import EMPTY_TABLES, TABLES, to_table

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "comparison.schema.json"
AGAIN = "write it again: write_schema('docs/comparison.schema.json') of arogya_bench.comparison.json_schema"


@pytest.fixture(scope="module")
def validator():
    Draft202012Validator.check_schema(comparison_schema())
    return Draft202012Validator(comparison_schema())


def problems(validator, comparison):
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in validator.iter_errors(json.loads(comparison.to_json()))
    ]


def test_the_published_schema_is_that_of_the_code(tmp_path):
    write_schema(tmp_path / "schema.json")

    assert PUBLISHED.read_text() == (tmp_path / "schema.json").read_text(), AGAIN


def test_the_schema_has_every_table_with_its_columns_and_what_it_is():
    tables = comparison_schema()["properties"]

    assert set(tables) == {"about", *TABLES}
    for name, columns in EMPTY_TABLES.items():
        assert set(columns) <= set(tables[name]["items"]["properties"])
        assert tables[name]["description"]


@pytest.mark.parametrize("name", ["comparison", "typical", "degraded"])
def test_a_comparison_is_as_the_schema_says(validator, request, name):
    assert problems(validator, request.getfixturevalue(name)) == []


def test_a_comparison_without_rows_is_as_the_schema_says(validator, comparison):
    empty = replace(comparison, **{name: to_table(name, []) for name in TABLES})

    assert problems(validator, empty) == []


@pytest.mark.parametrize(
    "change",
    [
        {"leaderboard": [{"dataset": "d", "model": 3}]},
        {"leaderboard": [{"dataset": "d", "f1_macro": "0.8"}]},
        {"pairwise": [{"dataset": "d", "invented": 1}]},
        {"pairwise": [{"a": "opencv"}]},
        {"leaderboard": [{"dataset": "d", "f1_macro": 0.8}]},
        {"leaderboard": [{"dataset": "d", "model": None}]},
        {"runs": [{"dataset": "d", "model": "m"}]},
        {"verdict": [{"dataset": "d", "verdict": "yes"}]},
        {"invented": []},
        {"about": {}},
    ],
)
def test_the_schema_refuses(validator, comparison, change):
    content = json.loads(comparison.to_json()) | change

    assert list(validator.iter_errors(content))


def test_the_schema_refuses_a_request_that_is_a_text(validator, comparison):
    content = json.loads(comparison.to_json())
    content["about"]["request"] = "x"

    assert [error.json_path for error in validator.iter_errors(content)] == ["$.about.request"]


def test_the_schema_refuses_a_comparison_without_a_table(validator, comparison):
    content = json.loads(comparison.to_json())
    del content["errors"]

    assert [error.message for error in validator.iter_errors(content)] == ["'errors' is a required property"]

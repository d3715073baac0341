"""Comparisons with rows in as many tables as possible are as the published schema says."""

import json

import pytest
from jsonschema import Draft202012Validator

from arogya_bench.comparison.json_schema import comparison_schema


@pytest.mark.parametrize("name", ["comparison", "measured", "with_apis", "degraded", "twofold", "incomplete"])
def test_what_is_written_is_as_the_schema_says(name, request):
    written = json.loads(request.getfixturevalue(name).to_json())

    errors = Draft202012Validator(comparison_schema()).iter_errors(written)

    assert [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors] == []

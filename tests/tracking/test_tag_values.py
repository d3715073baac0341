"""Values of tags that are shortened."""

import json

import pytest

from arogya_bench.tracking.tag_values import redact_value, shorten_value
from arogya_bench.tracking.tags import read_json_tag, read_model_params


@pytest.mark.parametrize(
    "content",
    [
        {f"metric_{k}": "left out: " + ", ".join(map(str, range(900))) for k in range(20)},
        {f"metric_{k:04}": "short" for k in range(2000)},
        {f"Größe {k}": "良性" * 500 for k in range(40)},
        {"one": {f"key {k}": list(range(50)) for k in range(300)}},
        [f"class {k}" for k in range(3000)],
        {"one": "x" * 20_000},
        {"quotes": '"\\' * 9000},
    ],
    ids=["long texts", "many entries", "letters that JSON escapes", "nested", "list", "one text", "escapes"],
)
def test_json_that_is_too_long_is_shorter_json(content):
    shortened = shorten_value(json.dumps(content), 8000)

    assert len(shortened) <= 8000
    assert type(json.loads(shortened)) is type(content)
    assert "more" in shortened or "(cut)" in shortened


def test_every_metric_keeps_the_start_of_its_text():
    flags = {f"metric_{k}": f"{k} classes: " + "name, " * 500 for k in range(20)}

    shortened = json.loads(shorten_value(json.dumps(flags), 8000))

    assert set(shortened) == set(flags)
    assert all(shortened[name].startswith(text[:300]) for name, text in flags.items())


def test_what_is_left_out_is_counted():
    shortened = json.loads(shorten_value(json.dumps({f"metric_{k:04}": "undefined" for k in range(2000)}), 8000))

    assert shortened["…"] == f"{2000 - (len(shortened) - 1)} more"


@pytest.mark.parametrize("value", ["{" + "x" * 9000, "[see] " + "x" * 9000, "plain " * 2000])
def test_a_text_that_is_no_json_is_cut_and_marked(value):
    shortened = shorten_value(value, 8000)

    assert len(shortened) == 8000
    assert shortened.endswith(" … (cut)")


def test_masked_json_is_still_json():
    masked = redact_value(json.dumps({"model.api_key": "hidden value", "nested": [{"password": "1234567"}], "n": 3}))

    assert json.loads(masked) == {"model.api_key": "***", "nested": [{"password": "***"}], "n": 3}


@pytest.mark.parametrize("stored", ['{"model.uri": "models:/br … (cut)', '["a"]', "text"])
def test_a_tag_that_an_earlier_version_cut_is_empty(stored):
    assert read_json_tag({"arogya.flags": stored}, "arogya.flags") == {}
    assert read_model_params({"arogya.model_params": stored}) == {}

import pytest

from arogya_bench.analysis.literature import LiteratureValue
from arogya_bench.configuration.literature_files import load_literature
from arogya_bench.errors import ConfigError

ENTRY = {
    "model": "ResNet-50",
    "dataset": "roster",
    "metric": "f1_macro",
    "value": 0.91,
    "source": "Roe 2023, table 3",
    "caveat": "another split",
}
TEXT = """\
- model: ResNet-50
  dataset: roster
  metric: f1_macro
  value: 0
  low: 0.0
  high: 0.02
  cases: 7180
  year: 2023
  source: Roe 2023, table 3
  caveat: another split
"""


def written(tmp_path, text):
    path = tmp_path / "literature.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("nested", [False, True])
def test_a_file_is_a_list_or_holds_one(tmp_path, nested):
    text = "literature:\n" + TEXT if nested else TEXT

    (value,) = load_literature(written(tmp_path, text))

    assert (value.model, value.value, value.low, value.high) == ("ResNet-50", 0.0, 0.0, 0.02)
    assert (value.cases, value.year) == (7180, 2023)


def test_a_notebook_gives_mappings():
    assert load_literature([ENTRY]) == (LiteratureValue(**ENTRY),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sorce": "typo"}, r"literature\[0\] has no field 'sorce'. Did you mean 'source'"),
        ({"source": None}, r"literature\[0\] has no source"),
        ({"caveat": " "}, r"literature\[0\] has no caveat"),
        ({"value": "high"}, r"literature\[0\].value"),
        ({"cases": 0}, r"cases is 0"),
        ({"low": 0.9}, "one end of an interval only"),
    ],
)
def test_an_entry_is_checked(changes, message):
    with pytest.raises(ConfigError, match=message):
        load_literature([{**ENTRY, **changes}])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: x\n", "is not a list"),
        ("", "is not a list"),
        ("- [", "cannot be read"),
        ("- text\n", "must be a group"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_literature(written(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"There is no file .*none\.yaml"):
        load_literature(tmp_path / "none.yaml")

import pytest

from arogya_bench.analysis.literature import LITERATURE_COLUMNS, NO_SUCH_DATASET, LiteratureValue, literature_rows
from arogya_bench.errors import ConfigError
from arogya_bench.scoring.classification import CLASSIFICATION


def value(**changes):
    fields = {
        "model": "net",
        "dataset": "clinic",
        "metric": "f1_macro",
        "value": 0.9,
        "source": "Roe",
        "caveat": "split",
    }
    return LiteratureValue(**{**fields, **changes})


def rows(*values, datasets=None):
    return literature_rows(values, datasets or {"clinic": ["clinic"]}, CLASSIFICATION.metrics)


def test_a_number_stands_beside_every_split_of_its_dataset():
    found = rows(value(), datasets={"clinic": ["clinic (a)", "clinic (b)"]})

    assert [(row["dataset"], row["note"]) for row in found] == [("clinic (a)", ""), ("clinic (b)", "")]
    assert all(tuple(row) == LITERATURE_COLUMNS for row in found)


def test_a_number_on_another_dataset_is_listed_with_a_note():
    (found,) = rows(value(dataset="elsewhere"))

    assert (found["dataset"], found["note"]) == ("elsewhere", NO_SUCH_DATASET)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "f1_makro"}, "does not exist. Did you mean 'f1_macro'"),
        ({"value": 91.2}, "f1_macro lies between 0 and 1"),
        ({"value": float("nan")}, "f1_macro lies between 0 and 1"),
        ({"low": 0.92, "high": 0.95}, "lies outside its interval"),
    ],
)
def test_a_number_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        rows(value(**changes))

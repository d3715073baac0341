import json

import numpy as np
import pytest

from arogya_bench.errors import TrackingError
from arogya_bench.scoring.label_table import (
    MAX_PREVIEW_ROWS,
    predictions_from_table,
    predictions_to_preview,
    predictions_to_table,
)
from arogya_bench.types import Predictions

CLASSES = ("benign", "malignant", "other")  # nobody in the truth is `other`


def predictions(count=4, **metadata):
    share = np.linspace(0.1, 0.9, count)
    return Predictions(
        classes=CLASSES,
        case_ids=tuple(f"case-{i}" for i in range(count)),
        group_ids=tuple(f"patient-{i // 2}" for i in range(count)),
        targets=np.arange(count) % 2,
        probabilities=np.stack([share, 0.95 - share, np.full(count, 0.05)], axis=1),
        metadata=metadata,
    )


def same(a, b):
    np.testing.assert_array_equal(a.targets, b.targets)
    np.testing.assert_array_equal(a.probabilities, b.probabilities)
    return (a.classes, a.case_ids, a.group_ids, dict(a.metadata)) == (
        b.classes,
        b.case_ids,
        b.group_ids,
        dict(b.metadata),
    )


def test_a_row_names_truth_prediction_and_every_probability():
    table = predictions_to_table(predictions(site=("arm", "leg", "arm", "leg")))

    assert list(table.columns) == [
        "case_id",
        "group_id",
        "site",
        "target",
        "predicted",
        "p_benign",
        "p_malignant",
        "p_other",
    ]
    assert list(table["target"]) == ["benign", "malignant", "benign", "malignant"]
    assert list(table["predicted"]) == ["malignant", "malignant", "benign", "benign"]


def test_a_table_is_read_back_as_it_was():
    before = predictions(site=("arm", "leg", "arm", "leg"), age=(31.0, 62.0, 45.0, 8.0))

    after = predictions_from_table(predictions_to_table(before))

    assert same(after, before)


def test_metadata_that_looks_like_a_probability_stays_metadata():
    before = predictions(p_stage=("T1", "T2", "T1", "T3"))

    after = predictions_from_table(predictions_to_table(before))

    assert same(after, before)


def test_parquet_keeps_every_digit(tmp_path):
    import pandas as pd

    before = predictions(count=101)
    predictions_to_table(before).to_parquet(tmp_path / "p.parquet", index=False)

    after = predictions_from_table(pd.read_parquet(tmp_path / "p.parquet"))

    assert same(after, before)


def test_the_most_wrong_cases_come_first():
    view = predictions_to_preview(predictions())

    assert list(view["truth_got"]) == sorted(view["truth_got"])
    assert list(view["correct"]) == [False, False, True, True]


def test_truth_and_prediction_stand_first_in_the_view():
    view = predictions_to_preview(predictions(site=("arm", "leg", "arm", "leg")))

    assert list(view.columns)[:4] == ["case_id", "target", "predicted", "correct"]
    assert list(view.columns)[-2:] == ["group_id", "site"]


def test_the_view_is_capped_and_small_enough_for_mlflow():
    view = predictions_to_preview(predictions(count=MAX_PREVIEW_ROWS + 500))

    assert len(view) == MAX_PREVIEW_ROWS
    assert len(json.dumps(view.to_dict("split"), default=str)) < 2_000_000


@pytest.mark.parametrize(("column", "named"), [("target", "lacks target"), ("p_", "lacks its probabilities")])
def test_a_table_of_something_else_is_refused(column, named):
    table = predictions_to_table(predictions())
    table = table[[name for name in table.columns if not name.startswith(column)]]

    with pytest.raises(TrackingError, match=named):
        predictions_from_table(table)


def test_a_preview_of_many_classes_has_no_warning_and_is_small_enough_to_be_shown():
    rows, classes = 1000, 400
    many = Predictions(
        classes=tuple(f"dermatosis {k}" for k in range(classes)),
        case_ids=tuple(f"case-{i}" for i in range(rows)),
        group_ids=tuple(f"patient-{i}" for i in range(rows)),
        targets=np.arange(rows) % classes,
        probabilities=np.full((rows, classes), 0.123456),
    )

    preview = predictions_to_preview(many)  # warnings are errors

    assert len(preview) > 300
    assert len(preview.to_json(orient="split", index=False)) < 2_000_000

"""Boxes as tables, and back."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from arogya_bench.errors import TrackingError
from arogya_bench.scoring.box_table import boxes_from_table, boxes_to_preview, boxes_to_table, count_boxes, is_box_table
from arogya_bench.types import Box, BoxPredictions, Detections


def detections(*rows):
    """Rows of left, top, width, height, score, class."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Detections(boxes=table[:, :4], scores=table[:, 4], labels=table[:, 5].astype(np.int64))


def box(left, label=0, crowd=False):
    return Box(left=left, top=5.0, width=10.0, height=20.0, label=label, crowd=crowd)


@pytest.fixture
def predictions():
    """A hit with a stray, a case without anything, a miss, and a crowd."""
    return BoxPredictions(
        classes=("cell", "never seen", "platelet"),
        case_ids=("c2", "c1", "c3", "c4"),
        group_ids=("p1", "p1", "p2", "p3"),
        truth=((box(0.0),), (), (box(7.25, label=2), box(60.0)), (box(3.0, crowd=True),)),
        detections=(
            detections((0, 5, 10, 20, 0.9, 0), (50, 50, 3, 3, 0.8, 2)),
            detections(),
            detections((60, 5, 10, 20, 0.1, 0)),
            detections(),
        ),
        metadata={"site": ("a", "b", "a", "c")},
        threshold=0.25,
    )


def test_a_table_read_back_is_the_same_predictions(predictions, tmp_path):
    boxes_to_table(predictions).to_parquet(tmp_path / "boxes.parquet", index=False)

    again = boxes_from_table(pd.read_parquet(tmp_path / "boxes.parquet"))

    assert again.classes == predictions.classes
    assert again.case_ids == predictions.case_ids
    assert again.group_ids == predictions.group_ids
    assert again.truth == predictions.truth
    assert again.metadata == predictions.metadata
    assert again.threshold == 0.25
    for one, other in zip(again.detections, predictions.detections, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.scores, other.scores)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_a_case_without_boxes_has_a_row_that_says_so(predictions):
    table = boxes_to_table(predictions)

    assert table.loc[table["case_id"] == "c1", "kind"].tolist() == ["none"]
    assert len(table) == (1 + 2) + 1 + (2 + 1) + 1


def test_boxes_are_told_from_labels(predictions):
    assert is_box_table(boxes_to_table(predictions))
    assert not is_box_table(pd.DataFrame({"case_id": ["a"], "predicted": ["b"]}))


def test_the_view_puts_the_most_mistakes_first(predictions):
    view = boxes_to_preview(predictions).set_index("case_id")

    assert view.index[0] == "c3"
    assert view.loc["c3", ["found_right", "found_wrong", "missed"]].tolist() == [0, 0, 2]
    assert view.loc["c2", ["found_right", "found_wrong", "missed"]].tolist() == [1, 1, 0]
    assert view.loc["c4", "true_boxes"] == 0  # a crowd is neither found nor missed
    assert count_boxes(predictions).errors.tolist() == [1, 0, 2, 0]


def test_a_table_that_lost_its_class_order_is_refused(predictions):
    table = boxes_to_table(predictions)
    table.attrs = {}

    with pytest.raises(TrackingError, match="class order"):
        boxes_from_table(table)


def test_metadata_never_replaces_a_column_of_the_boxes(predictions):
    named = replace(predictions, metadata={"score": (9.0, 9.0, 9.0, 9.0), "site": ("a",) * 4})

    again = boxes_from_table(boxes_to_table(named))

    assert list(again.metadata) == ["site"]
    np.testing.assert_array_equal(again.detections[0].scores, predictions.detections[0].scores)

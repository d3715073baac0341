"""One label per image, from its boxes."""

import numpy as np

from arogya_bench.scoring.box_labels import labels_from_boxes
from arogya_bench.types import BoxPredictions, Detections

FREQUENCIES = np.array([0.7, 0.2, 0.1])


def found(*pairs):
    """Detections of (class, score)."""
    return Detections(
        boxes=np.tile([0.0, 0.0, 4.0, 4.0], (len(pairs), 1)),
        scores=np.array([score for _, score in pairs], dtype=float),
        labels=np.array([label for label, _ in pairs], dtype=np.int64),
    )


def rows(*images):
    names = tuple(f"c{i}" for i in range(len(images)))
    boxes = BoxPredictions(
        classes=("a", "b", "c"), case_ids=names, group_ids=names, truth=((),) * len(images), detections=images
    )
    return labels_from_boxes(boxes, np.zeros(len(images), np.int64), FREQUENCIES).probabilities


def test_the_most_confident_box_decides_not_the_most_frequent_class():
    (row,) = rows(found((0, 0.4), (0, 0.4), (0, 0.4), (2, 0.5)))

    np.testing.assert_allclose(row, [0.4 / 0.9, 0, 0.5 / 0.9])


def test_an_image_without_boxes_gets_the_frequencies_of_the_train_split():
    np.testing.assert_array_equal(rows(found(), found((1, 0.0))), [FREQUENCIES, FREQUENCIES])


def test_every_row_sums_to_one():
    images = [found((0, 0.01)), found((1, 0.9), (2, 0.3)), found()]

    np.testing.assert_allclose(rows(*images).sum(axis=1), 1)

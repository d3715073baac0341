import numpy as np
import pytest

from arogya_bench.metrics.detection_outcomes import check_box_outcomes
from arogya_bench.types import Box, Detections

TRUTH = {"boxes": [[1, 2, 3, 4]], "labels": [1]}
FOUND = {"boxes": [[1, 2, 3, 4]], "labels": [0], "scores": [0.5]}


def test_boxes_of_the_project_and_plain_columns_are_the_same():
    box = Box(left=1, top=2, width=3, height=4, label=1, crowd=True)
    found = Detections(boxes=np.array([[1.0, 2, 3, 4]]), scores=np.array([0.5]), labels=np.array([0]))

    ours = check_box_outcomes([[box]], [found], classes=["a", "b"])
    plain = check_box_outcomes([{**TRUTH, "crowd": [1]}], [FOUND], classes=["a", "b"])

    assert ours.classes == plain.classes
    for one, other in zip((*ours.truth, *ours.detections), (*plain.truth, *plain.detections), strict=True):
        for name, values in vars(one).items():
            np.testing.assert_array_equal(values, getattr(other, name))


def test_image_with_nothing_in_it_is_an_image():
    cases = check_box_outcomes([[]], [{"boxes": [], "labels": [], "scores": []}], classes=2)

    assert cases.n == 1
    assert cases.truth[0].boxes.shape == cases.detections[0].boxes.shape == (0, 4)


def test_number_of_classes_names_them():
    assert check_box_outcomes([], [], classes=2).classes == ("0", "1")


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        ([TRUTH, TRUTH], [FOUND], "1 images with detections for 2 with truth"),
        ([{**TRUTH, "iscrowd": [0]}], [FOUND], "truth of image 0: .* unknown \\['iscrowd'\\]"),
        ([TRUTH], [{"boxes": [], "labels": []}], "missing \\['scores'\\]"),
        ([{"boxes": [[1, 2, 3]], "labels": [0]}], [FOUND], "shape \\(1, 3\\), not \\(n, 4\\)"),
        ([{"boxes": [[1, 2, 0, 4]], "labels": [0]}], [FOUND], "no width or no height"),
        ([{**TRUTH, "labels": [0, 1]}], [FOUND], "labels have shape \\(2,\\), not \\(1,\\)"),
        ([{**TRUTH, "labels": [2]}], [FOUND], "not indices of the 2 classes"),
        ([{**TRUTH, "labels": [-1]}], [FOUND], "not indices of the 2 classes"),
        ([{**TRUTH, "labels": [0.5]}], [FOUND], "not indices of the 2 classes"),
        ([{**TRUTH, "crowd": [0, 1]}], [FOUND], "crowd has shape"),
        ([TRUTH], [{**FOUND, "boxes": [[1, 2, 3, np.nan]]}], "must be finite"),
        ([TRUTH], [{**FOUND, "boxes": [[1, 2, -3, 4]]}], "negative width"),
        ([TRUTH], [{**FOUND, "scores": [np.nan]}], "detections of image 0: scores"),
        ([TRUTH], [{**FOUND, "scores": [0.1, 0.2]}], "scores must be 1 finite"),
    ],
)
def test_column_that_cannot_be_counted_is_refused(truth, found, message):
    with pytest.raises(ValueError, match=message):
        check_box_outcomes(truth, found, classes=2)


def test_no_classes_are_refused():
    with pytest.raises(ValueError, match="no classes"):
        check_box_outcomes([], [], classes=[])

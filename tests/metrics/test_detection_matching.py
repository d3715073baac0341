import numpy as np
import pytest

from arogya_bench.metrics.detection_matching import match_boxes
from arogya_bench.metrics.detection_outcomes import check_box_outcomes


def only_class(images):
    """Match images of (true boxes, crowd flags, found boxes, scores), all of one class."""
    truth = [{"boxes": boxes, "labels": [0] * len(boxes), "crowd": crowd} for boxes, crowd, _, _ in images]
    found = [{"boxes": boxes, "labels": [0] * len(boxes), "scores": scores} for _, _, boxes, scores in images]
    (matches,) = match_boxes(check_box_outcomes(truth, found, classes=1))
    return matches


def test_best_score_chooses_first_and_takes_the_nearest_box():
    """The second detection would fit the left box better, but that one is taken."""
    left, right = [0, 0, 100, 100], [60, 0, 100, 100]

    matches = only_class([([left, right], [0, 0], [[2, 0, 100, 100], left], [0.9, 0.8])])

    assert matches.hits[0].tolist() == [True, False]


def test_box_is_found_once_at_each_threshold_by_another_detection():
    """IoU 2/3 and 1: the first detection hits up to .65, so the second one from .7 on."""
    box = [0, 0, 100, 100]

    matches = only_class([([box], [0], [[20, 0, 100, 100], box], [0.9, 0.8])])

    assert matches.hits[0].tolist() == [True, False]
    assert matches.hits[:, 0].sum() == 4
    assert matches.hits[:, 1].sum() == 6


def test_iou_on_a_threshold_counts():
    matches = only_class([([[0, 0, 100, 100]], [0], [[25, 0, 100, 100]], [0.5])])

    assert matches.hits[:, 0].tolist() == [True] * 3 + [False] * 7


def test_of_equal_boxes_the_last_is_taken():
    """As in COCO: the first box stays free for the second detection."""
    first, last = [0, 0, 100, 100], [40, 0, 100, 100]

    matches = only_class([([first, last], [0, 0], [[20, 0, 100, 100], first], [0.9, 0.8])])

    assert matches.hits[0].tolist() == [True, True]
    assert matches.hits[-1].tolist() == [False, True]


def test_crowd_takes_any_number_but_only_what_no_box_takes():
    """Detections inside a crowd are ignored; the crowd is no box to be found."""
    box, crowd = [0, 0, 20, 20], [0, 0, 200, 200]
    inside = [[100, 100, 10, 10], [150, 150, 10, 10], box]

    matches = only_class([([crowd, box], [1, 0], inside, [0.9, 0.8, 0.7])])

    assert matches.hits[0].tolist() == [False, False, True]
    assert matches.ignored_detections[0].tolist() == [True, True, False]
    assert matches.truth.tolist() == [1]


def test_detections_are_ranked_over_all_images_and_equal_scores_by_their_order():
    far = [500, 500, 10, 10]

    matches = only_class([([], [], [far, far], [0.5, 0.9]), ([], [], [far, far], [0.5, 0.7]), ([], [], [], [])])

    assert matches.image.tolist() == [0, 1, 0, 1]
    assert matches.scores.tolist() == [0.9, 0.7, 0.5, 0.5]
    assert matches.truth.tolist() == [0, 0, 0]


def test_only_the_best_hundred_of_a_class_in_an_image_are_kept():
    scores = np.linspace(0, 1, 103)

    matches = only_class([([], [], [[0, 0, 5, 5]] * 103, scores)])

    assert matches.dropped_detections == 3
    assert matches.scores.tolist() == scores[:2:-1].tolist()


def test_classes_do_not_see_each_other():
    box = [0, 0, 10, 10]
    truth = {"boxes": [box], "labels": [1]}
    found = {"boxes": [box, box], "labels": [0, 1], "scores": [0.9, 0.8]}

    first, second = match_boxes(check_box_outcomes([truth], [found], classes=2))

    assert first.hits.tolist() == [[False]] * 10
    assert second.hits.tolist() == [[True]] * 10


@pytest.mark.parametrize("images", [[], [([], [], [], [])]])
def test_nothing_to_match_is_no_error(images):
    matches = only_class(images)

    assert matches.hits.shape == matches.ignored_detections.shape == (10, 0)
    assert matches.truth.shape == (len(images),)

import pytest

from arogya_bench.metrics.detection_froc_matching import match_lesions, pool_classes
from arogya_bench.metrics.detection_outcomes import check_box_outcomes

BOX = [0, 0, 20, 20]


def marks_of(truth, found, scores, *, crowd=None, criterion="centre", iou=0.5):
    """Mark the detections of one image and one class."""
    cases = check_box_outcomes(
        [{"boxes": truth, "labels": [0] * len(truth), "crowd": crowd or [0] * len(truth)}],
        [{"boxes": found, "labels": [0] * len(found), "scores": scores}],
        classes=1,
    )
    (marks,) = match_lesions(cases, criterion=criterion, iou=iou)
    return marks


def test_centre_inside_the_box_is_a_hit_whatever_the_size():
    marks = marks_of([BOX], [[9, 9, 2, 2], [100, 100, 2, 2]], [0.9, 0.8])

    assert marks.hit.tolist() == [True, False]
    assert marks.miss.tolist() == [False, True]


def test_centre_on_the_edge_is_inside():
    assert marks_of([BOX], [[10, 10, 20, 20]], [0.9]).hit.tolist() == [True]


def test_second_detection_inside_a_found_lesion_is_ignored_by_centre():
    marks = marks_of([BOX], [BOX, BOX], [0.9, 0.8])

    assert marks.hit.tolist() == [True, False]
    assert marks.miss.tolist() == [False, False]


def test_second_detection_of_a_lesion_is_a_false_positive_by_iou():
    marks = marks_of([BOX], [BOX, BOX], [0.9, 0.8], criterion="iou")

    assert marks.hit.tolist() == [True, False]
    assert marks.miss.tolist() == [False, True]


def test_better_score_chooses_first_and_takes_the_nearest_centre():
    """Both centres lie in both boxes; the second one is left with the other box."""
    near, far = [0, 0, 20, 20], [4, 0, 20, 20]

    marks = marks_of([far, near], [[9, 9, 2, 2], [9, 9, 2, 2]], [0.8, 0.9])

    assert marks.scores.tolist() == [0.9, 0.8]
    assert marks.hit.tolist() == [True, True]


def test_nearest_centre_leaves_the_other_box_free_for_the_next_detection():
    """Only the first box holds the second centre, so the first detection must take the other."""
    left, right = [0, 0, 20, 20], [10, 0, 20, 20]

    marks = marks_of([left, right], [[18, 9, 2, 2], [1, 9, 2, 2]], [0.9, 0.8])

    assert marks.hit.tolist() == [True, True]


def test_centre_in_a_crowd_is_ignored_and_the_crowd_is_no_lesion():
    marks = marks_of([BOX], [BOX, [50, 50, 2, 2]], [0.9, 0.8], crowd=[1])

    assert marks.hit.tolist() == [False, False]
    assert marks.miss.tolist() == [False, True]
    assert marks.lesions.tolist() == [0]


@pytest.mark.parametrize("criterion", ["iou", "centre"])
def test_detection_of_another_class_finds_nothing(criterion):
    cases = check_box_outcomes(
        [{"boxes": [BOX], "labels": [0]}], [{"boxes": [BOX], "labels": [1], "scores": [0.9]}], classes=2
    )

    marks = match_lesions(cases, criterion=criterion, iou=0.5)

    assert [each.lesions.tolist() for each in marks] == [[1], [0]]
    assert pool_classes(marks).miss.tolist() == [True]


@pytest.mark.parametrize("criterion", ["iou", "centre"])
def test_detections_beyond_the_best_hundred_are_dropped(criterion):
    scores = [number / 200 for number in range(120)]

    marks = marks_of([BOX], [[50, 50, 2, 2]] * 120, scores, criterion=criterion)

    assert marks.scores.size == 100
    assert marks.scores.min() == pytest.approx(20 / 200)
    assert marks.dropped_detections == 20


def test_iou_that_is_nearly_a_threshold_is_meant_as_it():
    marks = marks_of([BOX], [BOX], [0.9], criterion="iou", iou=0.1 + 0.5)

    assert marks.hit.tolist() == [True]


@pytest.mark.parametrize(
    ("wanted", "problem"), [({"criterion": "iou", "iou": 0.3}, "iou is 0.3"), ({"criterion": "touch"}, "'touch'")]
)
def test_unknown_criterion_is_refused(wanted, problem):
    with pytest.raises(ValueError, match=problem):
        marks_of([BOX], [BOX], [0.9], **wanted)


def test_classes_are_pooled_by_score():
    cases = check_box_outcomes(
        [{"boxes": [BOX, BOX], "labels": [0, 1]}, {"boxes": [], "labels": []}],
        [
            {"boxes": [BOX, BOX], "labels": [0, 1], "scores": [0.3, 0.7]},
            {"boxes": [BOX], "labels": [0], "scores": [0.5]},
        ],
        classes=2,
    )

    marks = pool_classes(match_lesions(cases, criterion="iou", iou=0.5))

    assert marks.scores.tolist() == [0.7, 0.5, 0.3]
    assert marks.image.tolist() == [0, 1, 0]
    assert marks.hit.tolist() == [True, False, True]
    assert marks.lesions.tolist() == [2, 0]

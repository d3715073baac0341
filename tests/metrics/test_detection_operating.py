import numpy as np
import pytest

from arogya_bench.metrics.detection_operating import ClassCounts, best_threshold, operating_point, per_class_boxes
from arogya_bench.types import Box, BoxPredictions, Detections


def truth(*places, crowd=False):
    return [Box(left=left, top=0, width=10, height=10, label=label, crowd=crowd) for left, label in places]


def found(*boxes):
    """Detections of (left, score, label), each 10 pixels square."""
    table = np.array(boxes, dtype=np.float64).reshape(-1, 3)
    square = np.tile([0.0, 10.0, 10.0], (len(table), 1))
    return Detections(
        boxes=np.column_stack([table[:, 0], square]), scores=table[:, 1], labels=table[:, 2].astype(np.int64)
    )


def test_counts_by_hand():
    point = operating_point(
        [truth((0, 0), (100, 0), (200, 0)), truth((0, 1))],
        [found((0, 0.9, 0), (500, 0.8, 0), (100, 0.7, 0), (200, 0.2, 0)), found()],
        classes=["red", "white"],
        threshold=0.5,
    )

    red, white = point.classes
    assert red == ClassCounts(name="red", tp=2, fp=1, fn=1, precision=2 / 3, recall=2 / 3, f1=pytest.approx(2 / 3))
    assert white == ClassCounts(name="white", tp=0, fp=0, fn=1, precision=None, recall=0.0, f1=0.0)
    assert (point.precision, point.recall) == pytest.approx((1 / 3, 1 / 3))
    assert point.threshold == 0.5


def test_detection_in_a_crowd_is_no_mistake():
    point = operating_point(
        [truth((0, 0)) + truth((100, 0), crowd=True)],
        [found((0, 0.9, 0), (100, 0.8, 0), (101, 0.8, 0))],
        classes=1,
        threshold=0.5,
    )

    assert (point.classes[0].tp, point.classes[0].fp, point.f1) == (1, 0, 1.0)


def test_nothing_to_find_and_nothing_found_is_undefined():
    point = operating_point([[]], [found((0, 0.2, 0))], classes=1, threshold=0.5)

    assert (point.precision, point.recall, point.f1) == (None, None, None)


def test_class_found_without_a_box_has_a_precision_of_zero_and_no_recall_or_f1():
    point = operating_point([[]], [found((0, 0.9, 0))], classes=1, threshold=0.5)

    counts = point.classes[0]
    assert (counts.precision, counts.recall, counts.f1) == (0.0, None, None)
    assert point.f1 == 0.0


def test_best_threshold_by_hand():
    """F1 from .9, .8, .7, .6 on: 2/3, 1/2 ... hit, miss, hit, miss of 2 boxes: .667 .5 .8 .667."""
    boxes = [truth((0, 0), (100, 0))]
    detections = [found((0, 0.9, 0), (500, 0.8, 0), (100, 0.7, 0), (600, 0.6, 0))]

    assert best_threshold(boxes, detections, classes=1) == 0.7


def test_of_equally_good_thresholds_the_higher_is_taken():
    """One of two boxes from .9 on, 2/3; both among four detections from .6 on, 2/3 again."""
    boxes = [truth((0, 0), (100, 0))]
    scores = [(0, 0.9, 0), (500, 0.8, 0), (600, 0.7, 0), (100, 0.6, 0)]

    assert best_threshold(boxes, [found(*scores)], classes=1) == 0.9


@pytest.mark.parametrize(
    ("boxes", "detections"),
    [
        ([truth((0, 0))], [found()]),
        ([truth((0, 0))], [found((500, 0.4, 0))]),
        ([[]], [found((500, 0.4, 0))]),
        ([[]], [found()]),
        ([], []),
    ],
)
def test_threshold_is_one_where_none_does_better_than_finding_nothing(boxes, detections):
    assert best_threshold(boxes, detections, classes=2) == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_best_threshold_is_the_best_of_all_scores(seed):
    """Against counting again at each score, with ties, crowds and an absent class."""
    rng = np.random.default_rng(seed)
    boxes = [
        truth(*((60 * place, rng.integers(2)) for place in range(3))) + truth((300, 0), crowd=True) for _ in range(6)
    ]
    detections = [
        found(*((60 * rng.integers(6) + rng.integers(5), rng.integers(1, 9) / 10, rng.integers(3)) for _ in range(8)))
        for _ in range(6)
    ]

    best = best_threshold(boxes, detections, classes=4)

    scores = sorted({float(s) for each in detections for s in each.scores}, reverse=True)
    f1 = [operating_point(boxes, detections, classes=4, threshold=s).f1 for s in scores]
    assert best == scores[int(np.argmax(f1))]


def test_rows_per_class_by_hand():
    predictions = BoxPredictions(
        classes=("red", "white", "platelet"),
        case_ids=("a", "b"),
        group_ids=("a", "b"),
        truth=(tuple(truth((0, 0), (100, 0))), tuple(truth((0, 0), (50, 2)))),
        detections=(found((0, 0.9, 0), (500, 0.8, 1)), found((50, 0.7, 2), (55, 0.2, 2))),
    )

    red, white, platelet = per_class_boxes(predictions, threshold=0.5)

    assert red == {
        "class": "red",
        "truth_boxes": 3,
        "images": 2,
        "AP50": pytest.approx(34 / 101),
        "AP50_95": pytest.approx(34 / 101),
        "precision": 1.0,
        "recall": pytest.approx(1 / 3),
        "f1": 0.5,
        "tp": 1,
        "fp": 0,
        "fn": 2,
        "flag": "fewer than 10 boxes",
    }
    assert (white["truth_boxes"], white["images"], white["AP50"], white["f1"]) == (0, 0, None, None)
    assert (white["precision"], white["recall"], white["fp"]) == (0.0, None, 1)
    assert (platelet["AP50"], platelet["images"]) == (1.0, 1)

import numpy as np
import pytest

from arogya_bench.metrics.detection import METRICS, score, score_with_reasons
from arogya_bench.types import Box, BoxPredictions, Detections

NOTHING = {"boxes": [], "labels": [], "scores": []}
MEANS = ("mAP50_95", "mAP50", "mAP75", "AR1", "AR10", "AR100")


def box(left, label=0, *, crowd=False):
    return Box(left=left, top=0, width=100, height=100, label=label, crowd=crowd)


def found(*boxes):
    """Detections of (left, score) or (left, score, label), each 100 pixels square."""
    table = np.array([(left, 0, 100, 100) for left, *_ in boxes], dtype=np.float64)
    return Detections(
        boxes=table.reshape(-1, 4),
        scores=np.array([each[1] for each in boxes], dtype=np.float64),
        labels=np.array([each[2] if len(each) > 2 else 0 for each in boxes], dtype=np.int64),
    )


def predictions(truth, detections, classes=("red", "white")):
    names = tuple(f"case-{number}" for number in range(len(truth)))
    return BoxPredictions(
        classes=tuple(classes),
        case_ids=names,
        group_ids=names,
        truth=tuple(map(tuple, truth)),
        detections=tuple(detections),
    )


def test_score_by_hand():
    """Hit, miss, hit of 3 boxes: 34 recalls at precision 1 and 33 at 2/3, of 101."""
    truth = [box(0), box(1000), box(2000)]

    scores = score([truth], [found((0, 0.9), (500, 0.8), (1000, 0.7))], classes=["red"])

    assert scores["mAP50"] == pytest.approx((34 + 33 * 2 / 3) / 101)
    assert scores["AR1"] == pytest.approx(1 / 3)
    assert scores["AR10"] == pytest.approx(2 / 3)


def test_per_class_scores_are_in_class_order_with_none_for_a_class_without_truth():
    truth = [[box(0, 0), box(500, 2)]]
    detections = [found((0, 0.9, 0), (500, 0.8, 1), (0, 0.7, 2), (500, 0.6, 2))]

    scores = score(truth, detections, classes=["red", "white", "platelet"])

    assert scores["AP50_per_class"] == [1.0, None, pytest.approx(0.5)]
    assert scores["mAP50"] == pytest.approx(0.75)


@pytest.mark.parametrize("truth", [[[], []], [[box(0, crowd=True)], []]])
def test_without_a_box_in_the_truth_everything_is_undefined(truth):
    """A crowd is not a box to be found."""
    scores = score(truth, [found((0, 0.9)), found()], classes=2)

    assert [scores[name] for name in MEANS] == [None] * 6
    assert scores["AP_per_class"] == scores["AP50_per_class"] == [None, None]


def test_no_images_are_no_score():
    assert score([], [], classes=1)["mAP50"] is None


def test_boxes_without_detections_are_a_true_zero():
    assert score([[box(0)]], [NOTHING], classes=1)["mAP50_95"] == 0.0


def test_perfect_detector_scores_one():
    truth = [[box(0, 0), box(50, 1)], [], [box(10, 1)]]
    detections = [found((0, 0.3, 0), (50, 0.2, 1)), found(), found((10, 0.4, 1))]

    scores = score(truth, detections, classes=2)
    ours = score_with_reasons(predictions(truth, detections), threshold=0.2)

    assert [scores[name] for name in ("mAP50_95", "mAP50", "mAP75", "AR10")] == [1.0] * 4
    assert ours.values == dict.fromkeys(METRICS, 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_order_of_images_and_of_detections_is_irrelevant_without_ties(seed):
    rng = np.random.default_rng(seed)
    truth = [[box(rng.integers(400), rng.integers(2)) for _ in range(4)] for _ in range(8)]
    detections = [
        found(*((each.left + rng.integers(40), rng.random(), each.label) for each in boxes)) for boxes in truth
    ]
    order = rng.permutation(8)
    turned = [
        Detections(
            boxes=detections[i].boxes[::-1], scores=detections[i].scores[::-1], labels=detections[i].labels[::-1]
        )
        for i in order
    ]
    turned_truth = [truth[i][::-1] for i in order]

    again, once = (score(*columns, classes=2) for columns in ((turned_truth, turned), (truth, detections)))
    for name, value in once.items():
        assert again[name] == pytest.approx(value, abs=1e-12)
    assert score_with_reasons(predictions(turned_truth, turned), threshold=0.5).values == pytest.approx(
        score_with_reasons(predictions(truth, detections), threshold=0.5).values, abs=1e-12
    )


def test_catalogue_says_direction_and_range_of_each_metric():
    assert list(METRICS) == ["mAP50_95", "mAP50", "mAP75", "precision", "recall", "f1"]
    for name, metric in METRICS.items():
        assert metric.name == name
        assert (metric.best, metric.low, metric.high) == ("high", 0.0, 1.0)
        assert metric.probabilistic == name.startswith("mAP")
        assert metric.summary.endswith(".")


def test_assessment_by_hand():
    """Red: hit, miss, and a box below the threshold; white: one box that nothing found."""
    truth = [[box(0), box(1000)], [box(0, 1)]]
    detections = [found((0, 0.9), (500, 0.8), (1000, 0.3)), found()]

    scores = score_with_reasons(predictions(truth, detections), threshold=0.5)

    assert scores.values == {
        "mAP50_95": pytest.approx((51 + 50 * 2 / 3) / 101 / 2),
        "mAP50": pytest.approx((51 + 50 * 2 / 3) / 101 / 2),
        "mAP75": pytest.approx((51 + 50 * 2 / 3) / 101 / 2),
        "precision": 0.25,
        "recall": 0.25,
        "f1": 0.25,
    }
    assert scores.undefined == {}


def test_threshold_itself_counts():
    at, above = (
        score_with_reasons(predictions([[box(0)]], [found((0, 0.5))]), threshold=threshold).values["recall"]
        for threshold in (0.5, np.nextafter(0.5, 1))
    )

    assert (at, above) == (1.0, 0.0)


def test_class_found_without_a_box_counts_as_zero_in_precision_recall_and_f1_only():
    scores = score_with_reasons(predictions([[box(0)]], [found((0, 0.9, 0), (0, 0.8, 1))]), threshold=0.5)

    assert (scores.values["mAP50"], scores.values["f1"]) == (1.0, 0.5)
    assert "left out, no box in the truth: white" in scores.flags["mAP50"]
    assert "found without a box in the truth, counts as 0: white" in scores.flags["recall"]


def test_class_in_neither_truth_nor_detections_is_left_out_and_named():
    scores = score_with_reasons(predictions([[box(0)]], [found((0, 0.9))]), threshold=0.5)

    assert scores.values["f1"] == 1.0
    assert "left out, in neither truth nor detections: white" in scores.flags["f1"]


def test_few_boxes_and_a_class_that_is_never_found_are_flagged():
    truth = [[box(100 * i) for i in range(10)] + [box(0, 1)]]
    detections = [found(*((100 * i, 0.9 - i / 100) for i in range(10)))]

    flags = score_with_reasons(predictions(truth, detections), threshold=0.5).flags

    assert flags["recall"] == "fewer than 10 boxes: white"
    assert flags["precision"] == "never found, counts as 0: white; fewer than 10 boxes: white"


def test_equal_scores_of_right_and_wrong_are_flagged_since_order_ranks_them():
    mixed = score_with_reasons(predictions([[box(0)]], [found((0, 0.9), (500, 0.9))]), threshold=0.5)
    clear = score_with_reasons(predictions([[box(0)]], [found((0, 0.9), (500, 0.8))]), threshold=0.5)

    assert "2 detections, right and wrong ones, share their score" in mixed.flags["mAP50"]
    assert "share" not in clear.flags["mAP50"]


def test_detections_beyond_the_best_hundred_are_flagged():
    many = found(*((500, 0.9 - i / 1000) for i in range(101)), (0, 0.1))

    scores = score_with_reasons(predictions([[box(0)]], [many]), threshold=0.0)

    assert scores.values["recall"] == 0.0
    assert "2 detections left out, beyond the best 100" in scores.flags["recall"]


@pytest.mark.parametrize(
    ("truth", "detections", "maps", "points"),
    [
        ([], [], "no cases", "no cases"),
        ([[]], [found((0, 0.2))], "no box in the truth", "no box in the truth, and no detection at the threshold"),
    ],
)
def test_undefined_metrics_have_a_reason_and_no_value(truth, detections, maps, points):
    scores = score_with_reasons(predictions(truth, detections), threshold=0.5)

    assert scores.values == scores.flags == {}
    assert scores.undefined == {
        **dict.fromkeys(("mAP50_95", "mAP50", "mAP75"), maps),
        **dict.fromkeys(("precision", "recall", "f1"), points),
    }

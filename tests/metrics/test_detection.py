from dataclasses import replace

import numpy as np
import pytest

from arogya_bench.metrics.detection import METRICS, box_replicates, score, score_with_reasons
from arogya_bench.metrics.detection_operating import operating_point
from arogya_bench.statistics import draws, interval
from arogya_bench.types import Box, BoxPredictions, Detections

NOTHING = {"boxes": [], "labels": [], "scores": []}
CLASSES = ("red", "white", "platelet")
MAPS = ("mAP50_95", "mAP50", "mAP75")
THRESHOLD = 0.4
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


def scenes(seed, *, images=10, boxes=5, extra=6, levels=None):
    """Crowds, images with nothing, a rare class, near and far detections, tied scores."""
    rng = np.random.default_rng(seed)
    truth = [
        tuple(
            Box(
                left=float(rng.integers(80)),
                top=float(rng.integers(80)),
                width=float(rng.integers(8, 30)),
                height=float(rng.integers(8, 30)),
                label=int(rng.choice(3, p=[0.7, 0.25, 0.05])),
                crowd=bool(rng.random() < 0.1),
            )
            for _ in range(rng.integers(2 * boxes) if rng.random() < 0.9 else 0)
        )
        for _ in range(images)
    ]
    found = [detections(rng, each, extra, levels) for each in truth]
    names = tuple(f"case-{number}" for number in range(images))
    return BoxPredictions(classes=CLASSES, case_ids=names, group_ids=names, truth=tuple(truth), detections=tuple(found))


def detections(rng, boxes, extra, levels):
    near = [
        [box.left + a, box.top + b, box.width + c, box.height + d, box.label]
        for box in boxes
        for a, b, c, d in rng.integers(-3, 4, size=(rng.integers(3), 4))
    ]
    far = [
        [*rng.integers(80, size=2), *rng.integers(30, size=2), rng.integers(3)] for _ in range(rng.integers(extra + 1))
    ]
    table = np.array(near + far, dtype=np.float64).reshape(-1, 5)
    table = table[rng.permutation(len(table))]
    fine = rng.random(len(table)) if levels is None else rng.integers(levels, size=len(table))
    return Detections(
        boxes=table[:, :4], scores=fine if levels is None else fine / levels, labels=table[:, 4].astype(np.int64)
    )


def ranked(predictions):
    """The same detections with distinct scores, in the order in which equal ones stand."""
    scores = np.concatenate([each.scores for each in predictions.detections])
    order = np.argsort(-scores, kind="stable")
    distinct = np.empty(scores.size)
    distinct[order] = np.linspace(1, 0, scores.size, endpoint=False)
    parts = np.split(distinct, np.cumsum([each.scores.size for each in predictions.detections])[:-1])
    pairs = zip(predictions.detections, parts, strict=True)
    return replace(predictions, detections=tuple(replace(each, scores=part) for each, part in pairs))


def distinct_within_images(predictions):
    """Keep of equal scores in one image only the first; those of different images stay."""
    kept = [np.unique(each.scores, return_index=True)[1] for each in predictions.detections]
    parts = [
        replace(each, boxes=each.boxes[i], scores=each.scores[i], labels=each.labels[i])
        for each, i in zip(predictions.detections, kept, strict=True)
    ]
    return replace(predictions, detections=tuple(parts))


def coco(predictions, rows):
    scores = score(
        [predictions.truth[row] for row in rows], [predictions.detections[row] for row in rows], classes=CLASSES
    )
    return {name: scores[name] for name in MAPS}


def at_threshold(predictions, rows):
    point = operating_point(
        [predictions.truth[row] for row in rows],
        [predictions.detections[row] for row in rows],
        classes=CLASSES,
        threshold=THRESHOLD,
    )
    return {name: getattr(point, name) for name in ("precision", "recall", "f1")}


def plan_of(predictions, seed, *, resamples=8, patients=None):
    rng = np.random.default_rng(seed)
    n = len(predictions.truth)
    groups = None if patients is None else rng.integers(patients, size=n)
    return draws(n, rng=rng, resamples=resamples, groups=groups)


def check_against_coco(predictions, reference, plan):
    found = box_replicates(predictions, threshold=THRESHOLD, draws=plan)

    drawn = [plan.case_indices(counts) for counts in np.concatenate(list(plan.chunks()))]
    expected = [coco(reference, rows) | at_threshold(predictions, rows) for rows in drawn]
    for name in METRICS:
        values = np.array([each[name] for each in expected], dtype=np.float64)
        np.testing.assert_allclose(found.values[name], values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("patients", [None, 4])
@pytest.mark.parametrize("seed", range(3))
def test_every_replicate_is_the_score_of_cocoeval_on_the_drawn_images(seed, patients):
    predictions = scenes(seed)

    check_against_coco(predictions, predictions, plan_of(predictions, seed, patients=patients))


@pytest.mark.parametrize("seed", range(3))
def test_scores_tied_across_images_rank_as_in_cocoeval(seed):
    """Copies of an image stand side by side, and the rest in its order."""
    predictions = distinct_within_images(scenes(seed, levels=12))

    check_against_coco(predictions, predictions, plan_of(predictions, seed, patients=5))


@pytest.mark.parametrize("seed", range(3))
def test_scores_tied_in_one_image_keep_their_rank_when_the_image_is_drawn_again(seed):
    """Equal to COCO where the rank is written into the scores, before anything is drawn."""
    predictions = scenes(seed, levels=3)
    reference = ranked(predictions)

    check_against_coco(predictions, reference, plan_of(predictions, seed))


def test_more_than_a_hundred_detections_are_capped_in_every_replicate():
    predictions = scenes(1, images=3, boxes=30, extra=450)
    assert max(each.scores.size for each in predictions.detections) > 300

    check_against_coco(predictions, predictions, plan_of(predictions, 1, resamples=4))


@pytest.mark.parametrize("seed", range(3))
def test_recalls_are_compared_as_the_floats_of_cocoeval(seed):
    """Of 20 boxes, 7 are a recall of .35, but COCO's .35 is a float just above."""
    rng = np.random.default_rng(seed)
    boxes = [Box(left=20.0 * i, top=0, width=10, height=10, label=0) for i in range(20)]
    table = np.array([[box.left, box.top, box.width, box.height] for box in boxes], dtype=float)
    found = [
        Detections(
            boxes=table + np.outer(rng.random(20) < 0.4, [0, 500, 0, 0]),
            scores=rng.random(20),
            labels=np.zeros(20, dtype=np.int64),
        )
        for _ in range(5)
    ]
    names = tuple("abcde")
    predictions = BoxPredictions(
        classes=CLASSES, case_ids=names, group_ids=names, truth=(tuple(boxes),) * 5, detections=tuple(found)
    )

    check_against_coco(predictions, predictions, plan_of(predictions, seed))


@pytest.mark.parametrize("patients", [None, 4])
def test_jackknife_is_the_score_without_each_group(patients):
    predictions = scenes(11)
    plan = plan_of(predictions, 3, patients=patients)

    found = box_replicates(predictions, threshold=THRESHOLD, draws=plan)

    left = [np.flatnonzero(plan.group_of != group) for group in range(plan.groups)]
    expected = [coco(predictions, rows) | at_threshold(predictions, rows) for rows in left]
    for name in METRICS:
        values = np.array([each[name] for each in expected], dtype=np.float64)
        np.testing.assert_allclose(found.jackknife[name], values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("levels", [None, 2])
@pytest.mark.parametrize("seed", range(3))
def test_estimates_are_those_of_cocoeval_and_of_the_assessment(seed, levels):
    """Also with nearly all scores tied."""
    predictions = scenes(seed, levels=levels)

    found = box_replicates(predictions, threshold=THRESHOLD, draws=plan_of(predictions, 0))

    assert found.estimates == score_with_reasons(predictions, threshold=THRESHOLD).values
    rows = range(len(predictions.truth))
    assert {name: found.estimates[name] for name in MAPS} == pytest.approx(coco(predictions, rows), abs=1e-12)


def test_resample_without_a_box_in_the_truth_is_undefined():
    empty = scenes(5, images=2, boxes=1, extra=3)
    box = Box(left=0.0, top=0.0, width=9.0, height=9.0, label=0)
    predictions = replace(empty, truth=((box,), ()))
    plan = plan_of(predictions, 0, resamples=40)

    found = box_replicates(predictions, threshold=THRESHOLD, draws=plan)

    counts = np.concatenate(list(plan.chunks()))
    absent = counts[:, 0] == 0
    assert absent.any()
    np.testing.assert_array_equal(np.isnan(found.values["mAP50"]), absent)


def test_perfect_detector_is_perfect_in_every_resample():
    truth = scenes(2).truth
    sharp = [
        Detections(
            boxes=np.array([[b.left, b.top, b.width, b.height] for b in boxes]).reshape(-1, 4),
            scores=np.full(len(boxes), 0.9),
            labels=np.array([b.label for b in boxes], dtype=np.int64),
        )
        for boxes in truth
    ]
    plain = tuple(tuple(replace(box, crowd=False) for box in boxes) for boxes in truth)
    predictions = replace(scenes(2), truth=plain, detections=tuple(sharp))

    found = box_replicates(predictions, threshold=THRESHOLD, draws=plan_of(predictions, 1, resamples=50))

    for name in METRICS:
        np.testing.assert_allclose(found.values[name], 1.0, rtol=0, atol=1e-12)


def test_wanted_metrics_alone_are_computed_and_equal():
    predictions = scenes(8)
    plan = plan_of(predictions, 8, resamples=20)

    every = box_replicates(predictions, threshold=THRESHOLD, draws=plan)
    few = box_replicates(predictions, threshold=THRESHOLD, draws=plan, names=["mAP75", "f1"])

    assert list(few.values) == list(few.jackknife) == list(few.estimates) == ["mAP75", "f1"]
    for name in ("mAP75", "f1"):
        np.testing.assert_array_equal(few.values[name], every.values[name])


def test_chunks_and_blocks_do_not_change_the_replicates():
    """Fifteen hundred resamples begin with the hundred of a shorter plan."""
    predictions = scenes(9)

    few, many = (
        box_replicates(predictions, threshold=THRESHOLD, draws=plan_of(predictions, 2, resamples=resamples), names=MAPS)
        for resamples in (100, 1_500)
    )

    for name in MAPS:
        np.testing.assert_array_equal(many.values[name][:100], few.values[name])


def test_replicates_carry_an_interval_by_bca():
    predictions = scenes(12, images=30)
    plan = plan_of(predictions, 4, resamples=2_000)

    found = box_replicates(predictions, threshold=THRESHOLD, draws=plan, names=["mAP50"])
    ends = interval(found.estimates["mAP50"], found.values["mAP50"], found.jackknife["mAP50"], draws=plan)

    assert found.digest == plan.digest
    assert ends.method == "bca"
    assert 0 < ends.low < found.estimates["mAP50"] < ends.high < 1


def test_draws_of_other_images_are_refused():
    plan = draws(3, rng=np.random.default_rng(0), resamples=1)

    with pytest.raises(ValueError, match="draws of 3 cases for 10 images"):
        box_replicates(scenes(0), threshold=THRESHOLD, draws=plan)

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arogya_bench.metrics.detection_froc import FROC_RATES, froc, froc_replicates, sum_froc_by_group
from arogya_bench.metrics.detection_froc_matching import LesionMatches
from arogya_bench.statistics import draws, interval
from arogya_bench.types import Box, BoxPredictions, Detections

CLASSES = ("red", "white", "platelet")
BOX = [0, 0, 20, 20]
FAR = [500, 500, 20, 20]


def scenes(seed, *, images=12, levels=None, names=CLASSES):
    """Crowds, images with nothing, a rare class, near and far detections, tied scores."""
    rng = np.random.default_rng(seed)
    truth = []
    found = []
    for _ in range(images):
        count = int(rng.integers(5)) if rng.random() < 0.8 else 0
        boxes = np.c_[rng.integers(100, size=(count, 2)), rng.integers(8, 40, size=(count, 2))]
        labels = rng.choice(len(names), size=count, p=[0.7, 0.25, 0.05][: len(names)])
        crowd = rng.random(count) < 0.15
        truth.append(
            tuple(
                Box(left=a, top=b, width=c, height=d, label=int(k), crowd=bool(w))
                for (a, b, c, d), k, w in zip(boxes.tolist(), labels, crowd, strict=True)
            )
        )
        near = rng.integers(3, size=count)
        far = int(rng.integers(4))
        table = np.concatenate([boxes.repeat(near, axis=0), rng.integers(9, 90, size=(far, 4))])
        scores = rng.random(len(table))
        found.append(
            Detections(
                boxes=table + rng.integers(-3, 4, size=table.shape),
                scores=scores if levels is None else np.ceil(scores * levels) / levels,
                labels=np.concatenate([labels.repeat(near), rng.integers(len(names), size=far)]),
            )
        )
    cases = tuple(f"case-{number}" for number in range(images))
    return BoxPredictions(classes=names, case_ids=cases, group_ids=cases, truth=tuple(truth), detections=tuple(found))


def froc_of(predictions, rows=None, **options):
    rows = range(len(predictions.truth)) if rows is None else rows
    return froc(
        [predictions.truth[row] for row in rows],
        [predictions.detections[row] for row in rows],
        classes=predictions.classes,
        **options,
    )


def overlap(box, other):
    wide = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0])
    high = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1])
    both = max(0.0, wide) * max(0.0, high)
    return both / (box[2] * box[3] + other[2] * other[3] - both)


def inside(box, other):
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    return other[0] <= x <= other[0] + other[2] and other[1] <= y <= other[1] + other[3]


def nearness(box, other, criterion):
    if criterion == "iou":
        return overlap(box, other)
    gaps = [box[i] + box[i + 2] / 2 - other[i] - other[i + 2] / 2 for i in (0, 1)]
    return -float(np.hypot(*gaps))


def counts_at(predictions, threshold, criterion):
    """Lesions found and false positives of the detections from a threshold on, box by box."""
    hits = misses = 0
    for truth, found in zip(predictions.truth, predictions.detections, strict=True):
        free = [box for box in truth if not box.crowd]
        for i in np.argsort(-found.scores, kind="stable"):
            box, label = found.boxes[i], found.labels[i]
            if found.scores[i] < threshold:
                continue
            near = [
                t
                for t in truth
                if t.label == label and (overlap(box, edges(t)) >= 0.5 if criterion == "iou" else inside(box, edges(t)))
            ]
            open_ = [t for t in free if any(t is other for other in near)]
            if open_:
                best = max(open_, key=lambda t, b=box: nearness(b, edges(t), criterion))
                free = [t for t in free if t is not best]
                hits += 1
            elif criterion == "iou":
                crowds = [t for t in truth if t.crowd and t.label == label]
                misses += not any(share_inside(box, edges(t)) >= 0.5 for t in crowds)
            else:
                misses += not near
    return hits, misses


def share_inside(box, crowd):
    wide = min(box[0] + box[2], crowd[0] + crowd[2]) - max(box[0], crowd[0])
    high = min(box[1] + box[3], crowd[1] + crowd[3]) - max(box[1], crowd[1])
    return max(0.0, wide) * max(0.0, high) / (box[2] * box[3])


def edges(box):
    return box.left, box.top, box.width, box.height


def plan_of(predictions, seed, *, resamples=40, patients=None):
    rng = np.random.default_rng(seed)
    n = len(predictions.truth)
    groups = None if patients is None else rng.integers(patients, size=n)
    return draws(n, rng=rng, resamples=resamples, groups=groups)


def named(found):
    """The values of a FROC under the names of its replicates."""
    at = {f"froc_{r:g}": v for r, v in zip(found.rates, found.sensitivity_at, strict=True)}
    return {"froc": found.score, **at}


def test_curve_by_hand():
    """Two images: hit at .9, false at .8 and .7, hit at .6; a third lesion is never found."""
    truth = [{"boxes": [BOX, [100, 0, 20, 20]], "labels": [0, 0]}, {"boxes": [BOX], "labels": [0]}]
    found = [
        {"boxes": [BOX, FAR], "labels": [0, 0], "scores": [0.9, 0.8]},
        {"boxes": [FAR, BOX], "labels": [0, 0], "scores": [0.7, 0.6]},
    ]

    curve = froc(truth, found, classes=1, rates=(0.5, 0.9, 1))

    assert curve.thresholds.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert curve.false_positives_per_image.tolist() == [0, 0.5, 1, 1]
    assert curve.sensitivity == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3])
    assert curve.sensitivity_at == pytest.approx((1 / 3, 1 / 3, 2 / 3))
    assert curve.score == pytest.approx(4 / 9)
    assert (curve.images, curve.lesions, curve.n) == (2, 3, 2)


def test_nothing_is_interpolated_between_two_points():
    """A hit needs two false positives in one image: at 1 per image nothing is found."""
    truth = [{"boxes": [BOX], "labels": [0]}]
    found = [{"boxes": [FAR, FAR, BOX], "labels": [0, 0, 0], "scores": [0.9, 0.8, 0.7]}]

    assert froc(truth, found, classes=1, rates=(1, 2)).sensitivity_at == (0, 1)


def test_equal_scores_pass_the_threshold_together():
    """The hit cannot be had without the false positive of the same score."""
    truth = [{"boxes": [BOX], "labels": [0]}]
    found = [{"boxes": [BOX, FAR], "labels": [0, 0], "scores": [0.9, 0.9]}]

    curve = froc(truth, found, classes=1, rates=(0.5, 1))

    assert curve.thresholds.tolist() == [0.9]
    assert curve.sensitivity_at == (0, 1)


def test_rate_that_no_float_holds_is_reached():
    """.29 of 100 images is a float just below 29 false positives."""
    truth = [{"boxes": [BOX], "labels": [0]}] * 100
    found = [
        {"boxes": [BOX, FAR][: 1 + (i < 29)], "labels": [0, 0][: 1 + (i < 29)], "scores": s}
        for i, s in ((i, [0.5, 0.9][: 1 + (i < 29)]) for i in range(100))
    ]

    assert froc(truth, found, classes=1, rates=(0.28, 0.29)).sensitivity_at == (0, 1)


def test_images_without_lesions_lower_the_rate():
    truth = [{"boxes": [BOX], "labels": [0]}, *[{"boxes": [], "labels": []}] * 3]
    found = [
        {"boxes": [FAR, BOX], "labels": [0, 0], "scores": [0.9, 0.8]},
        *[{"boxes": [], "labels": [], "scores": []}] * 3,
    ]

    assert froc(truth, found, classes=1, rates=(0.25,)).score == 1
    assert froc(truth[:1], found[:1], classes=1, rates=(0.25,)).score == 0


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize("criterion", ["iou", "centre"])
@pytest.mark.parametrize("seed", range(3))
def test_every_point_is_what_the_threshold_gives_box_by_box(seed, criterion, levels):
    predictions = scenes(seed, levels=levels)

    curve = froc_of(predictions, criterion=criterion)

    points = [counts_at(predictions, each, criterion) for each in curve.thresholds]
    hits, misses = np.array(points).T
    np.testing.assert_allclose(curve.sensitivity, hits / curve.lesions)
    np.testing.assert_allclose(curve.false_positives_per_image, misses / curve.images)
    for rate, value in zip(curve.rates, curve.sensitivity_at, strict=True):
        assert value == max([0, *hits[misses <= rate * curve.images] / curve.lesions])


def test_detector_without_mistakes_scores_one():
    truth = scenes(3).truth
    plain = tuple(tuple(replace(box, crowd=False) for box in boxes) for boxes in truth)
    found = tuple(
        Detections(
            boxes=np.array([edges(box) for box in boxes]).reshape(-1, 4),
            scores=np.full(len(boxes), 0.9),
            labels=np.array([box.label for box in boxes], dtype=np.int64),
        )
        for boxes in plain
    )

    curve = froc_of(replace(scenes(3), truth=plain, detections=found))

    assert curve.score == 1
    assert "never more than 0 false positives per image" in curve.note


def test_silent_detector_finds_nothing():
    silence = Detections(boxes=np.empty((0, 4)), scores=np.empty(0), labels=np.empty(0, int))

    curve = froc_of(replace(scenes(3), detections=(silence,) * 12))

    assert curve.score == 0
    assert curve.thresholds.size == 0


@given(st.permutations(range(12)), st.sampled_from(["iou", "centre"]))
def test_order_of_images_changes_nothing(order, criterion):
    predictions = scenes(5, levels=5)

    assert froc_of(predictions, order, criterion=criterion).sensitivity_at == (
        froc_of(predictions, criterion=criterion).sensitivity_at
    )


def test_strictly_rising_change_of_the_scores_changes_no_sensitivity():
    predictions = scenes(6)
    found = tuple(replace(each, scores=each.scores**3) for each in predictions.detections)

    assert froc_of(replace(predictions, detections=found)).score == froc_of(predictions).score


def test_each_class_has_the_curve_that_it_would_have_alone():
    predictions = scenes(7, images=30)

    for label, curve in enumerate(froc_of(predictions).per_class):
        alone = replace(
            predictions,
            classes=CLASSES[label : label + 1],
            truth=tuple(
                tuple(replace(box, label=0) for box in boxes if box.label == label) for boxes in predictions.truth
            ),
            detections=tuple(
                Detections(boxes=d.boxes[own], scores=d.scores[own], labels=np.zeros(own.sum(), int))
                for d in predictions.detections
                for own in [d.labels == label]
            ),
        )
        assert curve.name == CLASSES[label]
        assert curve.sensitivity_at == froc_of(alone).sensitivity_at


@pytest.mark.parametrize("criterion", ["iou", "centre"])
def test_without_lesions_nothing_is_defined_and_the_reason_is_given(criterion):
    found = [{"boxes": [BOX], "labels": [0], "scores": [0.9]}]
    crowd = [{"boxes": [BOX], "labels": [0], "crowd": [True]}]

    curve = froc(crowd, found, classes=1, criterion=criterion)

    assert curve.score is None
    assert set(curve.sensitivity_at) == {None}
    assert curve.sensitivity.size == 0
    assert curve.note == "no lesion in the truth"


def test_class_without_lesions_is_undefined_beside_one_that_is_not():
    truth = [{"boxes": [BOX], "labels": [0]}]
    found = [{"boxes": [BOX, FAR], "labels": [0, 1], "scores": [0.5, 0.9]}]

    curve = froc(truth, found, classes=CLASSES[:2], rates=(0.5, 1))

    assert [each.score for each in curve.per_class] == [1, None]
    assert curve.sensitivity_at == (0, 1)


@pytest.mark.parametrize("criterion", ["iou", "centre"])
def test_no_images_have_no_froc(criterion):
    assert froc([], [], classes=2, criterion=criterion).score is None


def test_criterion_is_part_of_the_result():
    by_iou = froc_of(scenes(0), iou=0.75)
    by_centre = froc_of(scenes(0), criterion="centre")

    assert (by_iou.criterion, by_iou.iou, by_iou.method) == ("iou", 0.75, "FROC, hit by IoU >= 0.75")
    assert (by_centre.criterion, by_centre.iou) == ("centre", None)
    assert "centre" in by_centre.method


def test_stricter_overlap_never_finds_more():
    scores = [froc_of(scenes(4), iou=iou).score for iou in (0.5, 0.6, 0.75, 0.95)]

    assert scores == sorted(scores, reverse=True)


def test_few_lesions_and_dropped_detections_are_named():
    truth = [{"boxes": [BOX], "labels": [0]}]
    found = [{"boxes": [FAR] * 110, "labels": [0] * 110, "scores": np.linspace(0, 1, 110)}]

    note = froc(truth, found, classes=1).note

    assert "fewer than 10 lesions" in note
    assert "10 detections beyond the best 100" in note


@pytest.mark.parametrize("rates", [(), (0, 1), (1, 1), (2, 1), (1, np.nan)])
def test_rates_that_cannot_be_are_refused(rates):
    with pytest.raises(ValueError, match="rates must be positive and ascending"):
        froc_of(scenes(0), rates=rates)


@pytest.mark.parametrize("patients", [None, 5])
@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize("criterion", ["iou", "centre"])
def test_every_replicate_is_the_froc_of_the_drawn_images(criterion, levels, patients):
    predictions = scenes(8, levels=levels)
    plan = plan_of(predictions, 1, patients=patients)

    found = froc_replicates(predictions, draws=plan, criterion=criterion)

    drawn = [plan.case_indices(counts) for counts in np.concatenate(list(plan.chunks()))]
    expected = [named(froc_of(predictions, rows, criterion=criterion)) for rows in drawn]
    assert list(found.values) == ["froc", *(f"froc_{rate:g}" for rate in FROC_RATES)]
    for name, values in found.values.items():
        wanted = np.array([each[name] for each in expected], dtype=np.float64)
        np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("patients", [None, 5])
def test_jackknife_is_the_froc_without_each_group(patients):
    predictions = scenes(9)
    plan = plan_of(predictions, 2, patients=patients)

    found = froc_replicates(predictions, draws=plan)

    left = [np.flatnonzero(plan.group_of != group) for group in range(plan.groups)]
    expected = [named(froc_of(predictions, rows)) for rows in left]
    for name, values in found.jackknife.items():
        wanted = np.array([each[name] for each in expected], dtype=np.float64)
        np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("criterion", ["iou", "centre"])
def test_estimates_are_exactly_those_of_the_curve(criterion):
    predictions = scenes(10, images=40)

    found = froc_replicates(predictions, draws=plan_of(predictions, 0), criterion=criterion)

    assert found.estimates == named(froc_of(predictions, criterion=criterion))


def test_rates_give_the_replicates_their_names():
    predictions = scenes(0)

    found = froc_replicates(predictions, draws=plan_of(predictions, 0), rates=(0.125, 1, 8))

    assert list(found.values) == ["froc", "froc_0.125", "froc_1", "froc_8"]


def test_resample_without_a_lesion_is_undefined():
    box = Box(left=0.0, top=0.0, width=9.0, height=9.0, label=0)
    predictions = replace(scenes(1, images=2), truth=((box,), ()))
    plan = plan_of(predictions, 0)

    found = froc_replicates(predictions, draws=plan)

    absent = np.concatenate(list(plan.chunks()))[:, 0] == 0
    assert absent.any()
    np.testing.assert_array_equal(np.isnan(found.values["froc_1"]), absent)


def test_replicates_carry_an_interval_by_bca():
    predictions = scenes(12, images=40)
    plan = plan_of(predictions, 4, resamples=2_000)

    found = froc_replicates(predictions, draws=plan)
    ends = interval(found.estimates["froc"], found.values["froc"], found.jackknife["froc"], draws=plan)

    assert found.digest == plan.digest
    assert ends.method == "bca"
    assert 0 < ends.low < found.estimates["froc"] < ends.high < 1


def test_draws_of_other_images_are_refused():
    plan = draws(3, rng=np.random.default_rng(0), resamples=1)

    with pytest.raises(ValueError, match="draws of 3 cases for 12 images"):
        froc_replicates(scenes(0), draws=plan)


def marks_of(images, hit, lesions):
    """Detections with falling scores; each is a hit or a false positive."""
    flags = np.array(hit, dtype=np.bool_)
    return LesionMatches(
        image=np.array(images, dtype=np.int64),
        scores=np.linspace(1, 0, flags.size),
        hit=flags,
        miss=~flags,
        lesions=np.array(lesions),
        dropped_detections=0,
    )


# Two images of one lesion each: a false positive and a hit in the first, a hit in the second.
TWO = marks_of([0, 0, 1], [False, True, True], [1, 1])


@pytest.mark.parametrize(
    ("weights", "expected"), [([1, 1], [0, 1]), ([2, 0], [0, 1]), ([0, 2], [1, 1]), ([1, 3], [0, 1])]
)
def test_weighted_sensitivity_by_hand(weights, expected):
    """At .2 per image the false positive of the first image is too much, at 1 it is not."""
    evidence = sum_froc_by_group(TWO, np.array([0, 1]))

    found = evidence.sensitivities(np.array([weights], dtype=np.float64), (0.2, 1))

    assert found[0].tolist() == expected


def test_rows_stand_for_hits_alone():
    """False positives after the last hit change nothing."""
    evidence = sum_froc_by_group(marks_of([0] * 5, [False, True, False, False, False], [1]), np.array([0]))

    assert evidence.hits.toarray().tolist() == [[1]]
    assert evidence.misses.toarray().tolist() == [[1]]


def test_no_lesion_drawn_is_undefined():
    evidence = sum_froc_by_group(marks_of([0], [True], [1, 0]), np.array([0, 1]))

    assert np.isnan(evidence.sensitivities(np.array([[0.0, 2.0]]), (1,))).all()


def test_resamples_in_blocks_are_those_alone():
    rng = np.random.default_rng(0)
    marks = marks_of(rng.integers(30, size=400), rng.random(400) < 0.5, np.full(30, 20))
    evidence = sum_froc_by_group(marks, np.arange(30))
    weights = rng.integers(3, size=(1_000, 30)).astype(np.float64)

    together = evidence.sensitivities(weights, (0.5, 2))

    alone = [evidence.sensitivities(row[None], (0.5, 2))[0] for row in weights]
    np.testing.assert_array_equal(together, alone)


def test_every_group_is_left_out_once_in_its_order():
    marks = marks_of([], [], np.ones(1_200, dtype=np.int64))
    evidence = sum_froc_by_group(marks, np.arange(1_200))

    weights = np.concatenate(list(evidence.leave_one_group_out()))

    np.testing.assert_array_equal(weights, 1 - np.eye(1_200))

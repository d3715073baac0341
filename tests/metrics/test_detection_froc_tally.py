import numpy as np
import pytest

from arogya_bench.metrics.detection_froc import sum_froc_by_group
from arogya_bench.metrics.detection_froc_matching import LesionMatches


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

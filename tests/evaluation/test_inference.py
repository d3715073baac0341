from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from arogya_bench.errors import ModelError
from arogya_bench.evaluation.inference import predict
from arogya_bench.evaluation.job import prepare
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.scoring.detection import DETECTION
from arogya_bench.types import Detections


@pytest.fixture(scope="module")
def cases(job_of):
    return prepare(job_of()).split.test


def brightness(images):
    """Probabilities that differ from image to image and from condition to condition."""
    share = np.array([image.mean() / 255 for image in images])
    return np.stack([share, 0.9 - 0.9 * share, 0.1 - 0.1 * share], axis=1)


def answering(rows):
    return lambda images: rows(len(images))


def test_each_image_is_decoded_once(cases):
    reads = Counter()

    def read(case):
        reads[case.case_id] += 1
        return cases.dataset.read(case)

    counted = replace(cases, dataset=replace(cases.dataset, read=read))
    predict(brightness, counted, task=CLASSIFICATION, batch_size=4)

    assert reads == Counter(case.case_id for case in cases.cases)


def test_every_condition_has_its_own_predictions_of_all_cases(cases, noisy):
    clean, *degraded = (
        predict(brightness, cases, condition, task=CLASSIFICATION, batch_size=4) for condition in noisy(0.1, 0.3)
    )

    for each in (clean, *degraded):
        assert each.case_ids == tuple(case.case_id for case in cases.cases)
        np.testing.assert_array_equal(each.targets, cases.targets)
    assert not np.allclose(clean.probabilities, degraded[-1].probabilities)


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_the_size_of_the_batches_changes_no_number(cases, noisy, size):
    for condition in noisy(0.1):
        whole = predict(brightness, cases, condition, task=CLASSIFICATION, batch_size=len(cases))
        parts = predict(brightness, cases, condition, task=CLASSIFICATION, batch_size=size)

        np.testing.assert_array_equal(parts.probabilities, whole.probabilities)


def test_clean_images_are_the_images_as_they_are(cases, noisy):
    (clean,) = noisy()

    named = predict(brightness, cases, clean, task=CLASSIFICATION, batch_size=8)
    plain = predict(brightness, cases, task=CLASSIFICATION, batch_size=8)

    np.testing.assert_array_equal(named.probabilities, plain.probabilities)


def test_the_metadata_of_the_cases_travels_along(cases):
    found = predict(brightness, cases, task=CLASSIFICATION, batch_size=8)

    assert found.metadata["site"] == tuple(case.metadata["site"] for case in cases.cases)


def test_rows_that_almost_sum_to_one_are_brought_to_one(cases):
    almost = answering(lambda n: np.tile([0.2, 0.30004, 0.5], (n, 1)))

    found = predict(almost, cases, task=CLASSIFICATION, batch_size=8)

    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-15)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (lambda n: np.full((n, 2), 0.5), r"shape \(8, 2\) for 8 images and 3 classes"),
        (lambda n: np.full((n - 1, 3), 1 / 3), r"shape \(7, 3\) for 8 images"),
        (lambda n: None, r"shape \(\)"),
        (lambda n: np.full((n, 3), np.nan), "not finite"),
        (lambda n: np.full((n, 3), np.inf), "not finite"),
        (lambda n: np.full((n, 3), 0.5), r"one sums to 1\.5000"),
        (lambda n: np.tile([1.2, -0.2, 0.0], (n, 1)), "not probabilities"),
        (lambda n: [[0.5, 0.5], [1.0]], "not a table of numbers"),
        (lambda n: "benign", "not a table of numbers"),
    ],
)
def test_what_is_no_table_of_probabilities_is_refused(cases, rows, complaint):
    with pytest.raises(ModelError, match=complaint):
        predict(answering(rows), cases, task=CLASSIFICATION, batch_size=8)


def test_the_check_holds_under_every_condition(cases, noisy):
    nonsense = answering(lambda n: np.full((n, 3), np.nan))

    for condition in noisy(0.1):
        with pytest.raises(ModelError, match="not finite"):
            predict(nonsense, cases, condition, task=CLASSIFICATION, batch_size=8)


def test_a_complaint_tells_the_wrong_row_and_not_the_first(cases):
    rows = np.tile([0.2, 0.3, 0.5], (8, 1))
    rows[5] *= 2

    with pytest.raises(ModelError, match=r"one sums to 2\.0000"):
        predict(lambda images: rows[: len(images)], cases, task=CLASSIFICATION, batch_size=8)


def detections(boxes=((1, 1, 4, 4),), scores=(0.5,), labels=(0,)):
    return Detections(
        boxes=np.array(boxes, dtype=float),
        scores=np.array(scores, dtype=float),
        labels=np.array(labels, dtype=np.int64),
    )


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda images: np.zeros((len(images), 3)), "not a list of Detections"),
        (lambda images: [detections()], "1 lists for 8 images"),
        (lambda images: [detections(boxes=((1, 1, 4),))] * len(images), "shape"),
        (lambda images: [detections(scores=(np.nan,))] * len(images), "not finite"),
        (lambda images: [detections(labels=(3,))] * len(images), "outside 0 to 2"),
        (lambda images: [detections(boxes=((1, 1, -4, 4),))] * len(images), "width or height"),
        (lambda images: [detections(scores=(37.0,))] * len(images), "not from 0 to 1"),
    ],
)
def test_boxes_that_cannot_be_are_refused(made, says, cases):
    with pytest.raises(ModelError, match=says):
        predict(made, cases, task=DETECTION, batch_size=8)

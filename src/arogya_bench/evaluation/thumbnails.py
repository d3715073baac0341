"""Which cases of an evaluation a report may show: the wrong ones as small pictures, where the dataset allows it."""

import cv2
import numpy as np
import pandas as pd

from arogya_bench.images.thumbnails import THUMBNAIL_COLUMNS, shrink, to_jpeg
from arogya_bench.metrics.outcomes import NO_ANSWER, predicted_classes
from arogya_bench.runtime.console import plural
from arogya_bench.scoring.box_table import BoxCounts, count_boxes
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.types import BoxPredictions, Floats, Image, Labels, Predictions, Subset

MAX_THUMBNAILS = 100  # of a run; about 4 kB each
WHITE, ORANGE = (255, 255, 255), (230, 120, 0)
LINE_WIDTH = 2  # pixels


def thumbnail_table(predictions: AnyPredictions, cases: Subset) -> pd.DataFrame:
    """One row per wrong case with its picture, at most 100.

    The most confident mistakes come first, and cases without an answer last. Of boxes, the images with the most errors
    come first; true boxes are drawn in white, detected ones in orange.

    Args:
        predictions: On clean images.
        cases: The same cases in the same order; their images are decoded as the models see them.
    """
    if isinstance(predictions, BoxPredictions):
        counts = count_boxes(predictions)
        rows = [_box_row(predictions, cases, case, counts) for case in _most_errors(counts).tolist()]
    else:
        rows = [
            (predictions.case_ids[case], "", to_jpeg(shrink(cases.dataset.read(cases.cases[case]))))
            for case in _confident_mistakes(predictions).tolist()
        ]
    return pd.DataFrame(rows, columns=list(THUMBNAIL_COLUMNS))


def _confident_mistakes(predictions: Predictions) -> Labels:
    predicted = predicted_classes(predictions.probabilities)
    confidence = np.nan_to_num(predictions.probabilities.max(axis=1), nan=-1.0)
    confidence[predicted == NO_ANSWER] = -1.0
    (wrong,) = np.nonzero(predicted != predictions.targets)
    return _first(wrong, -confidence[wrong])


def _most_errors(counts: BoxCounts) -> Labels:
    (wrong,) = np.nonzero(counts.errors)
    return _first(wrong, -counts.errors[wrong].astype(np.float64))


def _first(cases: Labels, order: Floats) -> Labels:
    chosen: Labels = cases[np.argsort(order, kind="stable")[:MAX_THUMBNAILS]]
    return chosen


def _box_row(predictions: BoxPredictions, cases: Subset, case: int, counts: BoxCounts) -> tuple[str, str, bytes]:
    missed, extra = counts.truth[case] - counts.true_positives[case], counts.false_positives[case]
    caption = f"{missed} of {plural(int(counts.truth[case]), 'object')} missed, {plural(int(extra), 'false detection')}"
    picture = _with_boxes(cases.dataset.read(cases.cases[case]), predictions, case)
    return predictions.case_ids[case], caption, to_jpeg(picture)


def _with_boxes(image: Image, predictions: BoxPredictions, case: int) -> Image:
    small = shrink(image).copy()
    scale = small.shape[1] / image.shape[1]
    detected = predictions.detections[case]
    truth = [(box.left, box.top, box.width, box.height) for box in predictions.truth[case] if not box.crowd]
    found = detected.boxes[detected.scores >= predictions.threshold].tolist()
    for boxes, colour in ((truth, WHITE), (found, ORANGE)):
        for left, top, width, height in boxes:
            first = (round(scale * left), round(scale * top))
            last = (round(scale * (left + width)), round(scale * (top + height)))
            cv2.rectangle(small, first, last, colour, LINE_WIDTH)
    return small

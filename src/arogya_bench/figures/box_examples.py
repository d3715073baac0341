"""A sheet of test images with true and detected boxes, from the most to the fewest mistakes."""

import numpy as np

from arogya_bench.figures.box_overlay import MAX_IMAGES, draw_boxes
from arogya_bench.scoring.box_table import count_boxes
from arogya_bench.types import BoxPredictions, Subset


def draw_box_examples(predictions: BoxPredictions, cases: Subset) -> bytes:
    """Draw boxes on test images without augmentation, as a PNG.

    Images are spread evenly over the number of mistakes, so that the sheet is representative.
    """
    order = np.argsort(-count_boxes(predictions).errors, kind="stable")
    picks = order[np.unique(np.linspace(0, len(order) - 1, MAX_IMAGES).round().astype(int))]
    return draw_boxes(
        [cases.dataset.read(cases.cases[pick]) for pick in picks],
        [predictions.truth[pick] for pick in picks],
        [predictions.detections[pick] for pick in picks],
        predictions.classes,
        threshold=predictions.threshold,
    )

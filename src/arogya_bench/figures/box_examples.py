"""A sheet of test images with their boxes: the worst ones, the middle ones and the best."""

import numpy as np

from arogya_bench.figures.box_overlay import draw_boxes
from arogya_bench.scoring.box_table import count_boxes
from arogya_bench.types import BoxPredictions, Subset

EXAMPLE_IMAGES = 6  # images


def draw_box_examples(predictions: BoxPredictions, cases: Subset) -> bytes:
    """Draw true and found boxes on test images, as they are; a PNG.

    The images are spread evenly over the number of mistakes, so that a sheet is no show of luck.
    """
    order = np.argsort(-count_boxes(predictions).errors, kind="stable")
    picks = order[np.unique(np.linspace(0, len(order) - 1, EXAMPLE_IMAGES).round().astype(int))]
    return draw_boxes(
        [cases.dataset.read(cases.cases[pick]) for pick in picks],
        [predictions.truth[pick] for pick in picks],
        [predictions.detections[pick] for pick in picks],
        predictions.classes,
        threshold=predictions.threshold,
    )

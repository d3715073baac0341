"""A sheet of test images with their boxes: the worst ones, the middle ones and the best."""

import numpy as np

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.box_tables import mistakes
from arogya_bench.drawing import boxes_png
from arogya_bench.types import BoxPredictions, Subset

SHOWN = 6  # images


def box_sheet(found: BoxPredictions, cases: Subset, condition: Condition) -> bytes:
    """Draw true and found boxes on test images, as the condition showed them; a PNG.

    The images are spread evenly over the number of mistakes, so that a sheet is no show of luck.
    """
    order = np.argsort(-mistakes(found), kind="stable")
    picks = order[np.unique(np.linspace(0, len(order) - 1, SHOWN).round().astype(int))]
    images = [
        condition.apply(cases.dataset.read(cases.cases[pick]), cases.cases[pick].case_id)
        for pick in picks
    ]
    return boxes_png(
        images,
        [found.truth[pick] for pick in picks],
        [found.found[pick] for pick in picks],
        found.classes,
        threshold=found.threshold,
    )

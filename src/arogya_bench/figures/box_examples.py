"""A sheet of test images with their boxes: the worst ones, the middle ones and the best."""

import numpy as np

from arogya_bench.figures.box_overlay import boxes_png
from arogya_bench.scoring.box_table import counts_of
from arogya_bench.types import BoxPredictions, Subset

SHOWN = 6  # images


def box_sheet(found: BoxPredictions, cases: Subset) -> bytes:
    """Draw true and found boxes on test images, as they are; a PNG.

    The images are spread evenly over the number of mistakes, so that a sheet is no show of luck.
    """
    order = np.argsort(-counts_of(found).mistakes, kind="stable")
    picks = order[np.unique(np.linspace(0, len(order) - 1, SHOWN).round().astype(int))]
    return boxes_png(
        [cases.dataset.read(cases.cases[pick]) for pick in picks],
        [found.truth[pick] for pick in picks],
        [found.found[pick] for pick in picks],
        found.classes,
        threshold=found.threshold,
    )

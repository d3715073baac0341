"""From boxes to one label per image, where a dataset labels whole images."""

import numpy as np

from arogya_bench.types import BoxPredictions, Detections, Floats, Labels, Predictions

RULE = (
    "the most confident box decides the label of an image; probabilities are the highest "
    "confidences of the classes, divided by their sum; an image without a box gets the class "
    "frequencies of the train split"
)


def labelled(found: BoxPredictions, targets: Labels, frequencies: Floats) -> Predictions:
    """Label every image by its boxes; see ``RULE``.

    Args:
        found: Of n images.
        targets: Shape (n,), the labels of the images.
        frequencies: Shape (classes,), of the train split; they sum to 1.
    """
    return Predictions(
        classes=found.classes,
        case_ids=found.case_ids,
        group_ids=found.group_ids,
        targets=targets,
        probabilities=np.array([_row(each, frequencies) for each in found.found]),
        metadata=found.metadata,
    )


def _row(found: Detections, frequencies: Floats) -> Floats:
    highest = np.zeros(len(frequencies))
    np.maximum.at(highest, found.labels, found.scores)
    total = highest.sum()
    return frequencies if total <= 0 else highest / total

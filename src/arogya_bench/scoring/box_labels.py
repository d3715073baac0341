"""From boxes to one label per image, where a dataset labels whole images."""

import numpy as np

from arogya_bench.types import BoxPredictions, Detections, Floats, Labels, Predictions

LABEL_RULE = (
    "the most confident box decides the label of an image; probabilities are the highest "
    "confidences of the classes, divided by their sum; an image without a box gets the class "
    "frequencies of the train split"
)


def labels_from_boxes(predictions: BoxPredictions, targets: Labels, frequencies: Floats) -> Predictions:
    """Label every image by its boxes; see ``LABEL_RULE``.

    Args:
        predictions: Of n images.
        targets: True labels of the images, shape (n,).
        frequencies: Of the classes in the train split, shape (classes,); they sum to 1.
    """
    return Predictions(
        classes=predictions.classes,
        case_ids=predictions.case_ids,
        group_ids=predictions.group_ids,
        targets=targets,
        probabilities=np.array(
            [_class_probabilities(detections, frequencies) for detections in predictions.detections]
        ),
        metadata=predictions.metadata,
    )


def _class_probabilities(detections: Detections, frequencies: Floats) -> Floats:
    highest = np.zeros(len(frequencies))
    np.maximum.at(highest, detections.labels, detections.scores)
    total = highest.sum()
    return frequencies if total <= 0 else highest / total

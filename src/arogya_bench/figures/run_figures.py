"""The figures that an evaluation on clean images leaves in its run, also under the names that MLflow gives its own."""

from collections.abc import Mapping

import numpy as np

from arogya_bench.figures.evaluation import plot_confusion_matrix, plot_reliability, plot_roc, to_svg
from arogya_bench.figures.precision_recall import plot_precision_recall
from arogya_bench.metrics.outcomes import NO_ANSWER, predicted_classes
from arogya_bench.types import Predictions

# What MLflow's evaluator of classifiers calls its figures (mlflow/models/evaluation/evaluators/classifier.py, 3.17).
MLFLOW_NAMES = {
    "confusion_matrix": "confusion_matrix.png",
    "roc": "roc_curve_plot.png",
    "precision_recall": "precision_recall_curve_plot.png",
    "reliability": "calibration_curve_plot.png",
}


def render_label_figures(predictions: Predictions) -> dict[str, str]:
    """Render confusion matrix, ROC and precision-recall curves and reliability diagram as SVG, by name.

    Cases without an answer have a column of their own in the confusion matrix. The curves are those of the other cases
    and say how many they leave out; without any other case, or of a model that states no probabilities, there are none.
    """
    classes, targets, predicted = predictions.classes, predictions.targets, predicted_classes(predictions.probabilities)
    answered, size = predicted != NO_ANSWER, len(classes)
    counts = np.zeros((size, size + (not answered.all())), dtype=np.int64)
    np.add.at(counts, (targets, predicted), 1)  # no answer is -1: the last column
    figures = {"confusion_matrix": to_svg(plot_confusion_matrix(counts, classes))}
    if answered.any() and not predictions.labels_only:
        truth, rows, missing = targets[answered], predictions.probabilities[answered], int((~answered).sum())
        correct = predicted[answered] == truth
        figures["roc"] = to_svg(plot_roc(truth, rows, classes, unanswered=missing))
        figures["precision_recall"] = to_svg(plot_precision_recall(truth, rows, classes, unanswered=missing))
        figures["reliability"] = to_svg(plot_reliability(rows.max(axis=1), correct, unanswered=missing))
    return figures


def render_mlflow_figures(figures: Mapping[str, str]) -> dict[str, bytes]:
    """The same figures as PNG, by the file names of MLflow's evaluator."""
    import vl_convert

    return {MLFLOW_NAMES[name]: bytes(vl_convert.svg_to_png(svg, scale=1.5)) for name, svg in figures.items()}

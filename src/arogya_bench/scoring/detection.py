"""Detection: any number of boxes per image, each with a class and a score."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from arogya_bench.augmentations.box_transforms import ImageSize, box_transform_of
from arogya_bench.augmentations.conditions import Condition
from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.metrics.classification import MetricScores
from arogya_bench.metrics.detection import DETECTION_METRICS_VERSION, METRICS, box_replicates, score_with_reasons
from arogya_bench.metrics.detection_operating import best_threshold, per_class_boxes
from arogya_bench.metrics.plugins import PluginMetric
from arogya_bench.metrics.replicates import Replicates, Resamples
from arogya_bench.scoring.box_labels import LABEL_RULE
from arogya_bench.scoring.box_table import BOX_COLUMNS, boxes_from_table, boxes_to_preview, boxes_to_table, is_box_table
from arogya_bench.scoring.task import Task, case_columns
from arogya_bench.types import Box, BoxPredictions, Case, Dataset, Detections, Image, Subset

CaseBoxes = tuple[Box, ...]  # the true boxes of one case


@dataclass(frozen=True, kw_only=True)
class Detection(Task[BoxPredictions]):
    """Every case has its true boxes, maybe none."""

    def check_model(self, model_name: str, model_task: str, dataset: Dataset) -> None:
        """Reject models that label whole images."""
        if model_task != self.name:
            raise ModelError(
                f"{model_name} labels whole images, and {dataset.name} is a detection dataset.",
                fix="choose model=yolov8_det, or a dataset that labels images.",
            )

    def check_metrics(self, metrics: Sequence[PluginMetric], dataset: Dataset) -> None:
        """Reject metrics of other packages, which are functions of labels."""
        if metrics:
            raise ConfigError(
                f"metric {metrics[0].name} evaluates labels, and {dataset.name} is a detection dataset.",
                fix="set metric=builtin for this dataset.",
            )

    def check_training_data(self, model_name: str, dataset: Dataset) -> None:
        """Reject datasets without boxes."""
        if any(case.boxes is None for case in dataset.cases):
            raise ModelError(
                f"{model_name} needs boxes for training, and {dataset.name} has none.",
                fix="choose a model that labels whole images, or a dataset with boxes.",
            )

    def check_calibration(self, calibration: str, model_name: str) -> None:
        """Reject calibration, which needs class probabilities."""
        if calibration != "none":
            raise ConfigError(
                f"calibration={calibration} is for class probabilities; {model_name} is a detector.",
                fix="set calibration=none for this model.",
            )

    def cell_key_fields(self, condition: Condition) -> dict[str, object]:
        """How boxes move with the image, and how they become labels."""
        return {"label_rule": LABEL_RULE, "moves_boxes": box_transform_of(condition.function) is not None}

    def truth(self, case: Case, image: Image, condition: Condition) -> CaseBoxes:
        """The true boxes; a condition that moves structures moves them too."""
        height, width = image.shape[:2]
        size = ImageSize(width=width, height=height)
        return condition.apply_boxes(case.boxes or (), size, case.case_id)

    def check_outputs(self, outputs: object, count: int, classes: Sequence[str]) -> Sequence[Detections]:
        """Check the detections in each image."""
        if not isinstance(outputs, Sequence) or not all(isinstance(detections, Detections) for detections in outputs):
            raise _output_error("something that is not a list of Detections")
        if len(outputs) != count:
            raise _output_error(f"{len(outputs)} lists for {count} images")
        for detections in outputs:
            if problem := _find_problem(detections, len(classes)):
                raise _output_error(problem)
        return outputs

    def build_predictions(
        self, cases: Subset, truth: Sequence[CaseBoxes], outputs: Sequence[Detections]
    ) -> BoxPredictions:
        """Join the true boxes and the detections of all cases."""
        return BoxPredictions(
            classes=cases.classes, truth=tuple(truth), detections=tuple(outputs), **case_columns(cases)
        )

    def choose_threshold(self, validation: BoxPredictions) -> BoxPredictions:
        """Choose the score threshold with the best F1."""
        threshold = best_threshold(validation.truth, validation.detections, classes=validation.classes)
        return replace(validation, threshold=threshold)

    def score(self, predictions: BoxPredictions, plugin_metrics: Sequence[PluginMetric] = ()) -> MetricScores:
        """Compute every metric, with the reasons of those that are undefined."""
        del plugin_metrics
        return score_with_reasons(predictions, threshold=predictions.threshold)

    def bootstrap(
        self,
        predictions: BoxPredictions,
        draws: Resamples,
        names: Iterable[str] | None = None,
        plugin_metrics: Sequence[PluginMetric] = (),
        *,
        true_classes_only: bool = False,
    ) -> Replicates:
        """Compute metrics on every resample."""
        del plugin_metrics
        return box_replicates(
            predictions, threshold=predictions.threshold, draws=draws, names=names, true_classes_only=true_classes_only
        )

    def to_table(self, predictions: BoxPredictions) -> pd.DataFrame:
        """One row per true or detected box."""
        return boxes_to_table(predictions)

    def to_preview(self, predictions: BoxPredictions) -> pd.DataFrame:
        """The cases with the most errors first."""
        return boxes_to_preview(predictions)

    def from_table(self, table: pd.DataFrame) -> BoxPredictions:
        """Read back what ``to_table`` built."""
        return boxes_from_table(table)

    def recognises(self, table: pd.DataFrame) -> bool:
        """Whether a stored table has the columns of boxes."""
        return is_box_table(table)

    def per_class_table(self, predictions: BoxPredictions) -> pd.DataFrame:
        """One row per class: its size, and every metric of a single class."""
        return pd.DataFrame(per_class_boxes(predictions, threshold=predictions.threshold))


DETECTION = Detection(
    name="detection",
    metrics=METRICS,
    interval_metrics=tuple(METRICS),
    default_metric="mAP50_95",
    secondary_metrics=("precision", "recall", "mAP50", "f1"),
    version=DETECTION_METRICS_VERSION,
)


def _find_problem(detections: Detections, classes: int) -> str:
    """Say what is wrong with the detections in one image; empty if nothing is."""
    count = len(detections.scores)
    boxes, scores, labels = detections.boxes, detections.scores, detections.labels
    if boxes.shape != (count, 4) or labels.shape != (count,):
        return f"{count} scores with boxes of shape {boxes.shape}"
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        return "values that are not finite"
    problems = {
        f"a class outside 0 to {classes - 1}": (labels < 0) | (labels >= classes),
        "a box whose width or height is below 0": boxes[:, 2:].min(axis=1, initial=0) < 0,
        "a score that is not from 0 to 1": (scores < 0) | (scores > 1),
    }
    return next((problem for problem, affected in problems.items() if affected.any()), "")


def _output_error(problem: str) -> ModelError:
    return ModelError(
        f"The model returned {problem}.",
        fix=f"return one Detections per image: boxes ({', '.join(BOX_COLUMNS)}), scores and "
        "class indices of equal length.",
    )

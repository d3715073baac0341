"""The outputs of a fitted model under any condition: one class for each task of a model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self, cast

import numpy as np

from arogya_bench.api_models.model import ApiModel
from arogya_bench.augmentations.conditions import Condition
from arogya_bench.evaluation.api_outputs import ApiOutputs
from arogya_bench.evaluation.inference import predict
from arogya_bench.evaluation.job import Job, PlannedJob
from arogya_bench.evaluation.model_output import ModelOutput, Outputs
from arogya_bench.models.temperature import apply_temperature, fit_temperature
from arogya_bench.scoring import box_labels
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.scoring.detection import DETECTION
from arogya_bench.scoring.scores import point_scores
from arogya_bench.scoring.task import AnyPredictions
from arogya_bench.tracking.tags import CALIBRATION, LABEL_RULE
from arogya_bench.types import BoxPredictions, Detector, Predictions, Predictor, Probabilities, Subset


@dataclass(frozen=True, kw_only=True)
class ClassifierOutputs:
    """Class probabilities, calibrated if there is a temperature."""

    model: Predictor
    cases: Subset
    batch_size: int
    temperature: float | None

    @classmethod
    def load(cls, planned: PlannedJob, weights: Path, validation: AnyPredictions | None) -> Self:
        """Load the fitted model, and fit the temperature if it is calibrated."""
        job, cases = planned.job, planned.split.test
        temperature = _calibration_temperature(job, validation)
        model = job.model.load(weights, classes=cases.classes, device=job.device)
        return cls(model=cast("Predictor", model), cases=cases, batch_size=job.batch_size, temperature=temperature)

    def predict(self, condition: Condition) -> ModelOutput:
        """Run the model on all cases under one condition."""
        predictions = predict(self.model, self.cases, condition, task=CLASSIFICATION, batch_size=self.batch_size)
        if self.temperature is None:
            return ModelOutput(predictions=predictions)
        probabilities = apply_temperature(predictions.probabilities, self.temperature)
        return ModelOutput(
            predictions=replace(predictions, probabilities=probabilities),
            tags={CALIBRATION: "temperature, fitted on the validation split"},
            scalars={"temperature": self.temperature},
        )


@dataclass(frozen=True, kw_only=True)
class DetectorOutputs:
    """Boxes, turned into labels where the dataset asks for labels.

    Attributes:
        threshold: Score threshold that was chosen on the validation split.
        class_frequencies: Of the train split, shape (classes,); None for detection datasets.
    """

    model: Detector
    cases: Subset
    batch_size: int
    threshold: float
    class_frequencies: np.ndarray | None

    @classmethod
    def load(cls, planned: PlannedJob, weights: Path, validation: AnyPredictions | None) -> Self:
        """Load the fitted model."""
        job, cases = planned.job, planned.split.test
        frequencies = None
        if planned.dataset.task != DETECTION.name:
            counts = np.bincount(planned.split.train.targets, minlength=len(cases.classes))
            frequencies = counts / counts.sum()
        model = job.model.load(weights, classes=cases.classes, device=job.device)
        return cls(
            model=cast("Detector", model),
            cases=cases,
            batch_size=job.batch_size,
            threshold=cast("BoxPredictions", validation).threshold,
            class_frequencies=frequencies,
        )

    def predict(self, condition: Condition) -> ModelOutput:
        """Run the model on all cases under one condition."""
        detected = predict(self.model, self.cases, condition, task=DETECTION, batch_size=self.batch_size)
        boxes = replace(detected, threshold=self.threshold)
        scalars = {"score_threshold": self.threshold}
        if self.class_frequencies is None:
            return ModelOutput(predictions=boxes, scalars=scalars)
        return ModelOutput(
            predictions=box_labels.labels_from_boxes(boxes, self.cases.targets, self.class_frequencies),
            boxes=boxes,
            tags={LABEL_RULE: box_labels.LABEL_RULE},
            scalars={**scalars, **point_scores(boxes)},
        )


LOCAL_OUTPUTS: Mapping[str, type[ClassifierOutputs] | type[DetectorOutputs]] = {
    CLASSIFICATION.name: ClassifierOutputs,
    DETECTION.name: DetectorOutputs,
}


def row_postprocess(job: Job, validation: AnyPredictions | None) -> Callable[[Probabilities], Probabilities] | None:
    """What a row does with the probabilities of its model, as a function that can be pickled; None for nothing."""
    temperature = _calibration_temperature(job, validation)
    return None if temperature is None else partial(apply_temperature, temperature=temperature)


def _calibration_temperature(job: Job, validation: AnyPredictions | None) -> float | None:
    if job.calibration != "temperature":
        return None
    labels = cast("Predictions", validation)
    return fit_temperature(labels.probabilities, labels.targets)


def load_outputs(planned: PlannedJob, weights: Path, validation: AnyPredictions | None, *, store: str) -> Outputs:
    """Load the fitted model of a job once, for any number of conditions.

    Args:
        planned: The job.
        weights: Folder that its fit left.
        validation: Predictions of the fit on the validation split; None if it predicts none.
        store: Digest of the store and the experiment, for the budget of an API.
    """
    if isinstance(planned.job.model, ApiModel):
        return ApiOutputs.load(planned, weights, store=store)
    return LOCAL_OUTPUTS[planned.job.model.task].load(planned, weights, validation)

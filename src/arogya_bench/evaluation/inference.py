"""Images to predictions: decode, augment, and run the model in batches."""

from dataclasses import replace
from typing import Any, cast

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.augmentations.photometric import clean
from arogya_bench.runtime.progress import track
from arogya_bench.scoring.task import PredictionsT, Task
from arogya_bench.types import CasePredictor, Detector, Predictions, Predictor, Subset

CLEAN = Condition(augmentation="clean", severity=None, level=None, function=clean)


def predict(
    model: Predictor | Detector | CasePredictor,
    cases: Subset,
    condition: Condition = CLEAN,
    *,
    task: Task[PredictionsT],
    batch_size: int,
) -> PredictionsT:
    """Run a model on all cases under one condition.

    Args:
        model: A loaded model of the task.
        cases: Of one split.
        condition: How the images are degraded.
        task: Of the model, which may differ from the task of the dataset.
        batch_size: Images per call of the model.

    Raises:
        ModelError: If the model returns something that the task does not accept.
    """
    outputs: list[Any] = []
    truth: list[Any] = []
    for batch in track(cases.batches(batch_size), "predicting", -(-len(cases) // batch_size)):
        images = [cases.dataset.read(case) for case in batch]
        answer = model.for_cases(batch) if isinstance(model, CasePredictor) else model
        returned = answer([condition.apply(image, case.case_id) for image, case in zip(images, batch, strict=True)])
        outputs += task.check_outputs(returned, len(batch), cases.classes)
        truth += [task.truth(case, image, condition) for image, case in zip(images, batch, strict=True)]
    predictions = task.build_predictions(cases, truth, outputs)
    if isinstance(predictions, Predictions) and getattr(model, "labels_only", False):
        return cast("PredictionsT", replace(predictions, labels_only=True))
    return predictions

"""Images to predictions: decode, augment, and run the model in batches."""

from collections.abc import Sequence
from typing import Any, cast

from arogya_bench.augmentations.conditions import Condition
from arogya_bench.augmentations.photometric import clean
from arogya_bench.runtime.console import track
from arogya_bench.scoring.task import PredictionsT, Task
from arogya_bench.types import Case, Detector, Predictor, Subset

CLEAN_CONDITION = Condition(augmentation="clean", severity=None, level=None, function=clean)


def predict(
    model: Predictor | Detector,
    cases: Subset,
    conditions: Sequence[Condition],
    *,
    task: Task[PredictionsT],
    batch_size: int,
) -> dict[str, PredictionsT]:
    """Decode each image once, and run a model on it under every condition.

    Args:
        model: A loaded model of the task.
        cases: Of one split.
        conditions: Their names are the keys of the result.
        task: Of the model, which may differ from the task of the dataset.
        batch_size: Images per call of the model.

    Raises:
        ModelError: If the model returns something that the task does not accept.
    """
    outputs: dict[str, list[Any]] = {condition.name: [] for condition in conditions}
    truth: dict[str, list[Any]] = {condition.name: [] for condition in conditions}
    for batch in _batches(cases, batch_size):
        images = [cases.dataset.read(case) for case in batch]
        for condition in conditions:
            pairs = list(zip(images, batch, strict=True))
            returned = model([condition.apply(image, case.case_id) for image, case in pairs])
            outputs[condition.name] += task.check_outputs(returned, len(batch), cases.classes)
            truth[condition.name] += [task.truth(case, image, condition) for image, case in pairs]
    return {name: task.build_predictions(cases, truth[name], outputs[name]) for name in outputs}


def predict_clean(
    model: Predictor | Detector, cases: Subset, *, task: Task[PredictionsT], batch_size: int
) -> PredictionsT:
    """Run a model on the unchanged images.

    Raises:
        ModelError: If the model returns something that the task does not accept.
    """
    return predict(model, cases, [CLEAN_CONDITION], task=task, batch_size=batch_size)["clean"]


def _batches(cases: Subset, size: int) -> Sequence[tuple[Case, ...]]:
    count = -(-len(cases) // size)
    return cast("Sequence[tuple[Case, ...]]", track(cases.batches(size), "predicting", count))

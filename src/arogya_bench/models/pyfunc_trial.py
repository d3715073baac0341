"""Trying an MLflow model on a few images: whether it answers for the classes of a dataset, and how."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arogya_bench.errors import ModelError, UnevenBatchError
from arogya_bench.models.metadata_inputs import ImageOfCase
from arogya_bench.models.pyfunc_inputs import InputFormat
from arogya_bench.models.pyfunc_outputs import Answers, OutputFormat
from arogya_bench.models.pyfunc_source import error_summary
from arogya_bench.types import Case, Image, Probabilities, Subset

TRIAL_IMAGES = 8  # enough to tell a label from its probability, and logits from probabilities


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The answers of a model to a few images.

    Attributes:
        probabilities: In the order of the images; no rows without images.
        labels_only: Whether it names one class per image.
        notes: What to know of its answers.
    """

    probabilities: Probabilities
    labels_only: bool = False
    notes: tuple[str, ...] = ()


def sample_cases(cases: Subset) -> tuple[Case, ...]:
    """Choose a few cases, evenly spread; of an empty part, those of the whole dataset."""
    chosen = [case for case in cases.cases or cases.dataset.cases if case.target is not None]
    steps = np.linspace(0, len(chosen) - 1, min(TRIAL_IMAGES, len(chosen))).round().astype(int)
    return tuple(chosen[step] for step in dict.fromkeys(steps.tolist()))


def read_items(cases: Subset, chosen: Sequence[Case]) -> list[ImageOfCase]:
    """Decode the images of cases."""
    return [ImageOfCase(image=cases.dataset.read(case), metadata=case.metadata) for case in chosen]


def try_model(
    predict: Callable[[Any], Any], inputs: InputFormat, outputs: OutputFormat, items: Sequence[ImageOfCase]
) -> Trial:
    """Let a model answer, and check its answers together, which says more than one alone.

    Raises:
        ModelError: If it fails, or its answers are not about the classes.
    """
    read = [
        outputs.read(call_model(predict, encode_items(inputs, chunk)), len(chunk)) for chunk in _chunks(inputs, items)
    ]
    if not read:
        return Trial(probabilities=np.zeros((0, len(outputs.classes))))
    notes = tuple(dict.fromkeys(note for answers in read for note in answers.notes))
    labels_only = any(answers.labels_only for answers in read)
    answers = Answers(values=np.concatenate([answers.values for answers in read]), labels_only=labels_only, notes=notes)
    return Trial(probabilities=outputs.finish(answers), labels_only=labels_only, notes=tuple(outputs.notes(answers)))


def encode_items(inputs: InputFormat, items: Sequence[Image | ImageOfCase]) -> Any:
    """Build the argument of ``predict`` from images, or from images of cases."""
    images = [item.image if isinstance(item, ImageOfCase) else item for item in items]
    resized = [inputs.resize(image) for image in images]
    sizes = sorted({image.shape[:2] for image in resized})
    if len(sizes) > 1:
        raise UnevenBatchError(
            f"The MLflow model takes images of one size per call; this batch has {len(sizes)} sizes, such as "
            f"{sizes[0][0]} x {sizes[0][1]} and {sizes[-1][0]} x {sizes[-1][1]} pixels.",
            fix="set model.image_size.",
        )
    return inputs.encode_with(resized, [item.metadata for item in items if isinstance(item, ImageOfCase)])


def call_model(predict: Callable[[Any], Any], encoded: Any) -> Any:
    """Call ``predict``, whose code may raise anything."""
    try:
        return predict(encoded)
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"The MLflow model fails on images: {error_summary(error)}",
            fix="try it in a notebook with mlflow.pyfunc.load_model; its signature must state the "
            "shape and type that it accepts.",
        ) from error


def _chunks(inputs: InputFormat, items: Sequence[ImageOfCase]) -> list[Sequence[ImageOfCase]]:
    """One call for all images, unless the model takes them one by one or they differ in size."""
    one_size = inputs.size is not None or len({item.shape for item in items}) == 1
    if one_size and inputs.max_batch_size is None:
        return [items] if items else []
    return [[item] for item in items]

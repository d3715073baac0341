"""Checks of predictors that can be called step by step; others pass, since they need no steps."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import Any, TypeAlias

import numpy as np

from arogya_bench.testing.assertions import check_all_close, require, to_arrays
from arogya_bench.testing.trial import AdapterTrial
from arogya_bench.types import Floats, Image, SteppedPredictor

LARGE_BATCH = 70  # images; more than any of our predictors passes to its network by itself


def check_steps_match_call(trial: AdapterTrial) -> None:
    """Preprocess, forward and postprocess give what a call gives, image by image and five at once."""
    for steps in _steps(trial):
        images = _equal_images(trial, 5)
        for batch in (images[:1], images):
            check_all_close(_predict_by_steps(trial, steps, batch), to_arrays(steps(batch), trial.model.task))


def check_large_batch(trial: AdapterTrial) -> None:
    """``forward`` takes more images at once than a call passes to it, up to ``max_batch_size``."""
    for steps in _steps(trial):
        images = _equal_images(trial, LARGE_BATCH)
        check_all_close(_predict_by_steps(trial, steps, images), to_arrays(steps(images), trial.model.task))


def check_steps_repeatable(trial: AdapterTrial) -> None:
    """A step changes none of its arguments: repeated on the same ones, it gives the same."""
    for steps in _steps(trial):
        images = _equal_images(trial, 1)
        for image in images:
            image.flags.writeable = False
        inputs = steps.preprocess(images)
        steps.forward(inputs)
        outputs = steps.forward(inputs)
        first, again = (to_arrays(steps.postprocess(outputs, images), trial.model.task) for _ in range(2))
        check_all_close(again, first)
        check_all_close(first, to_arrays(steps(images), trial.model.task))


def check_steps_described(trial: AdapterTrial) -> None:
    """The device is named as in a config, and waiting for it returns."""
    for steps in _steps(trial):
        require(steps.device == "cpu", f"the device is {steps.device!r} after loading for the CPU")
        most = steps.max_batch_size
        require(most is None or most > 0, f"max_batch_size is {most}")
        steps.synchronise()


Check: TypeAlias = Callable[[AdapterTrial], None]
STEP_CHECKS: tuple[Check, ...] = (
    check_steps_match_call,
    check_large_batch,
    check_steps_repeatable,
    check_steps_described,
)


def _steps(trial: AdapterTrial) -> Iterator[SteppedPredictor]:
    """Yield the predictor if it has steps."""
    if isinstance(trial.predict, SteppedPredictor):
        yield trial.predict


def _equal_images(trial: AdapterTrial, count: int) -> list[Image]:
    """Copies of trial images that have the size of the first, in turns."""
    alike = [image for image in trial.images if image.shape == trial.images[0].shape]
    return [np.copy(image) for image in islice(cycle(alike), count)]


def _predict_by_steps(trial: AdapterTrial, steps: SteppedPredictor, images: Sequence[Image]) -> list[Floats]:
    size = steps.max_batch_size or len(images)
    predictions: list[Floats] = []
    for start in range(0, len(images), size):
        batch = images[start : start + size]
        outputs: Any = steps.forward(steps.preprocess(batch))
        predictions += to_arrays(steps.postprocess(outputs, batch), trial.model.task)
    return predictions

"""Predictors whose steps can be called one by one: preprocess, forward, postprocess."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from arogya_bench.types import ImageBatch, SteppedPredictor


def nothing_to_wait_for() -> None:
    """Synchronise a device that has finished when ``forward`` returns, such as a CPU."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictionSteps:
    """A predictor or detector made of functions; see ``SteppedPredictor``.

    Attributes:
        class_count: Columns of the probabilities; None for a detector.
        chunk_size: Most images that a call of the whole passes to ``forward`` at once; None passes all.
        equal_sizes: Whether the images of one ``forward`` must have one size; a call then groups them.
        labels_only: Whether its rows are 0 and 1, since it names classes and states no probabilities.
    """

    preprocess: Callable[[ImageBatch], Any]
    forward: Callable[[Any], Any]
    postprocess: Callable[[Any, ImageBatch], Any]
    class_count: int | None
    chunk_size: int | None = None
    max_batch_size: int | None = None
    equal_sizes: bool = False
    network: Any | None = None
    device: str = "cpu"
    synchronise: Callable[[], None] = nothing_to_wait_for
    labels_only: bool = False

    def __call__(self, images: ImageBatch, /) -> Any:
        """Predict any number of images of any size, in chunks that bound memory."""
        results: list[Any] = [None] * len(images)
        for indices in self._chunks(images):
            chunk = [images[index] for index in indices]
            outputs = self.postprocess(self.forward(self.preprocess(chunk)), chunk)
            for index, result in zip(indices, outputs, strict=True):
                results[index] = result
        return results if self.class_count is None else np.array(results, np.float64).reshape(-1, self.class_count)

    def _chunks(self, images: ImageBatch) -> Iterator[list[int]]:
        """Yield the indices of each chunk."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            groups.setdefault(image.shape if self.equal_sizes else (), []).append(index)
        for indices in groups.values():
            size = self.chunk_size or len(indices)
            yield from (indices[start : start + size] for start in range(0, len(indices), size))


def with_postprocess(steps: SteppedPredictor, function: Callable[[Any], Any]) -> SteppedPredictor:
    """Add a last step, such as a calibration of the probabilities, which also counts as postprocessing."""
    return _Extended(steps=steps, function=function)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Extended:
    """Steps with one more at the end."""

    steps: SteppedPredictor
    function: Callable[[Any], Any]

    @property
    def max_batch_size(self) -> int | None:
        return self.steps.max_batch_size

    @property
    def network(self) -> Any | None:
        return self.steps.network

    @property
    def device(self) -> str:
        return self.steps.device

    def preprocess(self, images: ImageBatch, /) -> Any:
        return self.steps.preprocess(images)

    def forward(self, inputs: Any, /) -> Any:
        return self.steps.forward(inputs)

    def postprocess(self, outputs: Any, images: ImageBatch, /) -> Any:
        return self.function(self.steps.postprocess(outputs, images))

    def synchronise(self) -> None:
        self.steps.synchronise()

    def __call__(self, images: ImageBatch, /) -> Any:
        return self.function(self.steps(images))

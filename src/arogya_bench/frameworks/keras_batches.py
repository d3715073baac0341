"""The steps of a training in the form in which Keras takes them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.frameworks.batches import Steps
from arogya_bench.frameworks.preprocessing import ImageStack
from arogya_bench.frameworks.schedule import class_weights
from arogya_bench.frameworks.seeds import epoch_rng
from arogya_bench.types import Floats, Labels


class Batch(NamedTuple):
    """One step, in the order in which Keras takes it apart.

    Attributes:
        images: Shape (n, size, size, 3), augmented.
        weights: Shape (n,), 1 on average, so that the mean loss is the weighted mean.
    """

    images: ImageStack
    targets: Labels
    weights: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class KerasPlan(Steps):
    """Steps with what Keras asks for beside the images.

    Attributes:
        class_count: How many there are.
    """

    class_count: int

    @cached_property
    def weights(self) -> Floats:
        """One per class; 1 for all unless the training asks for class weights."""
        if not self.training.class_weights:
            return np.ones(self.class_count)
        return np.array(class_weights(self.train.targets, self.class_count))

    def batch(self, cases: Labels, *, epoch: int, step: int) -> Batch:
        """The images of some cases, with the training policy drawn for this step."""
        targets = self.train.targets[cases]
        weights = self.weights[targets]
        return Batch(
            images=self.augmented_images(cases, epoch=epoch, step=step),
            targets=targets,
            weights=np.asarray(weights / weights.mean(), np.float32),
        )

    def dropout_seed(self, epoch: int) -> int:
        """Where the draws of dropout begin in an epoch."""
        return int(epoch_rng(self.seed, epoch).integers(2**31))


def build_dataset(plan: KerasPlan, *, workers: int) -> Any:
    """The batches of one epoch at a time, as ``model.fit`` asks for them.

    Args:
        plan: What is drawn.
        workers: Threads that draw; the batches do not depend on it.

    Returns:
        A ``keras.utils.PyDataset`` with two more methods: ``turn_to`` takes the number of the
        epoch, and ``let_go`` ends it all, since TensorFlow holds on to what it once iterated.
    """
    import keras

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # known at run time only
        def start_epoch(self, epoch: int) -> None:
            self.epoch, self.order = epoch, self.plan.epoch_batches(epoch)

        def __len__(self) -> int:
            return len(self.order)

        def __getitem__(self, step: int) -> tuple[object, ...]:
            # Keras takes a plain tuple only.
            return tuple(self.plan.batch(self.order[step], epoch=self.epoch, step=step))

        def release(self) -> None:
            del self.plan

    batches = Batches(workers=workers)
    batches.plan = plan
    batches.start_epoch(1)  # Keras looks at the first batches before the first epoch begins
    return batches

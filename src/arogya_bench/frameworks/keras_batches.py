"""The steps of a training in the form that Keras expects."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from arogya_bench.frameworks.batches import Steps
from arogya_bench.frameworks.preprocessing import ImageStack
from arogya_bench.frameworks.schedule import class_weights
from arogya_bench.frameworks.seeds import epoch_rng
from arogya_bench.types import Floats, Labels

# Augmented images, targets, and weights that are 1 on average, so that the mean loss is the weighted mean.
Batch: TypeAlias = tuple[ImageStack, Labels, NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class KerasPlan(Steps):
    """Steps with class weights and the seeds of dropout."""

    class_count: int

    @cached_property
    def weights(self) -> Floats:
        """Weight of each class; 1 for all unless the training asks for class weights."""
        if not self.training.class_weights:
            return np.ones(self.class_count)
        return np.array(class_weights(self.train.targets, self.class_count))

    def batch(self, cases: Labels, *, epoch: int, step: int) -> Batch:
        """One step on some cases, with the training augmentation drawn for it."""
        targets = self.train.targets[cases]
        weights = self.weights[targets]
        images = self.augmented_images(cases, epoch=epoch, step=step)
        return images, targets, np.asarray(weights / weights.mean(), np.float32)

    def dropout_seed(self, epoch: int) -> int:
        """Seed of the dropout layers for an epoch."""
        return int(epoch_rng(self.seed, epoch).integers(2**31))


def build_dataset(plan: KerasPlan, *, workers: int) -> Any:
    """Build the ``keras.utils.PyDataset`` that ``model.fit`` reads, one epoch at a time.

    It has two more methods: ``start_epoch`` takes the number of the epoch; ``release`` drops the images, since
    TensorFlow keeps a reference to the dataset. The batches do not depend on ``workers``, the number of threads.
    """
    import keras

    class KerasBatches(keras.utils.PyDataset):  # type: ignore[misc]  # known at run time only
        plan: KerasPlan

        def start_epoch(self, epoch: int) -> None:
            self.epoch, self.order = epoch, self.plan.epoch_batches(epoch)

        def __len__(self) -> int:
            return len(self.order)

        def __getitem__(self, step: int) -> Batch:
            return self.plan.batch(self.order[step], epoch=self.epoch, step=step)

        def release(self) -> None:
            del self.plan

    batches = KerasBatches(workers=workers)
    batches.plan = plan
    batches.start_epoch(1)  # Keras reads the first batches before the first epoch begins
    return batches

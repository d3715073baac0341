"""What each step of a Keras training sees; it follows from the seed, the epoch and the step."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.models.policy import augmented
from arogya_bench.models.preprocessing import ImageStack, stacked
from arogya_bench.models.schedule import batch_indices, class_weights, rate_at
from arogya_bench.models.seeds import epoch_rng
from arogya_bench.types import Floats, Labels, Subset, Training


@dataclass(frozen=True, kw_only=True)
class Split:
    """Images and targets of one split, resized and in memory."""

    images: ImageStack
    targets: Labels


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
class Plan:
    """The batches and the learning rates of a training; epochs count from 1, steps from 0.

    Attributes:
        learning_rate: Peak of the schedule.
        classes: How many there are.
    """

    train: Split
    training: Training
    learning_rate: float
    classes: int
    seed: int

    @cached_property
    def steps(self) -> int:
        """How many steps an epoch has."""
        return len(self.order(1))

    @cached_property
    def weights(self) -> Floats:
        """One per class; 1 for all unless the training asks for class weights."""
        if not self.training.class_weights:
            return np.ones(self.classes)
        return np.array(class_weights(self.train.targets, self.classes))

    def order(self, epoch: int) -> list[Labels]:
        """The cases of each step of an epoch."""
        count, size = len(self.train.targets), self.training.batch_size
        return batch_indices(count, size, epoch_rng(self.seed, epoch))

    def batch(self, cases: Labels, *, epoch: int, step: int) -> Batch:
        """The images of some cases, with the training policy drawn for this step."""
        rng = epoch_rng(self.seed, epoch, step)
        targets = self.train.targets[cases]
        weights = self.weights[targets]
        return Batch(
            images=augmented(self.train.images[cases], self.training, rng),
            targets=targets,
            weights=np.asarray(weights / weights.mean(), np.float32),
        )

    def rate(self, epoch: int, step: int) -> float:
        """The learning rate of one step."""
        done, steps = (epoch - 1) * self.steps + step, self.training.epochs * self.steps
        return self.learning_rate * rate_at(done, steps=steps, warmup=self.training.warmup)

    def dropout_seed(self, epoch: int) -> int:
        """Where the draws of dropout begin in an epoch."""
        return int(epoch_rng(self.seed, epoch).integers(2**31))


def split_of(subset: Subset, size: int) -> Split:
    """Decode and resize every image once.

    Args:
        subset: Whose cases all have a target.
        size: Height and width in pixels.
    """
    return Split(images=stacked(subset.images(), len(subset), size), targets=subset.targets)


def dataset_of(plan: Plan, *, workers: int) -> Any:
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
        def turn_to(self, epoch: int) -> None:
            self.epoch, self.order = epoch, self.plan.order(epoch)

        def __len__(self) -> int:
            return len(self.order)

        def __getitem__(self, step: int) -> tuple[object, ...]:
            # Keras takes a plain tuple only.
            return tuple(self.plan.batch(self.order[step], epoch=self.epoch, step=step))

        def let_go(self) -> None:
            del self.plan

    batches = Batches(workers=workers)
    batches.plan = plan
    batches.turn_to(1)  # Keras looks at the first batches before the first epoch begins
    return batches

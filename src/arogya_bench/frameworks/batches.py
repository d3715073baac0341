"""The settings of a training, and the images, targets and learning rate of each of its steps."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing, resize_stack
from arogya_bench.frameworks.schedule import batch_indices, learning_rate_factor
from arogya_bench.frameworks.seeds import epoch_rng
from arogya_bench.frameworks.training_augmentation import augment_batch
from arogya_bench.types import Labels, Subset, Training


@dataclass(frozen=True, kw_only=True)
class NetworkTraining:
    """How one network is trained, with PyTorch or Keras.

    Attributes:
        build_network: Builds the network for a number of classes; draws its weights from the seed. A Keras network also
            takes a precision, ``float32`` or ``mixed_float16``, and raw images; both kinds return logits.
        learning_rate: Peak of the schedule.
    """

    build_network: Callable[..., Any]
    preprocessing: Preprocessing
    training: Training
    learning_rate: float
    seed: int
    device: str


@dataclass(frozen=True, kw_only=True)
class InMemorySplit:
    """Resized images and targets of one split."""

    images: ImageStack
    targets: Labels


def load_split(subset: Subset, size: int) -> InMemorySplit:
    """Decode every image and resize it to ``size`` x ``size`` pixels; every case needs a target."""
    return InMemorySplit(images=resize_stack(subset.images(), len(subset), size), targets=subset.targets)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The batches and learning rates of a training; epochs count from 1, steps from 0.

    They depend on the seed, the epoch and the step alone, so that an interrupted training resumes with the same
    numbers. ``learning_rate`` is the peak of the schedule.
    """

    train: InMemorySplit
    training: Training
    learning_rate: float
    seed: int

    @cached_property
    def steps_per_epoch(self) -> int:
        """Number of batches in each epoch."""
        return len(self.epoch_batches(1))

    def epoch_batches(self, epoch: int) -> list[Labels]:
        """Indices of the cases of each step."""
        rng = epoch_rng(self.seed, epoch)
        return batch_indices(len(self.train.targets), self.training.batch_size, rng)

    def augmented_images(self, cases: Labels, *, epoch: int, step: int) -> ImageStack:
        """Images of some cases, with the training augmentation drawn for this step."""
        rng = epoch_rng(self.seed, epoch, step)
        return augment_batch(self.train.images[cases], self.training, rng)

    def learning_rate_at(self, epoch: int, step: int) -> float:
        """Learning rate of one step."""
        return self.learning_rate * learning_rate_factor(
            (epoch - 1) * self.steps_per_epoch + step,
            steps=self.training.epochs * self.steps_per_epoch,
            warmup=self.training.warmup,
        )

    def last_learning_rate(self, epoch: int) -> float:
        """Learning rate of the last step of an epoch."""
        return self.learning_rate_at(epoch, self.steps_per_epoch - 1)

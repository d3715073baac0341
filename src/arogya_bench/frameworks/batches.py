"""What each step of a training sees; it follows from the seed, the epoch and the step alone."""

from dataclasses import dataclass
from functools import cached_property

from arogya_bench.frameworks.preprocessing import ImageStack, resize_stack
from arogya_bench.frameworks.schedule import batch_indices, learning_rate_factor
from arogya_bench.frameworks.seeds import epoch_rng
from arogya_bench.frameworks.training_augmentation import augment_batch
from arogya_bench.types import Labels, Subset, Training


@dataclass(frozen=True, kw_only=True)
class InMemorySplit:
    """Images and targets of one split, resized and in memory."""

    images: ImageStack
    targets: Labels


def load_split(subset: Subset, size: int) -> InMemorySplit:
    """Decode and resize every image once.

    Args:
        subset: Whose cases all have a target.
        size: Height and width in pixels.
    """
    return InMemorySplit(
        images=resize_stack(subset.images(), len(subset), size), targets=subset.targets
    )


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The batches and the learning rates of a training; epochs count from 1, steps from 0.

    Attributes:
        learning_rate: Peak of the schedule.
    """

    train: InMemorySplit
    training: Training
    learning_rate: float
    seed: int

    @cached_property
    def steps_per_epoch(self) -> int:
        """How many steps an epoch has."""
        return len(self.epoch_batches(1))

    def epoch_batches(self, epoch: int) -> list[Labels]:
        """The cases of each step of an epoch."""
        count, size = len(self.train.targets), self.training.batch_size
        return batch_indices(count, size, epoch_rng(self.seed, epoch))

    def augmented_images(self, cases: Labels, *, epoch: int, step: int) -> ImageStack:
        """The images of some cases, with the training policy drawn for this step."""
        rng = epoch_rng(self.seed, epoch, step)
        return augment_batch(self.train.images[cases], self.training, rng)

    def learning_rate_at(self, epoch: int, step: int) -> float:
        """The learning rate of one step."""
        done, steps = (
            (epoch - 1) * self.steps_per_epoch + step,
            self.training.epochs * self.steps_per_epoch,
        )
        return self.learning_rate * learning_rate_factor(
            done, steps=steps, warmup=self.training.warmup
        )

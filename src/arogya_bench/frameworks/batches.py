"""What each step of a training sees; it follows from the seed, the epoch and the step alone."""

from dataclasses import dataclass
from functools import cached_property

from arogya_bench.frameworks.preprocessing import ImageStack, stacked
from arogya_bench.frameworks.schedule import batch_indices, rate_at
from arogya_bench.frameworks.seeds import epoch_rng
from arogya_bench.frameworks.training_augmentation import augmented
from arogya_bench.types import Labels, Subset, Training


@dataclass(frozen=True, kw_only=True)
class Split:
    """Images and targets of one split, resized and in memory."""

    images: ImageStack
    targets: Labels


def split_of(subset: Subset, size: int) -> Split:
    """Decode and resize every image once.

    Args:
        subset: Whose cases all have a target.
        size: Height and width in pixels.
    """
    return Split(images=stacked(subset.images(), len(subset), size), targets=subset.targets)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The batches and the learning rates of a training; epochs count from 1, steps from 0.

    Attributes:
        learning_rate: Peak of the schedule.
    """

    train: Split
    training: Training
    learning_rate: float
    seed: int

    @cached_property
    def per_epoch(self) -> int:
        """How many steps an epoch has."""
        return len(self.order(1))

    def order(self, epoch: int) -> list[Labels]:
        """The cases of each step of an epoch."""
        count, size = len(self.train.targets), self.training.batch_size
        return batch_indices(count, size, epoch_rng(self.seed, epoch))

    def images(self, cases: Labels, *, epoch: int, step: int) -> ImageStack:
        """The images of some cases, with the training policy drawn for this step."""
        rng = epoch_rng(self.seed, epoch, step)
        return augmented(self.train.images[cases], self.training, rng)

    def rate(self, epoch: int, step: int) -> float:
        """The learning rate of one step."""
        done, steps = (epoch - 1) * self.per_epoch + step, self.training.epochs * self.per_epoch
        return self.learning_rate * rate_at(done, steps=steps, warmup=self.training.warmup)

"""What the epochs of a training came to, which of them is the best, and when to stop."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.training_augmentation import check_augmentation
from arogya_bench.types import Labels, Subset, Training


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch came to.

    Attributes:
        number: Counted from 1.
        learning_rate: At its last step.
    """

    number: int
    train_loss: float
    val_loss: float
    val_f1_macro: float
    learning_rate: float

    def is_better_than(self, other: "Epoch") -> bool:
        """Whether the validation macro F1 is higher, or equal with a lower loss."""
        return (self.val_f1_macro, -self.val_loss) > (other.val_f1_macro, -other.val_loss)

    def metrics(self) -> dict[str, float]:
        """The numbers that are logged per epoch."""
        values = asdict(self)
        del values["number"]
        return values


def best_epoch(epochs: Sequence[Epoch]) -> Epoch:
    """The first epoch that no later one beats."""
    best = epochs[0]
    for epoch in epochs[1:]:
        if epoch.is_better_than(best):
            best = epoch
    return best


def should_stop(epochs: Sequence[Epoch], *, patience: int, max_epochs: int) -> bool:
    """Whether a training is over: all epochs made, or ``patience`` of them without a better one."""
    if not epochs:
        return False
    stale = epochs[-1].number - best_epoch(epochs).number
    return len(epochs) >= max_epochs or stale >= max(1, patience)


def check_trainable(training: Training, train: Subset, validation: Subset) -> None:
    """Refuse a training of nothing.

    Raises:
        ModelError: If a split is too small, or there is no epoch or batch to make.
        ConfigError: If the training policy is out of range.
    """
    if len(train) < 2 or not len(validation):
        raise ModelError(
            f"A network cannot be trained on {len(train)} cases "
            f"and validated on {len(validation)}.",
            fix="raise limit, or change the split.",
        )
    if training.epochs < 1 or training.batch_size < 1:
        raise ModelError(
            f"training.epochs={training.epochs} and training.batch_size={training.batch_size} "
            "leave nothing to train.",
            fix="set both to 1 or more.",
        )
    check_augmentation(training)


def check_finite_loss(loss: float, epoch: int) -> float:
    """Give back the training loss of an epoch, once it is known to be a number.

    Raises:
        ModelError: If training diverged.
    """
    if not math.isfinite(loss):
        raise ModelError(
            f"The training loss is no longer finite in epoch {epoch}.",
            fix="lower the learning rate, or raise training.warmup.",
        )
    return loss


def f1_macro(targets: Labels, predicted: Labels) -> float:
    """Mean F1 over the classes in truth or prediction; what the best epoch is chosen by."""
    from sklearn.metrics import f1_score

    return float(f1_score(targets, predicted, average="macro", zero_division=0))

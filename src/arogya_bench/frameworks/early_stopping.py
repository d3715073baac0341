"""Epoch results, the choice of the best epoch, and early stopping."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.training_augmentation import check_augmentation
from arogya_bench.runtime.console import format_duration
from arogya_bench.runtime.progress import report_progress
from arogya_bench.types import FitReport, Labels, Subset, Training

CLASSIFIER_METRICS = ("train_loss", "val_loss", "val_f1_macro", "learning_rate")
SHOWN_METRICS = {"train_loss": "loss", "val_f1_macro": "validation F1", "val_mAP50_95": "validation mAP"}


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """A finished epoch.

    Attributes:
        metrics: Values logged for the epoch, by name.
        rank: Quality of the epoch, higher is better; compared from left to right.
    """

    metrics: dict[str, float]
    rank: tuple[float, ...]


def classifier_epoch(values: Mapping[str, float], monitor: str) -> Epoch:
    """Rank an epoch by its validation macro F1 or the lower validation loss, as monitored; the other breaks ties."""
    rank = values["val_f1_macro"], -values["val_loss"]
    return Epoch(
        metrics={name: values[name] for name in CLASSIFIER_METRICS}, rank=rank if monitor == "f1_macro" else rank[::-1]
    )


def best_index(epochs: Sequence[Epoch]) -> int:
    """Index of the first epoch that no later one surpasses."""
    return max(range(len(epochs)), key=lambda index: epochs[index].rank)


@dataclass(kw_only=True)
class TrainingProgress:
    """Finished epochs of a training, with early stopping, checkpoints and the best weights.

    Attributes:
        save_checkpoint: Writes the state from which an interrupted training resumes.
        save_weights: Writes the current weights as those of the fit.
        started_at: When this process began, by ``clock``, after ``resumed`` epochs.
    """

    training: Training
    save_checkpoint: Callable[[Sequence[Epoch]], None]
    save_weights: Callable[[], None]
    epochs: list[Epoch] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    started_at: float = 0.0
    resumed: int = 0

    def resume(self, epochs: Sequence[Epoch]) -> None:
        """Continue after the epochs of a restored checkpoint."""
        self.epochs += epochs
        if epochs:  # the process may have ended between writing the checkpoint and the weights
            self._save_if_best()
        self.resumed, self.started_at = len(self.epochs), self.clock()
        report_progress(f"epoch {len(self.epochs) + 1} of {self.training.epochs}")

    def add(self, epoch: Epoch) -> None:
        """Record an epoch, write a checkpoint, and keep the weights if it is the best so far."""
        self.epochs.append(epoch)
        self.save_checkpoint(self.epochs)
        self._save_if_best()
        report_progress(self.describe())

    def describe(self) -> str:
        """The last epoch, its scores, and the time that the remaining ones take if none is stopped early."""
        count, metrics = len(self.epochs), self.epochs[-1].metrics
        scores = [f"{label} {metrics[name]:.3g}" for name, label in SHOWN_METRICS.items() if name in metrics]
        seconds = (self.clock() - self.started_at) / max(1, count - self.resumed)
        left = format_duration(seconds * (self.training.epochs - count))
        return ", ".join([f"epoch {count} of {self.training.epochs}", *scores, f"about {left} left"])

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done, or ``patience`` of them brought no improvement."""
        if not self.epochs:
            return False
        stale_epochs = len(self.epochs) - 1 - best_index(self.epochs)
        return len(self.epochs) >= self.training.epochs or stale_epochs >= max(1, self.training.patience)

    def report(self, *, gpu_peak_mb: float | None) -> FitReport:
        """Summarise the training."""
        return FitReport(
            curves=tuple(epoch.metrics for epoch in self.epochs),
            best_epoch=best_index(self.epochs) + 1,
            gpu_peak_mb=gpu_peak_mb,
        )

    def _save_if_best(self) -> None:
        if best_index(self.epochs) == len(self.epochs) - 1:
            self.save_weights()


def check_trainable(training: Training, train: Subset, validation: Subset) -> None:
    """Check that the splits and the settings allow at least one training step."""
    if len(train) < 2 or not len(validation):
        raise ModelError(
            f"A network cannot be trained on {len(train)} cases and validated on {len(validation)}.",
            fix="raise limit, or change the split.",
        )
    if training.epochs < 1 or training.batch_size < 1:
        raise ModelError(
            f"training.epochs={training.epochs} and training.batch_size={training.batch_size} leave nothing to train.",
            fix="set both to 1 or more.",
        )
    check_augmentation(training)


def check_finite_loss(loss: float, epoch: int) -> float:
    """Return the training loss of an epoch; ModelError if it is not finite, as training then diverged."""
    if not math.isfinite(loss):
        raise ModelError(
            f"The training loss is no longer finite in epoch {epoch}.",
            fix="lower the learning rate, or raise training.warmup.",
        )
    return loss


def f1_macro(targets: Labels, predicted: Labels) -> float:
    """Mean F1 over the classes that occur in the targets or the predictions."""
    from sklearn.metrics import f1_score

    return float(f1_score(targets, predicted, average="macro", zero_division=0))

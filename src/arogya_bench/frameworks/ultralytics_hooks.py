"""The parts of Ultralytics's trainer that both YOLOv8 models replace.

Its loop, optimizer groups, gradient clipping and moving average of the weights are kept. Learning rates, batch order,
random numbers, the best epoch, early stopping and the written files follow the other models, so that a YOLOv8 model
differs from them by its network alone.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.early_stopping import Epoch, TrainingProgress, check_finite_loss
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.schedule import learning_rate_factor
from arogya_bench.frameworks.seeds import epoch_rng
from arogya_bench.frameworks.torch_checkpoint import read_checkpoint, save_checkpoint
from arogya_bench.frameworks.torch_network import save_network
from arogya_bench.types import Training

if TYPE_CHECKING:
    import torch

Split = TypeVar("Split")


@dataclass(frozen=True, kw_only=True)
class YoloPlan(Generic[Split]):
    """One training, with images and targets in memory; ``network`` holds the weights to start from."""

    network: "torch.nn.Module"
    classes: tuple[str, ...]
    train: Split
    validation: Split
    preprocessing: Preprocessing
    training: Training
    learning_rate: float
    seed: int
    device: str
    out: Path


class YoloBatches:
    """Takes the place of a PyTorch data loader; batches depend on the number of the epoch.

    Args:
        dataset: Has a length; Ultralytics's trainer reads other attributes from it.
        count: Batches per epoch.
        draw: Returns the batches of an epoch, counted from 1.
    """

    drop_last = True  # keeps the trainer from looking for a last batch of a single case
    num_workers = 0

    def __init__(self, dataset: Any, count: int, draw: Callable[[int], Iterable[dict[str, Any]]]) -> None:
        self.dataset = dataset
        self.sampler = range(len(dataset))
        self.batch_size = math.ceil(len(dataset) / count)
        self.epoch = 1
        self._count, self._draw = count, draw

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._draw(self.epoch))

    def reset(self) -> None:
        """Do nothing: batches are drawn when they are requested."""


class TrainerOverrides(ABC, Generic[Split]):
    """Overrides methods of Ultralytics's ``BaseTrainer``; comes before it in the base classes.

    Name subclasses without "Trainer": to a class with that word in its name, Ultralytics attaches the integrations
    (MLflow, Weights & Biases and others) that the user's settings enable.
    """

    # Attributes of ``BaseTrainer`` that are used here.
    args: Any
    callbacks: dict[str, list[Any]]
    ema: Any
    epoch: int
    metrics: dict[str, float]
    model: Any
    optimizer: Any
    scaler: Any
    stop: bool
    tloss: Mapping[str, Any]
    train_loader: Any
    add_callback: Callable[..., None]

    def __init__(self, plan: YoloPlan[Split], settings: dict[str, object]) -> None:
        self.plan = plan  # which the constructor of the trainer needs
        super().__init__(overrides=settings)  # type: ignore[call-arg]  # of the trainer
        self.progress = TrainingProgress(
            training=plan.training, save_checkpoint=self._write_checkpoint, save_weights=self._save_weights
        )
        self.callbacks.clear()  # Ultralytics's own, which report usage over the network
        for event, callback in {
            "on_pretrain_routine_end": type(self)._resume,
            "on_train_epoch_start": type(self)._seed_epoch,
            "on_train_batch_start": type(self)._set_learning_rate,
            "on_train_epoch_end": type(self)._check_loss,
            "on_fit_epoch_end": type(self)._finish_epoch,
        }.items():
            self.add_callback(event, callback)

    @abstractmethod
    def batches(self, mode: str) -> YoloBatches:
        """Return the batches of ``train`` or ``val``."""

    @abstractmethod
    def epoch_result(self) -> Epoch:
        """Return the metrics and the rank of the epoch that ends."""

    def get_dataset(self) -> dict[str, Any]:
        """Return the class names; the images are in memory."""
        names = dict(enumerate(self.plan.classes))
        return {"train": "train", "val": "val", "nc": len(names), "names": names, "channels": 3}

    def get_model(self, **_: object) -> "torch.nn.Module":
        """Return the network of the plan."""
        return self.plan.network

    def get_dataloader(self, *_: object, mode: str, **__: object) -> YoloBatches:
        """Return the batches; refuse the smaller ones that the trainer asks for when memory runs out."""
        if mode == "train" and self.optimizer is not None:
            raise ModelError(
                f"Batches of {self.plan.training.batch_size} images need more memory than {self.plan.device} has.",
                fix="lower training.batch_size or model.image_size.",
            )
        return self.batches(mode)

    def save_model(self) -> bool:
        """Write no checkpoint of Ultralytics."""
        return False

    def final_eval(self) -> None:
        """Do nothing: the best weights are saved already."""

    @property
    def train_loss(self) -> float:
        """Sum of the parts of the loss, each the mean over the batches of the epoch."""
        return float(sum(float(part) for part in self.tloss.values()))

    @property
    def current_learning_rate(self) -> float:
        """Learning rate of the last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def _resume(self) -> None:
        """Resume after the last finished epoch, if the folder of the fit holds a checkpoint."""
        import torch

        if self.plan.device != "cpu":  # the trainer's setting would download a network to test it
            self.amp, self.scaler = True, torch.amp.GradScaler("cuda")
        state = read_checkpoint(self.plan.out, device=self.plan.device)
        if state is None:
            self.progress.resume([])
            return
        self.start_epoch = len(state["curves"])
        self.ema.updates = state["updates"]
        for name, part in self._checkpoint_parts().items():
            part.load_state_dict(state[name])
        epochs = zip(state["curves"], state["ranks"], strict=True)
        self.progress.resume([Epoch(metrics=curve, rank=tuple(rank)) for curve, rank in epochs])

    def _seed_epoch(self) -> None:
        """Seed every generator by the number of the epoch."""
        import random

        import numpy as np
        import torch

        seeds = epoch_rng(self.plan.seed, self.epoch + 1).integers(2**32, size=3).tolist()
        random.seed(seeds[0])
        np.random.seed(seeds[1])  # noqa: NPY002  (Ultralytics's augmentations draw from it)
        torch.manual_seed(seeds[2])
        self.train_loader.epoch = self.epoch + 1
        self._step = self.epoch * len(self.train_loader)

    def _set_learning_rate(self) -> None:
        training = self.plan.training
        steps = training.epochs * len(self.train_loader)
        rate = self.plan.learning_rate * learning_rate_factor(self._step, steps=steps, warmup=training.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self._step += 1

    def _check_loss(self) -> None:
        """Stop a training that diverged, which the trainer would try to repair silently."""
        check_finite_loss(self.train_loss, self.epoch + 1)

    def _finish_epoch(self) -> None:
        self.progress.add(self.epoch_result())
        self.stop = self.progress.is_finished

    def _write_checkpoint(self, epochs: Sequence[Epoch]) -> None:
        if self.progress.is_finished:  # the trainer would resume with one epoch too many
            return
        state = {name: part.state_dict() for name, part in self._checkpoint_parts().items()}
        state["curves"] = [epoch.metrics for epoch in epochs]
        state["ranks"] = [list(epoch.rank) for epoch in epochs]
        state["updates"] = self.ema.updates
        save_checkpoint(self.plan.out, state, device=self.plan.device)

    def _checkpoint_parts(self) -> dict[str, Any]:
        return {"network": self.model, "ema": self.ema.ema, "optimizer": self.optimizer, "scaler": self.scaler}

    def _save_weights(self) -> None:
        plan = self.plan
        state = {name: value.cpu().contiguous() for name, value in self.ema.ema.state_dict().items()}
        save_network(state, plan.out, classes=plan.classes, preprocessing=plan.preprocessing)

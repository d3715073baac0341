"""What takes the place of parts of Ultralytics's trainer, for the two YOLOv8 rows alike.

Its loop, optimizer groups, gradient clipping and moving average of the weights stay as they are.
The learning rate of every step, the order of the batches, the random numbers, the best epoch,
early stopping and what is written are ours, so that a row differs from the others by its network.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.early_stopping import check_finite_loss
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.schedule import learning_rate_factor
from arogya_bench.frameworks.seeds import epoch_rng
from arogya_bench.frameworks.torch_checkpoint import read_checkpoint, save_checkpoint
from arogya_bench.frameworks.torch_network import save_network
from arogya_bench.types import Training

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class YoloPlan:
    """One training.

    Attributes:
        network: With the weights to start from.
        learning_rate: Peak of the schedule.
        device: Where to compute, as PyTorch names it: ``cpu`` or ``cuda:0``.
    """

    network: "torch.nn.Module"
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    training: Training
    learning_rate: float
    seed: int
    device: str
    out: Path


class YoloBatches:
    """Stands where their loop expects a loader; what an epoch holds follows from its number.

    Args:
        dataset: Sized; what else their trainer asks of it.
        count: Batches per epoch.
        draw: The batches of an epoch, counted from 1.
    """

    drop_last = True  # no batch holds a single case, for which their loop would look otherwise
    num_workers = 0

    def __init__(
        self, dataset: Any, count: int, draw: Callable[[int], Iterable[dict[str, Any]]]
    ) -> None:
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
        """Do nothing: no batch is made before it is asked for."""


class TrainerOverrides(ABC):
    """Takes the place of methods of their ``BaseTrainer``; goes before it in a class.

    A subclass says what the batches are (``batches``), what an epoch came to (``epoch_metrics``) and how
    good that is (``rank``; the higher the better, compared from left to right).
    """

    plan: ClassVar[YoloPlan]

    # Of their trainer, as far as it is read here.
    args: Any
    device: Any
    ema: Any
    epoch: int
    metrics: dict[str, float]
    model: Any
    optimizer: Any
    scaler: Any
    save_dir: Path
    stop: bool
    test_loader: Any
    tloss: Mapping[str, Any]
    train_loader: Any

    @abstractmethod
    def batches(self, mode: str) -> YoloBatches:
        """The batches of ``train`` or ``val``."""

    @abstractmethod
    def epoch_metrics(self) -> dict[str, float]:
        """The numbers of the epoch that ends, by name."""

    @abstractmethod
    def rank(self) -> list[float]:
        """How good the epoch that ends is."""

    def get_dataset(self) -> dict[str, Any]:
        """Name the classes; the data themselves are in memory."""
        names = dict(enumerate(self.plan.classes))
        return {"train": "train", "val": "val", "nc": len(names), "names": names, "channels": 3}

    def get_model(self, **_: object) -> "torch.nn.Module":
        """Give the network of the plan."""
        return self.plan.network

    def get_dataloader(self, *_: object, mode: str, **__: object) -> YoloBatches:
        """Give the batches; refuse the smaller ones that their loop asks for out of memory."""
        if mode == "train" and self.optimizer is not None:
            raise ModelError(
                f"Batches of {self.plan.training.batch_size} images need more memory than "
                f"{self.plan.device} has.",
                fix="lower training.batch_size or model.image_size.",
            )
        return self.batches(mode)

    def run_callbacks(self, event: str) -> None:
        """Answer their events; no callback of an integration, such as MLflow's, ever runs."""
        if event == "on_train_epoch_start":
            self._seed_epoch()
        elif event == "on_train_batch_start":
            self._set_learning_rate()

    def resume_training(self, _: object) -> None:
        """Go on from the last finished epoch that the folder holds, if it holds one."""
        import torch

        if self.plan.device != "cpu":  # their own switch would fetch a network to try it out on
            self.amp, self.scaler = True, torch.amp.GradScaler("cuda")
        self.curves: list[dict[str, float]] = []
        self.ranks: list[list[float]] = []
        state = read_checkpoint(self.plan.out, device=self.plan.device)
        if state is None:
            return
        self.curves, self.ranks = state["curves"], state["ranks"]
        self.start_epoch = len(self.curves)
        self.ema.updates = state["updates"]
        for name, part in self._checkpoint_parts().items():
            part.load_state_dict(state[name])

    def save_metrics(self, metrics: object) -> None:
        """Note what the epoch came to, keep the weights of the best one, and stop in time."""
        del metrics  # the rounded ones of their table
        self.curves.append(self.epoch_metrics())
        self.ranks.append(self.rank())
        best = index_of_best(self.ranks)
        if best == self.epoch:
            self._save_best()
        self.stop = self.epoch - best >= max(1, self.plan.training.patience)

    def save_model(self) -> bool:
        """Write what a fit that is killed goes on from; tensors and plain values alone."""
        if not self.stop:
            states = {name: part.state_dict() for name, part in self._checkpoint_parts().items()}
            progress = {"curves": self.curves, "ranks": self.ranks, "updates": self.ema.updates}
            save_checkpoint(self.plan.out, {**states, **progress}, device=self.plan.device)
        return True

    def final_eval(self) -> None:  # noqa: B027  (it takes the place of theirs)
        """Do nothing: the best weights are saved already."""

    def _handle_nan_recovery(self, epoch: int) -> bool:
        """Refuse what their loop would try to mend in silence."""
        check_finite_loss(self.train_loss, epoch + 1)
        return False

    @property
    def train_loss(self) -> float:
        """Sum of the parts of the loss, each the mean over the batches of the epoch."""
        return float(sum(float(part) for part in self.tloss.values()))

    @property
    def current_learning_rate(self) -> float:
        """The learning rate of the last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def _checkpoint_parts(self) -> dict[str, Any]:
        return {
            "network": self.model,
            "ema": self.ema.ema,
            "optimizer": self.optimizer,
            "scaler": self.scaler,
        }

    def _seed_epoch(self) -> None:
        """Draw what the epoch draws from its number, whatever happened before."""
        import random

        import numpy as np
        import torch

        seeds = epoch_rng(self.plan.seed, self.epoch + 1).integers(2**32, size=3).tolist()
        random.seed(seeds[0])
        np.random.seed(seeds[1])  # noqa: NPY002  (their augmentations draw from it)
        torch.manual_seed(seeds[2])
        self.train_loader.epoch = self.epoch + 1
        self._step = self.epoch * len(self.train_loader)

    def _set_learning_rate(self) -> None:
        training = self.plan.training
        steps = training.epochs * len(self.train_loader)
        rate = self.plan.learning_rate * learning_rate_factor(
            self._step, steps=steps, warmup=training.warmup
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self._step += 1

    def _save_best(self) -> None:
        plan = self.plan
        state = {
            name: value.cpu().contiguous() for name, value in self.ema.ema.state_dict().items()
        }
        save_network(state, plan.out, classes=plan.classes, preprocessing=plan.preprocessing)


def index_of_best(ranks: Sequence[Sequence[float]]) -> int:
    """The index of the first rank that no later one is above."""
    return max(range(len(ranks)), key=lambda index: (list(ranks[index]), -index))

"""The one training loop that the PyTorch rows share."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arogya_bench.errors import ModelError
from arogya_bench.models.devices import torch_device
from arogya_bench.models.preprocessing import ImageStack, Preprocessing, stacked
from arogya_bench.models.schedule import batch_indices, class_weights, rate_at
from arogya_bench.models.torch_network import as_input, exact_convolutions, logits, save_network
from arogya_bench.types import FitReport, Labels, Subset, Training

if TYPE_CHECKING:
    import torch

EVALUATION_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What differs between the networks that go through the loop.

    Attributes:
        network: Builds the network for a number of classes; draws its weights from the seed.
        learning_rate: Peak of the schedule.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
    """

    network: Callable[[int], "torch.nn.Module"]
    preprocessing: Preprocessing
    training: Training
    learning_rate: float
    seed: int
    device: str


@dataclass(frozen=True, kw_only=True)
class Split:
    """Images and targets of one split, resized and in memory."""

    images: ImageStack
    targets: Labels


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

    def beats(self, other: "Epoch") -> bool:
        """Whether the validation macro F1 is higher, or equal with a lower loss."""
        return (self.val_f1_macro, -self.val_loss) > (other.val_f1_macro, -other.val_loss)

    def curve(self) -> dict[str, float]:
        """The numbers that are logged per epoch."""
        values = asdict(self)
        del values["number"]
        return values


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A network under way, and what moves it."""

    recipe: Recipe
    place: str
    network: "torch.nn.Module"
    optimizer: "torch.optim.Optimizer"
    scaler: "torch.amp.GradScaler"
    criterion: Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
    rng: np.random.Generator


def train_network(recipe: Recipe, train: Subset, validation: Subset, *, out: Path) -> FitReport:
    """Train, and save in ``out`` the weights of the best epoch by validation macro F1.

    Raises:
        ModelError: If a split is too small, the device is not there, or training diverges.
    """
    _require_trainable(recipe.training, train, validation)
    place = torch_device(recipe.device)
    seen, held_out = (_split(part, recipe.preprocessing) for part in (train, validation))
    with _seeded(recipe.seed, place), exact_convolutions():
        loop = _loop(recipe, class_weights(seen.targets, len(train.classes)), place)
        epochs: list[Epoch] = []
        best: Epoch | None = None
        for number in range(1, recipe.training.epochs + 1):
            epochs.append(_epoch(loop, number, seen, held_out))
            if best is None or epochs[-1].beats(best):
                best, state = epochs[-1], _snapshot(loop.network)
            elif number - best.number >= recipe.training.patience:
                break
    save_network(state, out, classes=train.classes, preprocessing=recipe.preprocessing)
    return FitReport(
        curves=tuple(epoch.curve() for epoch in epochs), best_epoch=best.number if best else None
    )


def _require_trainable(training: Training, train: Subset, validation: Subset) -> None:
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


def _split(subset: Subset, preprocessing: Preprocessing) -> Split:
    images = stacked(subset.images(), len(subset), preprocessing.image_size)
    return Split(images=images, targets=subset.targets)


@contextmanager
def _seeded(seed: int, place: str) -> Iterator[None]:
    """Draw initial weights and dropout from ``seed``, and hand the caller's generators back."""
    import torch

    with torch.random.fork_rng(devices=[place] if place != "cpu" else []):
        torch.manual_seed(seed)
        yield


def _loop(recipe: Recipe, weights: list[float], place: str) -> Loop:
    import torch

    network = recipe.network(len(weights)).to(place)
    weight = torch.tensor(weights, device=place) if recipe.training.class_weights else None
    return Loop(
        recipe=recipe,
        place=place,
        network=network,
        optimizer=torch.optim.AdamW(
            network.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.training.weight_decay,
            fused=True,
        ),
        scaler=torch.amp.GradScaler("cuda", enabled=place != "cpu"),
        criterion=torch.nn.CrossEntropyLoss(weight=weight),
        rng=np.random.default_rng(recipe.seed),
    )


def _epoch(loop: Loop, number: int, train: Split, validation: Split) -> Epoch:
    training = loop.recipe.training
    batches = batch_indices(len(train.targets), training.batch_size, loop.rng)
    steps = training.epochs * len(batches)
    total, rate = 0.0, 0.0
    loop.network.train()
    for step, batch in enumerate(batches, start=(number - 1) * len(batches)):
        rate = loop.recipe.learning_rate * rate_at(step, steps=steps, warmup=training.warmup)
        total += len(batch) * _step(loop, train.images[batch], train.targets[batch], rate)
    if not math.isfinite(total):
        raise ModelError(
            f"The training loss is no longer finite in epoch {number}.",
            fix="lower the learning rate, or raise training.warmup.",
        )
    values, targets = _evaluated(loop, validation.images), validation.targets
    return Epoch(
        number=number,
        train_loss=total / len(train.targets),
        val_loss=float(loop.criterion(values, _tensor(targets, loop.place))),
        val_f1_macro=_f1_macro(targets, values),
        learning_rate=rate,
    )


def _evaluated(loop: Loop, images: ImageStack) -> "torch.Tensor":
    import torch

    loop.network.eval()
    parts = np.array_split(images, math.ceil(len(images) / EVALUATION_BATCH))
    return torch.cat(
        [
            logits(loop.network, as_input(part, loop.recipe.preprocessing, loop.place))
            for part in parts
        ]
    )


def _f1_macro(targets: Labels, values: "torch.Tensor") -> float:
    from sklearn.metrics import f1_score

    predicted = values.argmax(dim=1).cpu().numpy()
    return float(f1_score(targets, predicted, average="macro", zero_division=0))


def _tensor(targets: Labels, place: str) -> "torch.Tensor":
    import torch

    return torch.from_numpy(targets).to(place)


def _step(loop: Loop, images: ImageStack, targets: Labels, rate: float) -> float:
    """Move the weights once; the loss before that move."""
    import torch

    if loop.recipe.training.flip:
        mirrored = loop.rng.random(len(images)) < 0.5
        images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    for group in loop.optimizer.param_groups:
        group["lr"] = rate
    loop.optimizer.zero_grad(set_to_none=True)
    batch = as_input(images, loop.recipe.preprocessing, loop.place)
    with torch.autocast("cuda", dtype=torch.float16, enabled=loop.place != "cpu"):
        loss = loop.criterion(loop.network(batch), _tensor(targets, loop.place))
    loop.scaler.scale(loss).backward()
    loop.scaler.step(loop.optimizer)
    loop.scaler.update()
    return float(loss.detach())


def _snapshot(network: "torch.nn.Module") -> dict[str, "torch.Tensor"]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}

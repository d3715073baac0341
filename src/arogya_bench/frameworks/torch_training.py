"""The one training loop that the PyTorch rows share."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arogya_bench.frameworks.batches import Split, Steps, split_of
from arogya_bench.frameworks.devices import torch_device
from arogya_bench.frameworks.early_stopping import (
    Epoch,
    best_of,
    ended,
    f1_macro,
    finite,
    require_trainable,
)
from arogya_bench.frameworks.prefetch import ahead
from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing
from arogya_bench.frameworks.schedule import class_weights
from arogya_bench.frameworks.seeds import epoch_rng, seeded
from arogya_bench.frameworks.torch_checkpoint import (
    drop_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from arogya_bench.frameworks.torch_network import as_input, exact_convolutions, logits, save_network
from arogya_bench.runtime.threads import threads
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
class Loop:
    """A network under way, and what moves it."""

    recipe: Recipe
    steps: Steps
    place: str
    network: "torch.nn.Module"
    optimizer: "torch.optim.Optimizer"
    scaler: "torch.amp.GradScaler"
    criterion: Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


def train_network(recipe: Recipe, train: Subset, validation: Subset, *, out: Path) -> FitReport:
    """Train, and save in ``out`` the weights of the best epoch by validation macro F1.

    A training that was killed goes on from the last epoch that ``out`` holds, with the numbers
    that it would have had.

    Raises:
        ModelError: If a split is too small, the device is not there, or training diverges.
    """
    require_trainable(recipe.training, train, validation)
    place = torch_device(recipe.device)
    seen, held_out = (
        split_of(part, recipe.preprocessing.image_size) for part in (train, validation)
    )
    with _settled(recipe, place):
        loop = _loop(recipe, seen, class_weights(seen.targets, len(train.classes)), place)
        epochs = _resumed(loop, out)
        if epochs:  # the kill may have come between a checkpoint and its weights
            _keep_best(loop, epochs, train.classes, out)
        while not ended(epochs, patience=recipe.training.patience, at_most=recipe.training.epochs):
            epochs.append(_epoch(loop, len(epochs) + 1, held_out))
            _checkpoint(loop, epochs, out)
            _keep_best(loop, epochs, train.classes, out)
    drop_checkpoint(out)
    return FitReport(
        curves=tuple(epoch.curve() for epoch in epochs),
        best_epoch=best_of(epochs).number,
        gpu_peak_mb=_gpu_peak_mb(place),
    )


@contextmanager
def _settled(recipe: Recipe, place: str) -> Iterator[None]:
    """Draw from the seed, compute reproducibly, and hand the caller's settings back."""
    import torch

    with ExitStack() as stack:
        stack.enter_context(seeded(recipe.seed))
        stack.enter_context(torch.random.fork_rng(devices=[place] if place != "cpu" else []))
        stack.enter_context(exact_convolutions())
        if recipe.training.deterministic and not torch.are_deterministic_algorithms_enabled():
            stack.callback(torch.use_deterministic_algorithms, False)
            torch.use_deterministic_algorithms(True)
        torch.manual_seed(recipe.seed)
        if place != "cpu":
            torch.cuda.reset_peak_memory_stats(place)
        yield


def _loop(recipe: Recipe, seen: Split, weights: list[float], place: str) -> Loop:
    import torch

    network = recipe.network(len(weights)).to(place)
    weight = torch.tensor(weights, device=place) if recipe.training.class_weights else None
    return Loop(
        recipe=recipe,
        steps=Steps(
            train=seen,
            training=recipe.training,
            learning_rate=recipe.learning_rate,
            seed=recipe.seed,
        ),
        place=place,
        network=network,
        optimizer=torch.optim.AdamW(
            [each for each in network.parameters() if each.requires_grad],
            lr=recipe.learning_rate,
            weight_decay=recipe.training.weight_decay,
            fused=True,
        ),
        scaler=torch.amp.GradScaler("cuda", enabled=place != "cpu"),
        criterion=torch.nn.CrossEntropyLoss(weight=weight),
    )


def _resumed(loop: Loop, out: Path) -> list[Epoch]:
    """The epochs that an interrupted training finished; its state is put back."""
    state = read_checkpoint(out, place=loop.place)
    if state is None:
        return []
    loop.network.load_state_dict(state["network"])
    loop.optimizer.load_state_dict(state["optimizer"])
    loop.scaler.load_state_dict(state["scaler"])
    return [Epoch(**each) for each in state["epochs"]]


def _keep_best(loop: Loop, epochs: Sequence[Epoch], classes: tuple[str, ...], out: Path) -> None:
    """Save the weights if the last epoch is the best so far."""
    if best_of(epochs) is epochs[-1]:
        state = loop.network.state_dict()
        save_network(state, out, classes=classes, preprocessing=loop.recipe.preprocessing)


def _checkpoint(loop: Loop, epochs: Sequence[Epoch], out: Path) -> None:
    parts = {"network": loop.network, "optimizer": loop.optimizer, "scaler": loop.scaler}
    states = {name: part.state_dict() for name, part in parts.items()}
    noted = {"epochs": [asdict(each) for each in epochs]}
    save_checkpoint(out, {**states, **noted}, place=loop.place)


def _epoch(loop: Loop, number: int, validation: Split) -> Epoch:
    train_loss = finite(_pass(loop, number), number)
    values, targets = _evaluated(loop, validation.images), validation.targets
    return Epoch(
        number=number,
        train_loss=train_loss,
        val_loss=float(loop.criterion(values, _tensor(targets, loop.place))),
        val_f1_macro=f1_macro(targets, values.argmax(dim=1).cpu().numpy()),
        learning_rate=loop.steps.rate(number, loop.steps.per_epoch - 1),
    )


def _pass(loop: Loop, number: int) -> float:
    """Move the weights by every batch of an epoch; the mean loss over the cases."""
    import torch

    steps, batches = loop.steps, loop.steps.order(number)
    torch.manual_seed(int(epoch_rng(loop.recipe.seed, number).integers(2**62)))  # of dropout
    total = torch.zeros((), device=loop.place)

    def drawn(step: int) -> ImageStack:
        return steps.images(batches[step], epoch=number, step=step)

    loop.network.train()
    workers = threads() if loop.place != "cpu" else 0
    for step, images in enumerate(ahead(drawn, range(len(batches)), workers=workers)):
        targets = steps.train.targets[batches[step]]
        total += len(images) * _step(loop, images, targets, steps.rate(number, step))
    return float(total) / len(steps.train.targets)


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


def _tensor(targets: Labels, place: str) -> "torch.Tensor":
    import torch

    return torch.from_numpy(targets).to(place)


def _step(loop: Loop, images: ImageStack, targets: Labels, rate: float) -> "torch.Tensor":
    """Move the weights once; the loss before that move, left on the device."""
    import torch

    for group in loop.optimizer.param_groups:
        group["lr"] = rate
    loop.optimizer.zero_grad(set_to_none=True)
    batch = as_input(images, loop.recipe.preprocessing, loop.place)
    with torch.autocast("cuda", dtype=torch.float16, enabled=loop.place != "cpu"):
        loss = loop.criterion(loop.network(batch), _tensor(targets, loop.place))
    loop.scaler.scale(loss).backward()
    loop.scaler.step(loop.optimizer)
    loop.scaler.update()
    return loss.detach()


def _gpu_peak_mb(place: str) -> float | None:
    """The most memory that the allocator held for tensors, in MB (10^6 bytes); None on a CPU."""
    import torch

    return None if place == "cpu" else torch.cuda.max_memory_allocated(place) / 1e6

"""The one training loop that the PyTorch rows share."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arogya_bench.frameworks.batches import InMemorySplit, Steps, load_split
from arogya_bench.frameworks.devices import torch_device
from arogya_bench.frameworks.early_stopping import (
    Epoch,
    best_epoch,
    check_finite_loss,
    check_trainable,
    f1_macro,
    should_stop,
)
from arogya_bench.frameworks.prefetch import prefetch
from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing
from arogya_bench.frameworks.schedule import class_weights
from arogya_bench.frameworks.seeds import epoch_rng, temporary_seed
from arogya_bench.frameworks.torch_checkpoint import (
    drop_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from arogya_bench.frameworks.torch_network import (
    deterministic_convolutions,
    predict_logits,
    save_network,
    to_input_tensor,
)
from arogya_bench.runtime.threads import thread_count
from arogya_bench.types import FitReport, Labels, Subset, Training

if TYPE_CHECKING:
    import torch

EVALUATION_BATCH_SIZE = 64


@dataclass(frozen=True, kw_only=True)
class TorchTraining:
    """What differs between the networks that go through the loop.

    Attributes:
        build_network: Builds the network for a number of classes; draws its weights from the seed.
        learning_rate: Peak of the schedule.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
    """

    build_network: Callable[[int], "torch.nn.Module"]
    preprocessing: Preprocessing
    training: Training
    learning_rate: float
    seed: int
    device: str


@dataclass(frozen=True, kw_only=True)
class TorchLoop:
    """A network under way, and what moves it."""

    recipe: TorchTraining
    steps: Steps
    device: str
    network: "torch.nn.Module"
    optimizer: "torch.optim.Optimizer"
    scaler: "torch.amp.GradScaler"
    criterion: Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


def train_network(
    recipe: TorchTraining, train: Subset, validation: Subset, *, out: Path
) -> FitReport:
    """Train, and save in ``out`` the weights of the best epoch by validation macro F1.

    A training that was killed goes on from the last epoch that ``out`` holds, with the numbers
    that it would have had.

    Raises:
        ModelError: If a split is too small, the device is not there, or training diverges.
    """
    check_trainable(recipe.training, train, validation)
    place = torch_device(recipe.device)
    seen, held_out = (
        load_split(part, recipe.preprocessing.image_size) for part in (train, validation)
    )
    with _reproducible_context(recipe, place):
        loop = _build_loop(recipe, seen, class_weights(seen.targets, len(train.classes)), place)
        epochs = _resume(loop, out)
        if epochs:  # the kill may have come between a checkpoint and its weights
            _save_if_best(loop, epochs, train.classes, out)
        while not should_stop(
            epochs, patience=recipe.training.patience, max_epochs=recipe.training.epochs
        ):
            epochs.append(_run_epoch(loop, len(epochs) + 1, held_out))
            _write_checkpoint(loop, epochs, out)
            _save_if_best(loop, epochs, train.classes, out)
    drop_checkpoint(out)
    return FitReport(
        curves=tuple(epoch.metrics() for epoch in epochs),
        best_epoch=best_epoch(epochs).number,
        gpu_peak_mb=_gpu_peak_mb(place),
    )


@contextmanager
def _reproducible_context(recipe: TorchTraining, place: str) -> Iterator[None]:
    """Draw from the seed, compute reproducibly, and hand the caller's settings back."""
    import torch

    with ExitStack() as stack:
        stack.enter_context(temporary_seed(recipe.seed))
        stack.enter_context(torch.random.fork_rng(devices=[place] if place != "cpu" else []))
        stack.enter_context(deterministic_convolutions())
        if recipe.training.deterministic and not torch.are_deterministic_algorithms_enabled():
            stack.callback(torch.use_deterministic_algorithms, False)
            torch.use_deterministic_algorithms(True)
        torch.manual_seed(recipe.seed)
        if place != "cpu":
            torch.cuda.reset_peak_memory_stats(place)
        yield


def _build_loop(
    recipe: TorchTraining, seen: InMemorySplit, weights: list[float], place: str
) -> TorchLoop:
    import torch

    network = recipe.build_network(len(weights)).to(place)
    weight = torch.tensor(weights, device=place) if recipe.training.class_weights else None
    return TorchLoop(
        recipe=recipe,
        steps=Steps(
            train=seen,
            training=recipe.training,
            learning_rate=recipe.learning_rate,
            seed=recipe.seed,
        ),
        device=place,
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


def _resume(loop: TorchLoop, out: Path) -> list[Epoch]:
    """The epochs that an interrupted training finished; its state is put back."""
    state = read_checkpoint(out, device=loop.device)
    if state is None:
        return []
    loop.network.load_state_dict(state["network"])
    loop.optimizer.load_state_dict(state["optimizer"])
    loop.scaler.load_state_dict(state["scaler"])
    return [Epoch(**each) for each in state["epochs"]]


def _save_if_best(
    loop: TorchLoop, epochs: Sequence[Epoch], classes: tuple[str, ...], out: Path
) -> None:
    """Save the weights if the last epoch is the best so far."""
    if best_epoch(epochs) is epochs[-1]:
        state = loop.network.state_dict()
        save_network(state, out, classes=classes, preprocessing=loop.recipe.preprocessing)


def _write_checkpoint(loop: TorchLoop, epochs: Sequence[Epoch], out: Path) -> None:
    parts = {"network": loop.network, "optimizer": loop.optimizer, "scaler": loop.scaler}
    states = {name: part.state_dict() for name, part in parts.items()}
    noted = {"epochs": [asdict(each) for each in epochs]}
    save_checkpoint(out, {**states, **noted}, device=loop.device)


def _run_epoch(loop: TorchLoop, number: int, validation: InMemorySplit) -> Epoch:
    train_loss = check_finite_loss(_train_epoch(loop, number), number)
    values, targets = _predict_in_batches(loop, validation.images), validation.targets
    return Epoch(
        number=number,
        train_loss=train_loss,
        val_loss=float(loop.criterion(values, _to_tensor(targets, loop.device))),
        val_f1_macro=f1_macro(targets, values.argmax(dim=1).cpu().numpy()),
        learning_rate=loop.steps.learning_rate_at(number, loop.steps.steps_per_epoch - 1),
    )


def _train_epoch(loop: TorchLoop, number: int) -> float:
    """Move the weights by every batch of an epoch; the mean loss over the cases."""
    import torch

    steps, batches = loop.steps, loop.steps.epoch_batches(number)
    torch.manual_seed(int(epoch_rng(loop.recipe.seed, number).integers(2**62)))  # of dropout
    total = torch.zeros((), device=loop.device)

    def draw_images(step: int) -> ImageStack:
        return steps.augmented_images(batches[step], epoch=number, step=step)

    loop.network.train()
    workers = thread_count() if loop.device != "cpu" else 0
    for step, images in enumerate(prefetch(draw_images, range(len(batches)), workers=workers)):
        targets = steps.train.targets[batches[step]]
        total += len(images) * _train_step(
            loop, images, targets, steps.learning_rate_at(number, step)
        )
    return float(total) / len(steps.train.targets)


def _predict_in_batches(loop: TorchLoop, images: ImageStack) -> "torch.Tensor":
    import torch

    loop.network.eval()
    parts = np.array_split(images, math.ceil(len(images) / EVALUATION_BATCH_SIZE))
    return torch.cat(
        [
            predict_logits(
                loop.network, to_input_tensor(part, loop.recipe.preprocessing, loop.device)
            )
            for part in parts
        ]
    )


def _to_tensor(targets: Labels, place: str) -> "torch.Tensor":
    import torch

    return torch.from_numpy(targets).to(place)


def _train_step(
    loop: TorchLoop, images: ImageStack, targets: Labels, rate: float
) -> "torch.Tensor":
    """Move the weights once; the loss before that move, left on the device."""
    import torch

    for group in loop.optimizer.param_groups:
        group["lr"] = rate
    loop.optimizer.zero_grad(set_to_none=True)
    batch = to_input_tensor(images, loop.recipe.preprocessing, loop.device)
    with torch.autocast("cuda", dtype=torch.float16, enabled=loop.device != "cpu"):
        loss = loop.criterion(loop.network(batch), _to_tensor(targets, loop.device))
    loop.scaler.scale(loss).backward()
    loop.scaler.step(loop.optimizer)
    loop.scaler.update()
    return loss.detach()


def _gpu_peak_mb(place: str) -> float | None:
    """The most memory that the allocator held for tensors, in MB (10^6 bytes); None on a CPU."""
    import torch

    return None if place == "cpu" else torch.cuda.max_memory_allocated(place) / 1e6

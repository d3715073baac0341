"""The training loop of the PyTorch models."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from arogya_bench.frameworks.batches import InMemorySplit, NetworkTraining, Steps, load_split
from arogya_bench.frameworks.devices import torch_device
from arogya_bench.frameworks.early_stopping import (
    Epoch,
    TrainingProgress,
    check_finite_loss,
    check_trainable,
    classifier_epoch,
    f1_macro,
)
from arogya_bench.frameworks.fit_files import drop_checkpoint
from arogya_bench.frameworks.prefetch import prefetch
from arogya_bench.frameworks.preprocessing import ImageStack
from arogya_bench.frameworks.schedule import class_weights
from arogya_bench.frameworks.seeds import epoch_rng, temporary_seed
from arogya_bench.frameworks.torch_checkpoint import read_checkpoint, save_checkpoint
from arogya_bench.frameworks.torch_network import (
    deterministic_convolutions,
    gpu_peak_mb,
    predict_split,
    save_network,
    to_input_tensor,
)
from arogya_bench.runtime.threads import thread_count
from arogya_bench.types import FitReport, Labels, Subset

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class TorchLoop:
    """A network in training; ``out`` is the folder of the fit."""

    settings: NetworkTraining
    steps: Steps
    validation: InMemorySplit
    classes: tuple[str, ...]
    device: str
    network: "torch.nn.Module"
    optimizer: "torch.optim.Optimizer"
    scaler: "torch.amp.GradScaler"
    criterion: Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
    out: Path


def train_network(settings: NetworkTraining, train: Subset, validation: Subset, *, out: Path) -> FitReport:
    """Train, and save in ``out`` the weights of the best epoch by the monitored validation score.

    An interrupted training resumes from the last finished epoch that ``out`` holds, and gives the same numbers as an
    uninterrupted one.
    """
    check_trainable(settings.training, train, validation)
    device = torch_device(settings.device)
    with _reproducible_context(settings, device):
        loop = _build_loop(settings, train, validation, device=device, out=out)
        progress = TrainingProgress(
            training=settings.training,
            save_checkpoint=partial(_write_checkpoint, loop),
            save_weights=partial(_save_weights, loop),
        )
        progress.resume(_restore_checkpoint(loop))
        while not progress.is_finished:
            progress.add(_run_epoch(loop, len(progress.epochs) + 1))
    drop_checkpoint(out)
    return progress.report(gpu_peak_mb=gpu_peak_mb(device))


@contextmanager
def _reproducible_context(settings: NetworkTraining, device: str) -> Iterator[None]:
    """Seed every generator, compute reproducibly, and restore the caller's settings."""
    import torch

    with ExitStack() as stack:
        stack.enter_context(temporary_seed(settings.seed))
        stack.enter_context(torch.random.fork_rng(devices=[device] if device != "cpu" else []))
        stack.enter_context(deterministic_convolutions())
        if settings.training.deterministic and not torch.are_deterministic_algorithms_enabled():
            stack.callback(torch.use_deterministic_algorithms, False)
            torch.use_deterministic_algorithms(True)
        torch.manual_seed(settings.seed)
        if device != "cpu":
            torch.cuda.reset_peak_memory_stats(device)
        yield


def _build_loop(settings: NetworkTraining, train: Subset, validation: Subset, *, device: str, out: Path) -> TorchLoop:
    import torch

    class_count, size = len(train.classes), settings.preprocessing.image_size
    train_split, validation_split = (load_split(subset, size) for subset in (train, validation))
    network = settings.build_network(class_count).to(device)
    weights = class_weights(train_split.targets, class_count) if settings.training.class_weights else None
    return TorchLoop(
        settings=settings,
        steps=Steps(
            train=train_split, training=settings.training, learning_rate=settings.learning_rate, seed=settings.seed
        ),
        validation=validation_split,
        classes=train.classes,
        device=device,
        network=network,
        optimizer=torch.optim.AdamW(
            [weight for weight in network.parameters() if weight.requires_grad],
            lr=settings.learning_rate,
            weight_decay=settings.training.weight_decay,
            fused=True,
        ),
        scaler=torch.amp.GradScaler("cuda", enabled=device != "cpu"),
        criterion=torch.nn.CrossEntropyLoss(weight=None if weights is None else torch.tensor(weights, device=device)),
        out=out,
    )


def _restore_checkpoint(loop: TorchLoop) -> list[Epoch]:
    """Restore the state of an interrupted training and return its finished epochs."""
    state = read_checkpoint(loop.out, device=loop.device)
    if state is None:
        return []
    loop.network.load_state_dict(state["network"])
    loop.optimizer.load_state_dict(state["optimizer"])
    loop.scaler.load_state_dict(state["scaler"])
    return [classifier_epoch(values, loop.settings.training.monitor) for values in state["epochs"]]


def _write_checkpoint(loop: TorchLoop, epochs: Sequence[Epoch]) -> None:
    state = {
        "network": loop.network.state_dict(),
        "optimizer": loop.optimizer.state_dict(),
        "scaler": loop.scaler.state_dict(),
        "epochs": [epoch.metrics for epoch in epochs],
    }
    save_checkpoint(loop.out, state, device=loop.device)


def _save_weights(loop: TorchLoop) -> None:
    save_network(loop.network.state_dict(), loop.out, classes=loop.classes, preprocessing=loop.settings.preprocessing)


def _run_epoch(loop: TorchLoop, number: int) -> Epoch:
    train_loss = check_finite_loss(_train_epoch(loop, number), number)
    loop.network.eval()
    targets = loop.validation.targets
    logits = predict_split(loop.network, loop.validation.images, loop.settings.preprocessing, loop.device)
    return classifier_epoch(
        {
            "train_loss": train_loss,
            "val_loss": float(loop.criterion(logits, _to_tensor(targets, loop.device))),
            "val_f1_macro": f1_macro(targets, logits.argmax(dim=1).cpu().numpy()),
            "learning_rate": loop.steps.last_learning_rate(number),
        },
        loop.settings.training.monitor,
    )


def _train_epoch(loop: TorchLoop, number: int) -> float:
    """Take every step of an epoch and return the mean loss over the cases."""
    import torch

    torch.manual_seed(int(epoch_rng(loop.settings.seed, number).integers(2**62)))  # for dropout
    total = torch.zeros((), device=loop.device)
    loop.network.train()
    for step, (cases, images) in enumerate(augmented_batches(loop.steps, number, loop.device)):
        rate = loop.steps.learning_rate_at(number, step)
        total += len(images) * _train_step(loop, images, loop.steps.train.targets[cases], rate)
    return float(total) / len(loop.steps.train.targets)


def augmented_batches(steps: Steps, epoch: int, device: str) -> Iterator[tuple[Labels, ImageStack]]:
    """Case indices and augmented images of each step; beside a GPU, threads prepare them ahead."""
    batches = steps.epoch_batches(epoch)

    def draw_images(step: int) -> ImageStack:
        return steps.augmented_images(batches[step], epoch=epoch, step=step)

    workers = thread_count() if device != "cpu" else 0
    images = prefetch(draw_images, range(len(batches)), workers=workers)
    return zip(batches, images, strict=True)


def _train_step(loop: TorchLoop, images: ImageStack, targets: Labels, rate: float) -> "torch.Tensor":
    """Update the weights once and return the loss before the update, left on the device."""
    import torch

    for group in loop.optimizer.param_groups:
        group["lr"] = rate
    loop.optimizer.zero_grad(set_to_none=True)
    batch = to_input_tensor(images, loop.settings.preprocessing, loop.device)
    with torch.autocast("cuda", dtype=torch.float16, enabled=loop.device != "cpu"):
        loss = loop.criterion(loop.network(batch), _to_tensor(targets, loop.device))
    loop.scaler.scale(loss).backward()
    loop.scaler.step(loop.optimizer)
    loop.scaler.update()
    return loss.detach()


def _to_tensor(targets: Labels, device: str) -> "torch.Tensor":
    import torch

    return torch.from_numpy(targets).to(device)

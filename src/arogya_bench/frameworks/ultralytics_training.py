"""Ultralytics in this process: imported in silence, trained with, and leaving nothing changed."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from PIL import Image

from arogya_bench.errors import needs_extra
from arogya_bench.frameworks.seeds import temporary_seed
from arogya_bench.frameworks.torch_checkpoint import drop_checkpoint
from arogya_bench.frameworks.torch_network import deterministic_convolutions
from arogya_bench.frameworks.ultralytics_hooks import TrainerOverrides, YoloPlan, index_of_best
from arogya_bench.types import FitReport


@contextmanager
def isolate_ultralytics(seed: int = 0, device: str = "cpu") -> Iterator[None]:
    """Import Ultralytics, seed every generator, and hand back what it changes in the process.

    Its import and its trainer set environment variables, threads, print options, warning filters,
    generators and switches of PyTorch, and replace ``torch.save`` and ``PIL.Image.open``.

    Args:
        seed: Of the weights that are drawn within.
        device: Where they are computed with: ``cpu`` or ``cuda:0``.

    Raises:
        MissingExtra: If PyTorch or Ultralytics is not installed.
    """
    with needs_extra("yolo"):
        import torch
        from torch._tensor_str import printoptions  # the public setter has no getter
    exact = torch.utils.deterministic
    with ExitStack() as stack:
        stack.callback(_restore_environment, dict(os.environ))
        stack.callback(cv2.setNumThreads, cv2.getNumThreads())
        stack.callback(torch.set_num_threads, torch.get_num_threads())
        stack.callback(setattr, torch, "save", torch.save)
        stack.callback(setattr, Image, "open", Image.open)
        stack.callback(_restore_determinism, _determinism_flags())
        stack.callback(setattr, exact, "fill_uninitialized_memory", exact.fill_uninitialized_memory)
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(np.printoptions())
        stack.enter_context(printoptions())
        stack.enter_context(deterministic_convolutions())
        stack.enter_context(temporary_seed(seed))
        stack.enter_context(torch.random.fork_rng(devices=[device] if device != "cpu" else []))
        if device != "cpu":
            stack.enter_context(torch.cuda.device(device))
        torch.manual_seed(seed)
        stack.enter_context(_silence_ultralytics())
        yield


@contextmanager
def _silence_ultralytics() -> Iterator[None]:
    """Import Ultralytics without network, settings in the home folder, or words; keep it so."""
    before, threads = logging.root.manager.disable, cv2.getNumThreads()
    if "ultralytics" not in sys.modules:
        logging.disable(max(before, logging.WARNING))
        os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false")
    try:
        with TemporaryDirectory() as folder, needs_extra("yolo"):
            os.environ.setdefault("YOLO_CONFIG_DIR", folder)
            from ultralytics.utils import LOGGER
    finally:
        logging.disable(before)
    cv2.setNumThreads(threads)
    level = LOGGER.level
    LOGGER.setLevel(logging.ERROR)  # which also silences its progress bars
    try:
        yield
    finally:
        LOGGER.setLevel(level)


def _determinism_flags() -> tuple[bool, bool]:
    """Whether only deterministic algorithms may run, and whether others are but warned of."""
    import torch

    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _restore_determinism(before: tuple[bool, bool]) -> None:
    import torch

    if (
        _determinism_flags() != before
    ):  # for the switch, even if nothing changes, imports a compiler
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def _restore_environment(variables: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(variables):
        del os.environ[name]
    os.environ.update(variables)


def train_yolo(
    overrides: type[TrainerOverrides], trainer: type, plan: YoloPlan, settings: Mapping[str, object]
) -> FitReport:
    """Train as planned, within ``isolate_ultralytics``, and leave the best weights in the folder.

    A training that was killed goes on from the last epoch that the folder holds, with the numbers
    that it would have had: weights, moving average and optimizer are kept at full precision.

    Args:
        overrides: What differs from ``trainer``.
        trainer: A subclass of their ``BaseTrainer``.
        plan: Also becomes an attribute of the class that is made of both.
        settings: Added to those that both rows share.

    Raises:
        ModelError: If training diverges, or memory runs out.
    """
    import torch

    # Without "Trainer" in its name the class is not offered to their integrations.
    kind = type("Row", (overrides, trainer), {"plan": plan})
    count = torch.get_num_threads()
    with TemporaryDirectory() as aside:
        under_way = kind(overrides={**_settings(plan), **settings, "save_dir": aside})
        torch.set_num_threads(count)  # their choice of a device changes it
        with deterministic_convolutions():
            if plan.device != "cpu":
                torch.cuda.reset_peak_memory_stats(plan.device)
            under_way.train()
    drop_checkpoint(plan.out)
    on_gpu = plan.device != "cpu"
    return FitReport(
        curves=tuple(under_way.curves),
        best_epoch=index_of_best(under_way.ranks) + 1,
        gpu_peak_mb=torch.cuda.max_memory_allocated(plan.device) / 1e6 if on_gpu else None,
    )


def _settings(plan: YoloPlan) -> dict[str, object]:
    training = plan.training
    return {
        "model": "yolov8n.yaml",  # a name; the network is that of the plan
        "epochs": training.epochs,
        "batch": training.batch_size,
        "nbs": training.batch_size,  # one batch a step, and the weight decay as it stands
        "imgsz": plan.preprocessing.image_size,
        "device": plan.device,
        "workers": 0,
        "optimizer": "AdamW",
        "momentum": 0.9,  # the first beta, which is PyTorch's own default
        "weight_decay": training.weight_decay,
        "warmup_epochs": 0.0,  # the rate of every step is ours
        "patience": 0,  # so is early stopping
        "seed": plan.seed,
        "deterministic": training.deterministic,
        "amp": False,  # switched on by the hooks where it serves
        "plots": False,
        "verbose": False,
    }

"""Ultralytics in this process: imported without output, trained with, all its changes undone."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from PIL import Image

from arogya_bench.errors import needs_extra
from arogya_bench.frameworks.fit_files import drop_checkpoint
from arogya_bench.frameworks.seeds import temporary_seed
from arogya_bench.frameworks.torch_network import deterministic_convolutions, gpu_peak_mb
from arogya_bench.frameworks.ultralytics_hooks import TrainerOverrides, YoloPlan
from arogya_bench.types import FitReport


@contextmanager
def isolate_ultralytics(seed: int = 0, device: str = "cpu") -> Iterator[None]:
    """Import Ultralytics, seed every generator, and undo what it changes in the process.

    Its import and its trainer set environment variables, threads, print options, warning filters, generators and
    switches of PyTorch, and replace ``torch.save`` and ``PIL.Image.open``.
    """
    with needs_extra("yolo"):
        import torch
    deterministic = torch.utils.deterministic
    with ExitStack() as stack:
        stack.callback(_restore_environment, dict(os.environ))
        stack.callback(cv2.setNumThreads, cv2.getNumThreads())
        stack.callback(torch.set_num_threads, torch.get_num_threads())
        stack.callback(_restore_determinism, _determinism_flags())
        for owner, name in (
            (torch, "save"),
            (torch, "set_printoptions"),
            (Image, "open"),
            (deterministic, "fill_uninitialized_memory"),
        ):
            stack.callback(setattr, owner, name, getattr(owner, name))
        # PyTorch has no public function that reads its print options, so they must not be set.
        setattr(torch, "set_printoptions", lambda **_: None)  # noqa: B010  (mypy refuses `=`)
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(np.printoptions())
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
    """Import Ultralytics without network, output, or settings in the home folder."""
    disabled_level, threads = logging.root.manager.disable, cv2.getNumThreads()
    if "ultralytics" not in sys.modules:
        logging.disable(max(disabled_level, logging.WARNING))
        os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false")
    try:
        with TemporaryDirectory() as folder, needs_extra("yolo"):
            os.environ.setdefault("YOLO_CONFIG_DIR", folder)
            from ultralytics.utils import LOGGER
    finally:
        logging.disable(disabled_level)
    cv2.setNumThreads(threads)
    level = LOGGER.level
    LOGGER.setLevel(logging.ERROR)  # which also hides its progress bars
    try:
        yield
    finally:
        LOGGER.setLevel(level)


def _determinism_flags() -> tuple[bool, bool]:
    """Whether only deterministic algorithms may run, and whether others only cause a warning."""
    import torch

    return (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled())


def _restore_determinism(flags: tuple[bool, bool]) -> None:
    import torch

    if _determinism_flags() != flags:  # the setter imports a compiler, even if nothing changes
        torch.use_deterministic_algorithms(flags[0], warn_only=flags[1])


def _restore_environment(variables: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(variables):
        del os.environ[name]
    os.environ.update(variables)


def train_yolo(
    trainer_class: type[TrainerOverrides[Any]], plan: YoloPlan[Any], settings: Mapping[str, object]
) -> FitReport:
    """Train as planned, within ``isolate_ultralytics``, and save the weights of the best epoch.

    An interrupted training resumes from the last finished epoch that the folder holds, with the same numbers: weights,
    moving average and optimizer are stored at full precision. The trainer class is also a subclass of Ultralytics's
    ``BaseTrainer``; ``settings`` are added to those that both models share.
    """
    import torch

    threads = torch.get_num_threads()
    with TemporaryDirectory() as folder:
        trainer: Any = trainer_class(plan, {**_settings(plan), **settings, "save_dir": folder})
        torch.set_num_threads(threads)  # which the trainer's choice of a device changes
        with deterministic_convolutions():
            if plan.device != "cpu":
                torch.cuda.reset_peak_memory_stats(plan.device)
            trainer.train()
    drop_checkpoint(plan.out)
    report: FitReport = trainer.progress.report(gpu_peak_mb=gpu_peak_mb(plan.device))
    return report


def _settings(plan: YoloPlan[Any]) -> dict[str, object]:
    training = plan.training
    return {
        "model": "yolov8n.yaml",  # a name; the network is that of the plan
        "epochs": training.epochs,
        "batch": training.batch_size,
        "nbs": training.batch_size,  # one batch per step, and unscaled weight decay
        "imgsz": plan.preprocessing.image_size,
        "device": plan.device,
        "workers": 0,
        "optimizer": "AdamW",
        "momentum": 0.9,  # the first beta, as PyTorch's default
        "weight_decay": training.weight_decay,
        "warmup_epochs": 0.0,  # TrainerOverrides sets the rate of every step
        "patience": 0,  # and stops early
        "seed": plan.seed,
        "deterministic": training.deterministic,
        "amp": False,  # TrainerOverrides turns it on where it helps
        "plots": False,
        "verbose": False,
    }

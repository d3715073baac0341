"""Ultralytics's network architectures, and weights to start training from."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from arogya_bench.errors import ModelError, did_you_mean
from arogya_bench.frameworks.torch_weights import load_partially
from arogya_bench.runtime.home_folder import expand_home

if TYPE_CHECKING:
    import torch

# What Ultralytics raises for files that are damaged, or hold something else.
UNREADABLE_ERRORS = (RuntimeError, UnpicklingError, TypeError, KeyError, AttributeError, ImportError)


def read_architecture(name: str) -> dict[str, Any]:
    """Read the architecture ``yolov8`` or ``yolov8-cls``, size n, within ``isolate_ultralytics``."""
    from ultralytics.utils import ROOT, YAML

    return {**YAML.load(ROOT / "cfg" / "models" / "v8" / f"{name}.yaml"), "scale": "n"}


def find_start_weights(weights: str) -> Path | None:
    """Find the file of the weights to start from; None for random weights."""
    if weights == "none":
        return None
    file = expand_home(weights)
    if not file.is_file() or file.suffix != ".pt":
        raise ModelError(
            f"weights={weights} is not a .pt file.{did_you_mean(weights, ('none',))}",
            fix="set model.weights to none, or to the path of a YOLOv8n file of Ultralytics (.pt).",
        )
    return file


def load_start_weights(
    network: "torch.nn.Module", file: Path | None, *, head_prefix: str, classes: tuple[str, ...]
) -> str:
    """Load the weights of a file into a network, within ``isolate_ultralytics``; return a note on their origin.

    The head, whose weights begin with ``head_prefix``, is loaded only if it was trained for the same classes in the
    same order.
    """
    if file is None:
        return "trained from random weights"
    weights, trained_classes = _read_start_weights(file)
    same = trained_classes == classes
    state = {name: weight for name, weight in weights.items() if same or not name.startswith(head_prefix)}
    if reason := load_partially(network, state, head_prefix=None if same else head_prefix):
        raise ModelError(
            f"{file} does not fit this network, YOLOv8n: {reason}.",
            fix="use the weights of a YOLOv8n for the same task, or set model.weights=none.",
        )
    return f"started from {file.name}; its head was {'kept' if same else 'initialised randomly'}"


def _read_start_weights(file: Path) -> "tuple[Mapping[str, torch.Tensor], tuple[str, ...]]":
    """Read weights and class names of a checkpoint, unpickling no classes but those of networks."""
    import torch
    from ultralytics.nn.tasks import torch_safe_load

    trusted = torch.serialization.get_safe_globals()
    try:
        with TemporaryDirectory() as folder:
            # Ultralytics rewrites some paths, and downloads files that it then does not find.
            copy = shutil.copyfile(file, Path(folder) / "start.pt")
            checkpoint, _ = torch_safe_load(copy, safe_only=True)
        network = checkpoint.get("ema") or checkpoint["model"]
        names = network.names
        state = network.float().state_dict()
        class_names = tuple(names[index] for index in range(len(names)))
    except UNREADABLE_ERRORS as error:
        raise ModelError(
            f"{file} cannot be read as a checkpoint of Ultralytics, or holds more than a network.",
            fix="use a file that Ultralytics saved, or set model.weights=none.",
        ) from error
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(trusted)
    return state, class_names

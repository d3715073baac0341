"""Saving, loading and running PyTorch classifiers."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arogya_bench.errors import needs_extra
from arogya_bench.frameworks.devices import torch_device
from arogya_bench.frameworks.fit_files import check_classes, check_file_exists, damaged_file_error, save_classes
from arogya_bench.frameworks.prediction_steps import PredictionSteps, nothing_to_wait_for
from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing, resize_stack
from arogya_bench.frameworks.torch_checkpoint import read_state_dict, save_tensors
from arogya_bench.types import ImageBatch, Probabilities

if TYPE_CHECKING:
    import torch

WEIGHTS_FILE = "model.pt"
PREDICTION_BATCH_SIZE = 64  # images; bounds the memory of a prediction


def save_network(
    state: Mapping[str, "torch.Tensor"], out: Path, *, classes: tuple[str, ...], preprocessing: Preprocessing
) -> None:
    """Write the weights, the class order and the preprocessing into ``out``."""
    save_tensors(out / WEIGHTS_FILE, state)
    save_classes(out, classes, asdict(preprocessing))


def load_network(
    build_network: Callable[[int], Any],
    weights: Path,
    *,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    device: str,
    build_without_memory: bool = True,
) -> PredictionSteps:
    """Load what ``save_network`` wrote into ``weights``; classes and preprocessing must be those of the fit."""
    network, torch_name = load_module(
        build_network,
        weights,
        classes=classes,
        preprocessing=preprocessing,
        device=device,
        build_without_memory=build_without_memory,
    )

    def preprocess(images: ImageBatch) -> ImageStack:
        return resize_stack(images, len(images), preprocessing.image_size)

    def forward(stack: ImageStack) -> "torch.Tensor":
        return predict_logits(network, to_input_tensor(stack, preprocessing, torch_name)).cpu()

    return PredictionSteps(
        preprocess=preprocess,
        forward=forward,
        postprocess=_softmax,
        class_count=len(classes),
        chunk_size=PREDICTION_BATCH_SIZE,
        network=network,
        device=torch_name,
        synchronise=synchroniser(torch_name),
    )


def synchroniser(device: str) -> Callable[[], None]:
    """Return the function that waits until a device has finished."""
    if device == "cpu":
        return nothing_to_wait_for
    import torch

    return partial(torch.cuda.synchronize, device)


def _softmax(logits: "torch.Tensor", _: ImageBatch) -> Probabilities:
    """Convert logits in float64, so that rows sum to 1 to the last digit."""
    return np.asarray(logits.double().softmax(dim=1).numpy(), dtype=np.float64)


def load_module(
    build_network: Callable[[int], Any],
    weights: Path,
    *,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    device: str,
    build_without_memory: bool = True,
) -> "tuple[torch.nn.Module, str]":
    """Load a network in evaluation mode; return it and its device as PyTorch names it.

    Arguments and errors are those of ``load_network``. ``build_without_memory`` draws no random weights first; not for
    networks that compute something when they are built.
    """
    with needs_extra("torch"):
        import torch
    check_classes(weights, classes, asdict(preprocessing))
    file = check_file_exists(weights / WEIGHTS_FILE)
    torch_name = torch_device(device)
    with torch.device("meta") if build_without_memory else nullcontext():
        network: torch.nn.Module = build_network(len(classes))
    try:
        network.load_state_dict(read_state_dict(file), assign=build_without_memory)
    except (RuntimeError, TypeError) as error:
        raise damaged_file_error(file, error) from error
    return network.to(torch_name).eval(), torch_name


def to_input_tensor(stack: ImageStack, preprocessing: Preprocessing, device: str) -> "torch.Tensor":
    """Move images to the device and normalise them there; shape (n, 3, size, size)."""
    import torch

    images = torch.from_numpy(stack).to(device).permute(0, 3, 1, 2).float().div_(255.0)
    mean, std = (
        torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std)
    )
    return images.sub_(mean).div_(std)


def predict_logits(network: "torch.nn.Module", images: "torch.Tensor") -> "torch.Tensor":
    """Run a network at full precision and without gradients."""
    import torch

    with torch.inference_mode(), deterministic_convolutions():
        return network(images)


def predict_split(
    network: "torch.nn.Module", images: ImageStack, preprocessing: Preprocessing, device: str
) -> "torch.Tensor":
    """Logits of all images, shape (n, classes), computed in batches of nearly equal size."""
    import torch

    batches = np.array_split(images, math.ceil(len(images) / PREDICTION_BATCH_SIZE))
    return torch.cat([predict_logits(network, to_input_tensor(x, preprocessing, device)) for x in batches])


def deterministic_convolutions() -> AbstractContextManager[None]:
    """On a GPU, choose algorithms that give the same numbers every time, without TF32."""
    import torch

    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags


def gpu_peak_mb(device: str) -> float | None:
    """Peak memory that PyTorch held for tensors, in MB (10^6 bytes); None on a CPU."""
    import torch

    return None if device == "cpu" else torch.cuda.max_memory_allocated(device) / 1e6

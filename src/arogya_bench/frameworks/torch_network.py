"""What every PyTorch row does the same once it is trained: save, load, predict."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

import numpy as np

from arogya_bench.errors import needs_extra
from arogya_bench.frameworks.devices import torch_device
from arogya_bench.frameworks.fit_files import (
    check_classes,
    check_file_exists,
    damaged_file_error,
    save_classes,
)
from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing, resize_stack
from arogya_bench.frameworks.torch_checkpoint import save_tensors
from arogya_bench.types import ImageBatch, Predictor, Probabilities

if TYPE_CHECKING:
    import torch

WEIGHTS_FILE = "model.pt"
PREDICTION_BATCH_SIZE = (
    64  # images; bounds the memory of a prediction, whatever the length of a batch
)


def save_network(
    state: Mapping[str, "torch.Tensor"],
    out: Path,
    *,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
) -> None:
    """Write the weights, the class order and the preprocessing into ``out``."""
    save_tensors(out / WEIGHTS_FILE, state)
    save_classes(out, classes, asdict(preprocessing))


def load_network(
    build_network: Callable[[int], "torch.nn.Module"],
    weights: Path,
    *,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    device: str,
) -> Predictor:
    """Read what ``save_network`` wrote and make it predict.

    Args:
        build_network: Builds the network for a number of classes.
        weights: The folder of the fit.
        classes: In the order that the fit must have had.
        preprocessing: What the fit must have used.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        MissingExtra: If PyTorch is not installed.
        ModelError: If the folder is damaged, or fitted for other classes or another network.
    """
    with needs_extra("torch"):
        import torch
    check_classes(weights, classes, asdict(preprocessing))
    file = check_file_exists(weights / WEIGHTS_FILE)
    place = torch_device(device)
    with torch.device("meta"):  # draws no random weights only to overwrite them
        built = build_network(len(classes))
    try:
        built.load_state_dict(read_state_dict(file), assign=True)
    except (RuntimeError, TypeError) as error:
        raise damaged_file_error(file, error) from error
    built.to(place).eval()

    def predict(images: ImageBatch) -> Probabilities:
        rows = [np.empty((0, len(classes)))]
        for start in range(0, len(images), PREDICTION_BATCH_SIZE):
            part = images[start : start + PREDICTION_BATCH_SIZE]
            stack = resize_stack(part, len(part), preprocessing.image_size)
            rows.append(
                softmax_probabilities(
                    predict_logits(built, to_input_tensor(stack, preprocessing, place))
                )
            )
        return np.concatenate(rows)

    return predict


def read_state_dict(file: Path) -> dict[str, "torch.Tensor"]:
    """Read a state dict without running code that a stranger may have hidden in it.

    Raises:
        ModelError: If the file is damaged or holds anything but named tensors.
    """
    import torch

    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, OSError, ValueError, KeyError) as error:
        raise damaged_file_error(file, str(error).partition("\n")[0]) from error
    if not isinstance(state, Mapping) or not all(torch.is_tensor(v) for v in state.values()):
        raise damaged_file_error(
            file, "it does not hold a state dict, a mapping of names to tensors"
        )
    return dict(state)


def to_input_tensor(stack: ImageStack, preprocessing: Preprocessing, device: str) -> "torch.Tensor":
    """Move images to the device and normalise them there; shape (n, 3, size, size)."""
    import torch

    images = torch.from_numpy(stack).to(device).permute(0, 3, 1, 2).float().div_(255.0)
    mean, std = (
        torch.tensor(values, device=device).view(1, 3, 1, 1)
        for values in (preprocessing.mean, preprocessing.std)
    )
    return images.sub_(mean).div_(std)


def predict_logits(network: "torch.nn.Module", images: "torch.Tensor") -> "torch.Tensor":
    """Run a network in evaluation mode, at full precision and without gradients."""
    import torch

    with torch.inference_mode(), deterministic_convolutions():
        return network(images)


def softmax_probabilities(values: "torch.Tensor") -> Probabilities:
    """Softmax in float64, so that rows sum to 1 to the last digit."""
    return np.asarray(values.double().softmax(dim=1).cpu().numpy(), dtype=np.float64)


def deterministic_convolutions() -> AbstractContextManager[None]:
    """On a GPU, choose algorithms that give the same numbers every time, without TF32."""
    import torch

    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags

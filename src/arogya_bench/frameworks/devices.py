"""The one place that knows where a model computes: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``."""

import re

from arogya_bench.errors import ConfigError, ModelError, did_you_mean, needs_extra, check_extra

DEVICE_NAMES = ("auto", "cpu", "cuda", "cuda:0", "cuda:1")


def check_device_name(device: str) -> None:
    """Check the spelling alone, for models that compute on the CPU wherever they are asked to.

    Raises:
        ConfigError: If ``device`` is not one of the known names.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ConfigError(
            f"Unknown device {device!r}.{did_you_mean(device, DEVICE_NAMES)}",
            fix="set device to auto, cpu, cuda, or cuda:N for the N-th GPU, counted from 0.",
        )


def check_torch(device: str) -> None:
    """Check that PyTorch is installed and that ``device`` exists.

    Raises:
        MissingExtra: If torch or torchvision is not installed.
        ConfigError: If ``device`` is not a known name.
        ModelError: If a GPU is asked for that is not there.
    """
    check_device_name(device)
    check_extra("torch", "torch", "torchvision")
    torch_device(device)


def torch_device(device: str) -> str:
    """Resolve a device to a name that PyTorch takes; ``auto`` prefers the first GPU.

    Raises:
        ConfigError: If ``device`` is not a known name.
        ModelError: If a GPU is asked for that is not there.
    """
    check_device_name(device)
    if device == "cpu":
        return device
    with needs_extra("torch"):
        import torch
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda:0" if count else "cpu"
    index = int(device.partition(":")[2] or 0)
    if index >= count:
        raise ModelError(
            f"device={device} was asked for, but PyTorch sees {count} GPUs here.",
            fix="set device=auto or device=cpu, or install the driver and a CUDA build of torch.",
        )
    return f"cuda:{index}"

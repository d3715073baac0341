"""Device names: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``."""

import re

from arogya_bench.errors import ConfigError, ModelError, check_extra, did_you_mean, needs_extra

DEVICE_NAMES = ("auto", "cpu", "cuda", "cuda:0", "cuda:1")


def check_device_name(device: str) -> None:
    """Check the spelling of a device name, not whether the device exists."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ConfigError(
            f"Unknown device {device!r}.{did_you_mean(device, DEVICE_NAMES)}",
            fix="set device to auto, cpu, cuda, or cuda:N for the N-th GPU, counted from 0.",
        )


def check_torch(device: str, extra: str = "torch", *modules: str) -> None:
    """Check that torch and ``modules`` (torchvision if empty) are installed and ``device`` exists."""
    check_device_name(device)
    check_extra(extra, "torch", *(modules or ("torchvision",)))
    torch_device(device)


def torch_device(device: str) -> str:
    """Return the name that PyTorch uses for a device; ``auto`` prefers the first GPU."""
    check_device_name(device)
    if device == "cpu":
        return device
    with needs_extra("torch"):
        import torch
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return gpu_name(device, count, framework="PyTorch", install="a CUDA build of torch") or "cpu"


def gpu_name(device: str, count: int, *, framework: str, install: str) -> str | None:
    """Resolve a device name on a machine with ``count`` GPUs, such as to ``cuda:0``; None for the CPU."""
    if device == "cpu" or (device == "auto" and not count):
        return None
    index = int(device.partition(":")[2] or 0)
    if index >= count:
        raise ModelError(
            f"device={device} was requested, but {framework} sees {count} GPUs here.",
            fix=f"set device=auto or device=cpu, or install the driver and {install}.",
        )
    return f"cuda:{index}"

"""PyTorch tensors on disk: checkpoints and state dicts, read without running code."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from arogya_bench.frameworks.fit_files import damaged_file_error, warn_checkpoint_ignored
from arogya_bench.runtime.atomic_write import atomic_write

CHECKPOINT_FILE = "checkpoint.pt"
# What PyTorch raises for files that are truncated, of another format, or hold code.
UNREADABLE_ERRORS = (RuntimeError, UnpicklingError, EOFError, OSError, ValueError, KeyError)


def save_checkpoint(folder: Path, state: Mapping[str, Any], *, device: str) -> None:
    """Write tensors and plain values; an interruption leaves the old checkpoint or the new one."""
    save_tensors(folder / CHECKPOINT_FILE, {**state, "maker": _framework_signature(device)})


def save_tensors(file: Path, state: Mapping[str, Any]) -> None:
    """Write a file of tensors, atomically."""
    import torch

    with atomic_write(file) as partial:
        torch.save(dict(state), partial)


def read_checkpoint(folder: Path, *, device: str) -> dict[str, Any] | None:
    """Read what ``save_checkpoint`` wrote; None if there is nothing to resume from.

    A file that cannot be read, or was written on another kind of device or by another version of PyTorch, is ignored
    with a warning.
    """
    import torch

    file = folder / CHECKPOINT_FILE
    if not file.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except UNREADABLE_ERRORS as error:
        warn_checkpoint_ignored(file, f"cannot be read ({error})")
        return None
    if state.pop("maker", None) != _framework_signature(device):
        warn_checkpoint_ignored(file, f"was not written by {_framework_signature(device)}")
        return None
    return state


def read_state_dict(file: Path) -> "dict[str, Any]":
    """Read named tensors."""
    import torch

    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except UNREADABLE_ERRORS as error:
        raise damaged_file_error(file, str(error).partition("\n")[0]) from error
    if not isinstance(state, Mapping) or not all(torch.is_tensor(v) for v in state.values()):
        raise damaged_file_error(file, "it does not hold a state dict, a mapping of names to tensors")
    return dict(state)


def _framework_signature(device: str) -> str:
    import torch

    return f"PyTorch {torch.__version__} on {device.partition(':')[0]}"

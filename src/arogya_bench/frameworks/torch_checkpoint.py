"""What a training under way leaves on disk, so that one that was killed goes on."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from arogya_bench.runtime.atomic_write import atomic_write
from arogya_bench.runtime.console import echo

CHECKPOINT_FILE = "checkpoint.pt"


def save_checkpoint(folder: Path, state: Mapping[str, Any], *, device: str) -> None:
    """Write tensors and plain values; a kill leaves the old checkpoint or the new one.

    Args:
        folder: Of the training.
        state: Tensors and plain values by name.
        device: The device, as PyTorch calls it.
    """
    save_tensors(folder / CHECKPOINT_FILE, {**state, "maker": _framework_signature(device)})


def save_tensors(file: Path, state: Mapping[str, Any]) -> None:
    """Write a file of tensors, atomically."""
    import torch

    with atomic_write(file) as partial:
        torch.save(dict(state), partial)


def read_checkpoint(folder: Path, *, device: str) -> dict[str, Any] | None:
    """Read what ``save_checkpoint`` wrote, without running code; None if there is none.

    A file that cannot be read, or was made on another kind of device or by another version of
    PyTorch, is said to be so and left aside: the training starts again.
    """
    import torch

    file = folder / CHECKPOINT_FILE
    if not file.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, OSError, ValueError, KeyError) as error:
        echo(f"[yellow]{file.name} cannot be read ({error}); the training starts again.[/]")
        return None
    if state.pop("maker", None) != _framework_signature(device):
        echo(
            f"[yellow]{file.name} was not made by {_framework_signature(device)}; the training starts again.[/]"
        )
        return None
    return state


def _framework_signature(place: str) -> str:
    import torch

    return f"PyTorch {torch.__version__} on {place.partition(':')[0]}"


def drop_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a training that is complete."""
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)

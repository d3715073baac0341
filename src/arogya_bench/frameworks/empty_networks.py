"""PyTorch networks built for their shapes alone."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def build_empty_network(build_network: Callable[[int], Any], classes: int) -> "torch.nn.Module":
    """Build a network without memory; one that reads numbers while it is built gets memory, and no seed is used up."""
    import torch

    try:
        with torch.device("meta"):
            network: torch.nn.Module = build_network(classes)
    except (NotImplementedError, RuntimeError):
        with torch.random.fork_rng(devices=[]):
            network = build_network(classes)
    return network

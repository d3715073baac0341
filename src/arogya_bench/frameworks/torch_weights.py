"""Reading and loading the weights that a PyTorch network starts training from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from arogya_bench.errors import ModelError, did_you_mean
from arogya_bench.frameworks.torch_checkpoint import read_state_dict

if TYPE_CHECKING:
    import torch

FINE_TUNING_RATE = 1e-4  # default peak learning rate for training that starts from weights

StateDict = Mapping[str, "torch.Tensor"]


@dataclass(frozen=True, kw_only=True)
class NetworkFamily:
    """Names of a network architecture, for reading weights and for error messages.

    Attributes:
        name: Of the network, with its article.
        source: Package or function whose state dicts fit.
        head_prefix: Prefix of the last layer in a state dict.
        pretrained_option: Value of ``weights`` for ImageNet weights.
    """

    name: str
    source: str
    head_prefix: str
    pretrained_option: str

    def find_file(self, weights: str) -> Path:
        """Return the file that ``weights`` names."""
        file = Path(weights).expanduser()
        if not file.is_file():
            raise ModelError(
                f"weights={weights} is not a file.{did_you_mean(weights, (self.pretrained_option, 'none'))}",
                fix=f"set model.weights to {self.pretrained_option}, none, or the path of a state dict (.pth).",
            )
        return file

    def read(self, file: Path) -> dict[str, "torch.Tensor"]:
        """Read a state dict without running code."""
        try:
            return read_state_dict(file)
        except ModelError as error:
            raise ModelError(
                error.problem, fix="download or export the file again, or set model.weights=none."
            ) from error

    def without_other_head(self, state: StateDict, classes: int, *, drop_head: bool) -> StateDict:
        """Drop the head of a state dict if it was trained for another number of classes, or if ``drop_head``."""
        weight = state.get(f"{self.head_prefix}weight")
        if not drop_head and weight is not None and len(weight) == classes:
            return state
        return {name: value for name, value in state.items() if not name.startswith(self.head_prefix)}

    def initialise(self, network: "torch.nn.Module", state: StateDict | None) -> "torch.nn.Module":
        """Load weights, if there are any, into a network; only its head may be missing."""
        if state is not None and (reason := load_partially(network, state, head_prefix=self.head_prefix)):
            raise ModelError(
                f"The weights to start from do not fit {self.name}: {reason}.",
                fix=f"use a state dict of {self.source}, or set model.weights={self.pretrained_option} or none.",
            )
        return network


def load_partially(network: "torch.nn.Module", state: StateDict, *, head_prefix: str | None) -> str:
    """Load weights, of which only those of the head may be missing; return what does not fit, or an empty string."""
    try:
        mismatch = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        return str(error).splitlines()[-1].strip(" \t.")
    missing = [name for name in mismatch.missing_keys if not (head_prefix and name.startswith(head_prefix))]
    unknown = mismatch.unexpected_keys
    if not missing and not unknown:
        return ""
    return f"{len(missing)} layers are missing and {len(unknown)} unknown, such as {[*missing, *unknown][0]!r}"

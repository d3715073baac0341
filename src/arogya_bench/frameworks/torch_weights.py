"""The weights that a PyTorch network starts from: found, read, and put in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from arogya_bench.errors import ModelError, did_you_mean
from arogya_bench.frameworks.torch_network import read_state_dict

if TYPE_CHECKING:
    import torch

StateDict = Mapping[str, "torch.Tensor"]


@dataclass(frozen=True, kw_only=True)
class NetworkFamily:
    """What a kind of network calls its parts, for reading weights and for advice.

    Attributes:
        name: Of the network, with its article.
        source: Whose state dicts fit.
        head_prefix: Prefix of the last layer in a state dict.
        pretrained_option: What ``weights`` may say besides ``none`` and a path.
    """

    name: str
    source: str
    head_prefix: str
    pretrained_option: str

    def find_file(self, weights: str) -> Path:
        """The file that ``weights`` names.

        Raises:
            ModelError: If there is none.
        """
        file = Path(weights).expanduser()
        if not file.is_file():
            raise ModelError(
                f"weights={weights} names no file.{did_you_mean(weights, (self.pretrained_option, 'none'))}",
                fix=f"set model.weights to {self.pretrained_option}, none, or the path of a state dict (.pth).",
            )
        return file

    def read(self, file: Path) -> dict[str, "torch.Tensor"]:
        """Read a state dict without running code.

        Raises:
            ModelError: If it is damaged, or something else.
        """
        try:
            return read_state_dict(file)
        except ModelError as error:
            raise ModelError(
                error.problem, fix="fetch or export the file again, or set model.weights=none."
            ) from error

    def without_other_head(self, state: StateDict, classes: int, *, drop_head: bool) -> StateDict:
        """A state dict without a head that was made for other classes.

        Args:
            state: Of the whole network.
            classes: Their number.
            drop_head: Whether the head is known to be for other classes, whatever its size.
        """
        weight = state.get(f"{self.head_prefix}weight")
        if not drop_head and weight is not None and len(weight) == classes:
            return state
        return {
            name: value for name, value in state.items() if not name.startswith(self.head_prefix)
        }

    def initialise(self, network: "torch.nn.Module", state: StateDict | None) -> "torch.nn.Module":
        """Put weights into a network; only its head may be missing among them.

        Raises:
            ModelError: If they are those of another network.
        """
        if state is None:
            return network
        try:
            left_over = network.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise self._mismatch_error(str(error).partition("\n")[0]) from error
        absent = [name for name in left_over.missing_keys if not name.startswith(self.head_prefix)]
        if absent or left_over.unexpected_keys:
            raise self._mismatch_error(
                f"{len(absent)} layers are missing and {len(left_over.unexpected_keys)} unknown, "
                f"such as {[*absent, *left_over.unexpected_keys][0]!r}"
            )
        return network

    def describe_origin(self, state: StateDict, name: str) -> str:
        """Where a training began, in words."""
        head = "kept" if f"{self.head_prefix}weight" in state else "drawn anew for these classes"
        return f"started from {name} weights; the last layer was {head}"

    def _mismatch_error(self, reason: str) -> ModelError:
        return ModelError(
            f"The weights to start from do not fit {self.name}: {reason}.",
            fix=f"give the state dict of {self.source}, or model.weights={self.pretrained_option} or none.",
        )

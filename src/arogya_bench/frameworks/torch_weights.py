"""Reading and loading the weights that a PyTorch network starts training from, or is evaluated with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arogya_bench.errors import ModelError, did_you_mean
from arogya_bench.frameworks.weight_files import WeightFile, read_weight_file
from arogya_bench.frameworks.weight_matching import (
    AVERAGE,
    MatchedWeights,
    NetworkShape,
    describe_mismatch,
    describe_network,
    differs_in_head,
    match_weights,
    tied_origins,
)
from arogya_bench.runtime.console import plural
from arogya_bench.runtime.home_folder import expand_home

if TYPE_CHECKING:
    import torch

FINE_TUNING_RATE = 1e-4  # default peak learning rate for training that starts from weights

StateDict = Mapping[str, "torch.Tensor"]


class WeightsMismatch(ModelError):
    """Weights of another network than the one that they are for."""


@dataclass(frozen=True, kw_only=True)
class StartWeights:
    """Weights for a network: its last layer too, or the layers before it.

    Attributes:
        has_head: Whether the last layer is among them.
        notes: Where in their file they lie, and what of it is not used.
    """

    state: StateDict
    has_head: bool
    notes: tuple[str, ...] = ()

    def without_head(self, network: NetworkShape) -> "StartWeights":
        """Drop the last layer, which was trained for other classes."""
        state = {name: value for name, value in self.state.items() if name not in network.head}
        return replace(self, state=state, has_head=False)


@dataclass(frozen=True, kw_only=True)
class NetworkFamily:
    """Names of a network architecture, for reading weights and for error messages.

    Attributes:
        name: Of the network, with its article.
        source: Package or function whose state dicts fit.
        pretrained_option: Value of ``weights`` for published weights; None if there is none.
    """

    name: str
    source: str
    pretrained_option: str | None

    @property
    def options(self) -> tuple[str, ...]:
        """Values of ``weights`` that name no file."""
        return ("none",) if self.pretrained_option is None else (self.pretrained_option, "none")

    def find_file(self, weights: str) -> Path:
        """Return the file that ``weights`` names."""
        file = expand_home(weights)
        if not file.is_file():
            what = "is a folder" if file.is_dir() else "is not a file"
            raise ModelError(
                f"weights={weights} {what}.{did_you_mean(weights, self.options)}",
                fix=f"set model.weights to {', '.join(self.options)}, or the path of a state dict (.pth).",
            )
        return file

    def load(
        self, found: WeightFile, build_network: Callable[[int], Any], classes: int, *, needs_head: bool = False
    ) -> StartWeights:
        """Pick the weights of a network out of a file; only its head may be missing, unless ``needs_head``.

        Raises:
            WeightsMismatch: If they are those of another network.
            ModelError: If they are not finite.
        """
        network = describe_network(build_network, classes)
        match = match_weights(found, network)
        if reason := describe_mismatch(match, network, needs_head=needs_head):
            fix = self._advise_head(match, network) if needs_head else ""
            raise WeightsMismatch(self._describe(found, match, reason), fix=fix or self._advise(final=needs_head))
        self._check_finite(found.file, match.state)
        if origins := tied_origins(found, network, match):
            raise ModelError(
                f"{found.file.name} holds {len(origins)} sets of weights that fit {self.name}: in "
                f"{', '.join(origins)}.",
                fix="save the state dict that you mean as a file of its own, and set model.weights to it.",
            )
        start = StartWeights(state=match.state, has_head=network.head <= set(match.state), notes=_notes(found, match))
        return start if start.has_head else start.without_head(network)

    def _describe(self, found: WeightFile, match: MatchedWeights, reason: str) -> str:
        where = f" (taken from {match.origin})" if match.origin else ""
        return f"The weights in {found.file.name}{where} do not fit {self.name}: {reason}."

    def _advise_head(self, match: MatchedWeights, network: NetworkShape) -> str:
        """What to do about final weights of which only the last layer does not fit; empty if more does not."""
        if differs_in_head(match, network):
            single = any(shape[0] == 1 for shape in match.other_shapes.values())
            named = "" if single else "name one class for each output in model.classes, or "
            return f"{named}train it for the classes of the dataset: model.trained=all, or model.trained=head."
        if describe_mismatch(match, network, needs_head=False):
            return ""
        return "train a last layer for the classes of the dataset: model.trained=head, or model.trained=all."

    def _advise(self, *, final: bool) -> str:
        """What to do about weights that do not fit: the final ones, or a start."""
        others = "" if final else f", or set model.weights={' or '.join(self.options)}"
        return f"use a state dict of {self.source}{others}."

    def _check_finite(self, file: Path, state: StateDict) -> None:
        for name, value in state.items():
            if not bool(value.isfinite().all()):
                raise ModelError(
                    f"{name!r} in {file.name} holds values that are not finite: its training diverged.",
                    fix="use the weights of an earlier epoch.",
                )


def _notes(found: WeightFile, match: MatchedWeights) -> tuple[str, ...]:
    """Say what was taken of a file that holds more than a bare state dict."""
    notes = [f"weights taken from {match.origin} of {found.file.name}"] if match.origin else []
    averages = [table.key for table in found.tables if AVERAGE.search(table.key) and table.key != match.key]
    if averages and set(next(t for t in found.tables if t.key == averages[0]).tensors) & set(match.state):
        notes.append(f"its averaged weights under {averages[0]!r} were not used")
    if match.renamed_head:
        notes.append(f"its last layer is called {match.renamed_head!r} there")
    if match.unknown:
        others = plural(len(match.unknown), "other tensor")
        notes.append(f"{others}, such as {match.unknown[0]!r}, {'was' if len(match.unknown) == 1 else 'were'} not used")
    return tuple(notes)


def read_start_file(file: Path) -> WeightFile:
    """Read a file of weights; the error also names the way without them."""
    try:
        return read_weight_file(file)
    except ModelError as error:
        raise ModelError(error.problem, fix=f"{error.fix.rstrip('.')}, or set model.weights=none.") from error


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
    examples = [
        f"{plural(len(names), 'tensor')} {word}, such as {names[0]!r}"
        for names, word in ((missing, "missing in the file"), (unknown, "unknown to the network"))
        if names
    ]
    return " and ".join(examples)

"""Which tensors of a file are the weights of a network, whatever wraps and prefixes them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arogya_bench.frameworks.empty_networks import build_empty_network
from arogya_bench.frameworks.weight_files import NamedTensors, WeightFile
from arogya_bench.runtime.console import plural

if TYPE_CHECKING:
    import torch

# Wrappers of PyTorch, which may stand anywhere in a name.
WRAPPERS = re.compile(r"(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
DENSE_LAYERS = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")  # of DenseNets before torchvision 0.3
# Counts of batches, which nothing reads; what profilers leave in a network; outputs that only help training.
IGNORED = re.compile(r"(^|\.)(num_batches_tracked|total_ops|total_params|n_averaged)$|^(AuxLogits|aux[12])\.")
BESIDE = re.compile(
    r"^(\w*loss\w*|criterion|metrics?|\w*accuracy\w*|\w*auroc\w*)\."
)  # what trainers keep beside a network
AVERAGE = re.compile(
    r"ema|averag|swa|teacher|shadow|encoder_k"
)  # keys of copies that are taken only where nothing else fits

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkShape:
    """Shapes of all tensors of a network by name, and the names of those that depend on the number of classes."""

    shapes: Mapping[str, Shape]
    head: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class MatchedWeights:
    """The tensors of a file under the names of a network.

    Attributes:
        key: Where they lie in the file; empty at its top.
        prefix: What stands before their names there.
        state: Those that the network has, with its names and shapes.
        other_shapes: Names with another shape than in the network.
        missing: Names that the network has and the file does not.
        unknown: Names below the prefix that the network does not have.
        renamed_head: What the last layer is called in the file, where it differs; else empty.
    """

    key: str
    prefix: str
    state: "Mapping[str, torch.Tensor]"
    other_shapes: Mapping[str, Shape]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    renamed_head: str = ""

    @property
    def origin(self) -> str:
        """Where in the file they lie, in words; empty for a bare state dict."""
        words = [f"its key {self.key!r}" if self.key else "", f"the prefix {self.prefix!r}" if self.prefix else ""]
        return " and ".join(word for word in words if word)


def describe_network(build_network: Callable[[int], Any], classes: int) -> NetworkShape:
    """Build a network for two numbers of classes, and compare the shapes."""
    networks = (build_empty_network(build_network, count) for count in (classes, classes + 1))
    shapes, others = ({name: tuple(value.shape) for name, value in each.state_dict().items()} for each in networks)
    return NetworkShape(
        shapes=shapes, head=frozenset(name for name, shape in shapes.items() if others.get(name) != shape)
    )


def match_weights(found: WeightFile, network: NetworkShape) -> MatchedWeights:
    """Choose the mapping and the prefix whose tensors fit best; plain weights before their average."""
    return max(_matches(found, network), key=_rank)


def tied_origins(found: WeightFile, network: NetworkShape, best: MatchedWeights) -> list[str]:
    """Say where all weights lie that fit as well as the best ones, and are others; empty without such."""
    ties = [match for match in _matches(found, network) if _rank(match) == _rank(best)]
    others = [match for match in ties if any(not match.state[name].equal(best.state[name]) for name in best.state)]
    return [match.origin or "its top" for match in (best, *others)] if others else []


def _matches(found: WeightFile, network: NetworkShape) -> list[MatchedWeights]:
    return [_match(table, prefix, network) for table in found.tables for prefix in _prefixes(table, network)]


def _rank(match: MatchedWeights) -> tuple[int, bool]:
    return len(match.state), not AVERAGE.search(match.key + match.prefix)


def _prefixes(table: NamedTensors, network: NetworkShape) -> list[str]:
    """What most often stands before names of the network; the empty prefix if none is there."""
    counts: Counter[str] = Counter()
    for name in map(_unwrapped, table.tensors):
        starts = [0, *(at.end() for at in re.finditer(r"\.", name))]
        counts.update(name[:start] for start in starts if name[start:] in network.shapes)
    most = max(counts.values(), default=0)
    return sorted(prefix for prefix, count in counts.items() if count == most) or [""]


def _match(table: NamedTensors, prefix: str, network: NetworkShape) -> MatchedWeights:
    inside = {
        _unwrapped(name)[len(prefix) :]: tensor
        for name, tensor in table.tensors.items()
        if _unwrapped(name).startswith(prefix)
    }
    if layer := _renamed_head(inside, network):
        head = _layer(network.head)
        inside = {head + name[len(layer) :] if _layer([name]) == layer else name: inside[name] for name in inside}
    shapes = {name: tuple(tensor.shape) for name, tensor in inside.items()}
    return MatchedWeights(
        key=table.key,
        prefix=prefix,
        state={name: inside[name] for name, shape in shapes.items() if network.shapes.get(name) == shape},
        other_shapes={name: shape for name, shape in shapes.items() if network.shapes.get(name, shape) != shape},
        missing=_without_ignored(name for name in network.shapes if name not in inside),
        unknown=_without_ignored(name for name in inside if name not in network.shapes),
        renamed_head=layer,
    )


def _renamed_head(inside: "Mapping[str, torch.Tensor]", network: NetworkShape) -> str:
    """The layer that stands for the last one under another name, as after a dropout that was put before it."""
    head, foreign = _layer(network.head), [name for name in _without_ignored(inside) if name not in network.shapes]
    layer = _layer(name for name in foreign if not BESIDE.search(name))
    if not head or not layer or network.head & set(inside):
        return ""
    shapes = {f"{head}{name[len(layer) :]}": tuple(inside[name].shape) for name in foreign if name.startswith(layer)}
    return layer if shapes == {name: network.shapes[name] for name in network.head} else ""


def _layer(names: Iterable[str]) -> str:
    """The layer that all names are of; empty if they are of several, or of none."""
    layers = {name.rpartition(".")[0] for name in names}
    return next(iter(layers)) if len(layers) == 1 else ""


def _unwrapped(name: str) -> str:
    return DENSE_LAYERS.sub(r"\1\2", WRAPPERS.sub("", name))


def _without_ignored(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not IGNORED.search(name))


def describe_mismatch(match: MatchedWeights, network: NetworkShape, *, needs_head: bool) -> str:
    """Say how the weights of a file differ from those of a network; empty if they fit.

    Args:
        match: The best match of the file.
        network: What it should fit.
        needs_head: Whether the last layer must fit too, and nothing else may be there.
    """
    if not match.state and not match.other_shapes:
        return f"none of its names, such as {match.unknown[0]!r}, is one of this network" if match.unknown else "empty"
    if shapes := [name for name in match.other_shapes if needs_head or name not in network.head]:
        name = shapes[0]
        return (
            f"{plural(len(shapes), 'tensor')} of it {'has' if len(shapes) == 1 else 'have'} another shape: {name!r} is "
            f"{_size(match.other_shapes[name])} in the file and {_size(network.shapes[name])} in the network"
        )
    missing = [name for name in match.missing if needs_head or name not in network.head]
    unknown = _foreign(match, network, needs_head=needs_head)
    parts = [
        f"{plural(len(missing), 'tensor')} of the network {_is_are(missing)} missing in it, such as {missing[0]!r}"
        if missing
        else "",
        f"{plural(len(unknown), 'tensor')} of it {_is_are(unknown)} unknown to the network, such as {unknown[0]!r}"
        if unknown
        else "",
    ]
    return ", and ".join(part for part in parts if part)


def differs_in_head(match: MatchedWeights, network: NetworkShape) -> bool:
    """Whether everything but the last layer fits, which has another number of outputs."""
    return (
        bool(match.other_shapes) and set(match.other_shapes) <= network.head and not set(match.missing) - network.head
    )


def _foreign(match: MatchedWeights, network: NetworkShape, *, needs_head: bool) -> list[str]:
    """Unknown names that mean another architecture: in a part of the network, and not in its head."""
    if needs_head:
        return [name for name in match.unknown if not BESIDE.search(name)]
    parts = {name.partition(".")[0] for name in network.shapes}
    heads = tuple({name.rpartition(".")[0] + "." for name in network.head})
    return [name for name in match.unknown if name.partition(".")[0] in parts and not name.startswith(heads)]


def _is_are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _size(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "a single number"

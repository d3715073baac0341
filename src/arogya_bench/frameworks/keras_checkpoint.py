"""What a Keras network leaves on disk: its weights, and a training under way."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.array_files import read_arrays, save_arrays
from arogya_bench.runtime.console import echo

if TYPE_CHECKING:
    import keras

CHECKPOINT_FILE = "checkpoint.npz"

Arrays = Mapping[str, NDArray[Any]]


def get_weights(network: "keras.Model") -> dict[str, NDArray[Any]]:
    """The weights by layer and name, such as ``conv1/kernel``."""
    return {name: np.asarray(weight.numpy()) for name, weight in _named_variables(network).items()}


def set_weights(network: "keras.Model", values: Arrays) -> None:
    """Put weights into a network.

    Raises:
        ValueError: If they are those of another network.
    """
    weights = _named_variables(network)
    wanted = {name: tuple(weight.shape) for name, weight in weights.items()}
    found = {name: value.shape for name, value in values.items()}
    for name in wanted | found:
        if wanted.get(name) != found.get(name):
            raise ValueError(
                f"{name} has the shape {found.get(name)}; this network asks for {wanted.get(name)}"
            )
    for name, weight in weights.items():
        weight.assign(values[name])


def save_checkpoint(folder: Path, network: "keras.Model", epochs: str) -> None:
    """Write the weights, the state of the optimizer, and what the epochs came to.

    Args:
        folder: Where a kill leaves the old checkpoint or the new one.
        network: Compiled, and its optimizer built.
        epochs: In any form; given back as it is.
    """
    optimizer = {str(i): v.numpy() for i, v in enumerate(network.optimizer.variables)}
    save_arrays(
        folder / CHECKPOINT_FILE,
        {**_add_prefix("network", get_weights(network)), **_add_prefix("optimizer", optimizer)}
        | {"epochs": np.array(epochs)},
    )


def restore_checkpoint(folder: Path, network: "keras.Model") -> str | None:
    """Put back what ``save_checkpoint`` wrote, and give the epochs; None if there is none.

    A file that cannot be read, or is of another optimizer, as on another kind of device, is said
    to be so and left aside: the training starts again.
    """
    file = folder / CHECKPOINT_FILE
    if not file.is_file():
        return None
    try:
        state = read_arrays(file)
    except ModelError as damage:
        echo(f"[yellow]{damage.problem} The training starts again.[/]")
        return None
    optimizer = _strip_prefix("optimizer", state)
    variables = network.optimizer.variables
    found = [optimizer[str(i)].shape for i in range(len(optimizer))]
    if found != [tuple(each.shape) for each in variables]:
        echo(f"[yellow]{file.name} is of another device or version. The training starts again.[/]")
        return None
    set_weights(network, _strip_prefix("network", state))
    for i, variable in enumerate(variables):
        variable.assign(optimizer[str(i)])
    return str(state["epochs"])


def drop_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a training that is complete."""
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)


def _named_variables(network: "keras.Model") -> "dict[str, keras.Variable]":
    """By layer and name, since a path begins with a name that Keras counts up for each network."""
    return {
        f"{layer.name}/{weight.name}": weight
        for layer in network.layers
        for weight in layer.weights
    }


def _add_prefix(part: str, values: Arrays) -> Arrays:
    return {f"{part}/{name}": value for name, value in values.items()}


def _strip_prefix(part: str, values: Arrays) -> Arrays:
    return {
        name.removeprefix(f"{part}/"): value
        for name, value in values.items()
        if name.startswith(f"{part}/")
    }

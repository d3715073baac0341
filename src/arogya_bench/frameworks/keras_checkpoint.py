"""Weights of Keras networks as arrays, and checkpoints of trainings."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.array_files import read_arrays, save_arrays
from arogya_bench.frameworks.fit_files import warn_checkpoint_ignored

if TYPE_CHECKING:
    import keras

CHECKPOINT_FILE = "checkpoint.npz"


def get_weights(network: "keras.Model") -> dict[str, NDArray[Any]]:
    """Return the weights by layer and name, such as ``conv1/kernel``."""
    return {name: np.asarray(weight.numpy()) for name, weight in _named_variables(network).items()}


def set_weights(network: "keras.Model", values: Mapping[str, NDArray[Any]]) -> None:
    """Assign weights by layer and name; ValueError if they are those of another network."""
    weights = _named_variables(network)
    expected = {name: tuple(weight.shape) for name, weight in weights.items()}
    actual = {name: value.shape for name, value in values.items()}
    for name in expected | actual:
        if expected.get(name) != actual.get(name):
            raise ValueError(f"{name} has the shape {actual.get(name)}; this network needs {expected.get(name)}")
    for name, weight in weights.items():
        weight.assign(values[name])


def save_checkpoint(folder: Path, network: "keras.Model", epochs: str) -> None:
    """Write the state of a compiled network and its optimizer, and any text about the finished epochs, atomically."""
    arrays = {str(index): variable.numpy() for index, variable in enumerate(_training_state(network))}
    save_arrays(folder / CHECKPOINT_FILE, {**arrays, "epochs": np.array(epochs)})


def restore_checkpoint(folder: Path, network: "keras.Model") -> str | None:
    """Restore what ``save_checkpoint`` wrote and return the epochs; None if there is nothing.

    A file that cannot be read, or belongs to another optimizer, as on another kind of device, is ignored with a
    warning.
    """
    file = folder / CHECKPOINT_FILE
    if not file.is_file():
        return None
    try:
        state = read_arrays(file)
    except ModelError as error:
        warn_checkpoint_ignored(file, f"cannot be read ({error.problem})")
        return None
    epochs, variables = str(state.pop("epochs")), _training_state(network)
    if [value.shape for value in state.values()] != [tuple(variable.shape) for variable in variables]:
        warn_checkpoint_ignored(file, "was written on another device or by another version")
        return None
    for variable, value in zip(variables, state.values(), strict=True):
        variable.assign(value)
    return epochs


def _training_state(network: "keras.Model") -> "list[keras.Variable]":
    return [*network.weights, *network.optimizer.variables]


def _named_variables(network: "keras.Model") -> "dict[str, keras.Variable]":
    """Variables by layer and name; a variable's path begins with a number that Keras counts up."""
    return {f"{layer.name}/{weight.name}": weight for layer in network.layers for weight in layer.weights}

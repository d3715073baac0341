"""What a Keras row does the same once it is trained: save, load, predict."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from arogya_bench.frameworks.array_files import read_arrays, save_arrays
from arogya_bench.frameworks.fit_files import (
    check_classes,
    check_file_exists,
    damaged_file_error,
    save_classes,
)
from arogya_bench.frameworks.keras_checkpoint import get_weights, set_weights
from arogya_bench.frameworks.keras_runtime import prepare_tensorflow, use_device
from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing, resize_stack
from arogya_bench.frameworks.seeds import temporary_seed
from arogya_bench.types import Floats, ImageBatch, Predictor, Probabilities

if TYPE_CHECKING:
    import keras

WEIGHTS_FILE = "model.npz"
PREDICTION_BATCH_SIZE = (
    32  # images; bounds the memory of a prediction, whatever the length of a batch
)


def save_network(
    network: "keras.Model", out: Path, *, classes: tuple[str, ...], preprocessing: Preprocessing
) -> None:
    """Write the weights, the class order and the preprocessing into ``out``."""
    save_arrays(out / WEIGHTS_FILE, get_weights(network))
    save_classes(out, classes, asdict(preprocessing))


def load_network(
    build_network: "Callable[[int], keras.Model]",
    weights: Path,
    *,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    device: str,
) -> Predictor:
    """Read what ``save_network`` wrote and make it predict.

    Args:
        build_network: Builds the network for a number of classes.
        weights: The folder of the fit.
        classes: In the order that the fit must have had.
        preprocessing: What the fit must have used.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        MissingExtra: If TensorFlow is not installed.
        ModelError: If the folder is damaged, or fitted for other classes or another network, or
            TensorFlow cannot compute as asked in this process.
    """
    place = prepare_tensorflow(device)
    check_classes(weights, classes, asdict(preprocessing))
    file = check_file_exists(weights / WEIGHTS_FILE)
    with use_device(place), temporary_seed(0):  # weights are drawn only to be overwritten
        built = build_network(len(classes))
        try:
            set_weights(built, read_arrays(file))
        except ValueError as error:
            raise damaged_file_error(file, error) from error
        scores = compile_scorer(built, place)

    def predict(images: ImageBatch) -> Probabilities:
        rows = [np.empty((0, len(classes)))]
        for start in range(0, len(images), PREDICTION_BATCH_SIZE):
            part = images[start : start + PREDICTION_BATCH_SIZE]
            stack = resize_stack(part, len(part), preprocessing.image_size)
            rows.append(softmax(scores(stack), axis=1))
        return np.concatenate(rows)

    return predict


def compile_scorer(network: "keras.Model", device: str) -> Callable[[ImageStack], Floats]:
    """Compile the forward pass once, for batches of every size.

    Args:
        network: Takes images as they are, shape (n, size, size, 3), and gives logits.
        device: The device, in the words of TensorFlow.

    Returns:
        From a stack of images, at most a few dozen, to logits in float64, shape (n, classes).
    """
    import tensorflow as tf

    images = tf.TensorSpec((None, *network.input_shape[1:]), tf.uint8)
    forward = tf.function(
        lambda stack: network(stack, training=False), input_signature=[images], autograph=False
    )
    forward.get_concrete_function()  # so that the first prediction takes no longer than the next

    def scores(stack: ImageStack) -> Floats:
        with use_device(device):
            return np.asarray(forward(stack).numpy(), np.float64)

    return scores

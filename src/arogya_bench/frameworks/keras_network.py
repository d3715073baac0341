"""Saving, loading and running Keras classifiers."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import softmax

from arogya_bench.frameworks.array_files import read_arrays, save_arrays
from arogya_bench.frameworks.fit_files import check_classes, check_file_exists, damaged_file_error, save_classes
from arogya_bench.frameworks.keras_checkpoint import get_weights, set_weights
from arogya_bench.frameworks.keras_runtime import prepare_tensorflow, use_device
from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing, batched_predictor
from arogya_bench.frameworks.seeds import temporary_seed
from arogya_bench.types import Floats, Predictor

if TYPE_CHECKING:
    import keras

WEIGHTS_FILE = "model.npz"
PREDICTION_BATCH_SIZE = 32  # images; bounds the memory of a prediction


def save_network(network: "keras.Model", out: Path, *, classes: tuple[str, ...], preprocessing: Preprocessing) -> None:
    """Write the weights, the class order and the preprocessing into ``out``."""
    save_arrays(out / WEIGHTS_FILE, get_weights(network))
    save_classes(out, classes, asdict(preprocessing))


def load_network(
    build_network: Callable[[int], Any],
    weights: Path,
    *,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    device: str,
) -> Predictor:
    """Load what ``save_network`` wrote into ``weights``; classes and preprocessing must be those of the fit."""
    tf_name = prepare_tensorflow(device)
    check_classes(weights, classes, asdict(preprocessing))
    file = check_file_exists(weights / WEIGHTS_FILE)
    with use_device(tf_name), temporary_seed(0):  # initial weights are drawn, then overwritten
        network = build_network(len(classes))
        try:
            set_weights(network, read_arrays(file))
        except ValueError as error:
            raise damaged_file_error(file, error) from error
        logits = compile_forward(network, tf_name)
    return batched_predictor(
        lambda stack: softmax(logits(stack), axis=1),
        len(classes),
        size=preprocessing.image_size,
        batch_size=PREDICTION_BATCH_SIZE,
    )


def compile_forward(network: "keras.Model", device: str) -> Callable[[ImageStack], Floats]:
    """Compile the forward pass from raw images to logits in float64, shape (n, classes), for batches of every size.

    ``device`` is named as by TensorFlow.
    """
    import tensorflow as tf

    images = tf.TensorSpec((None, *network.input_shape[1:]), tf.uint8)
    forward = tf.function(lambda stack: network(stack, training=False), input_signature=[images], autograph=False)
    forward.get_concrete_function()  # so that the first prediction is not slower than the next

    def logits(stack: ImageStack) -> Floats:
        with use_device(device):
            return np.asarray(forward(stack).numpy(), np.float64)

    return logits

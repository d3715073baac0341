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
from arogya_bench.frameworks.keras_runtime import common_device_name, prepare_tensorflow, use_device
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing, resize_stack
from arogya_bench.frameworks.seeds import temporary_seed
from arogya_bench.types import Floats, ImageBatch, Probabilities

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
) -> PredictionSteps:
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

    def preprocess(images: ImageBatch) -> ImageStack:
        return resize_stack(images, len(images), preprocessing.image_size)

    return PredictionSteps(
        preprocess=preprocess,
        forward=logits,  # which waits for the device, since it returns an array
        postprocess=_softmax,
        class_count=len(classes),
        chunk_size=PREDICTION_BATCH_SIZE,
        network=network,
        device=common_device_name(tf_name),
    )


def _softmax(logits: Floats, _: ImageBatch) -> Probabilities:
    return np.asarray(softmax(logits, axis=1), np.float64)


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

"""Parameters, multiply-accumulate operations and size on disk of a model.

Operations are those of convolutions and matrix products for one image, as published tables count them. A multiplication
with its addition is one MAC: half of what PyTorch and TensorFlow call FLOPs, and the same as what torchvision does.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arogya_bench.types import ImageBatch, SteppedPredictor

MB = 1e6  # bytes
OPERATIONS_PER_MAC = 2
COUNTED_OPERATIONS = ("Conv", "MatMul", "Einsum")  # parts of TensorFlow's names


@dataclass(frozen=True, kw_only=True)
class ModelSize:
    """How large a loaded model is.

    Attributes:
        parameters: Trained and frozen weights of the network.
        gmacs: 10^9 multiply-accumulate operations for one image.
        reasons: Why a number is None, by name.
    """

    parameters: int | None
    gmacs: float | None
    reasons: Mapping[str, str] = field(default_factory=dict)


def measure_model_size(predictor: object, example_images: ImageBatch) -> ModelSize:
    """Count the parameters of a loaded model, and the operations for the first image."""
    reason = _why_not_counted(predictor)
    if reason is not None or not isinstance(predictor, SteppedPredictor):
        return ModelSize(parameters=None, gmacs=None, reasons=dict.fromkeys(("parameters", "gmacs"), str(reason)))
    count_macs = _count_keras_macs if _is_keras(predictor.network) else _count_torch_macs
    try:
        macs = count_macs(predictor, example_images[:1])
    except Exception as error:  # noqa: BLE001  (counters depend on internals of their framework)
        reasons = {"gmacs": f"the operations cannot be counted ({type(error).__name__})"}
        return ModelSize(parameters=count_parameters(predictor), gmacs=None, reasons=reasons)
    return ModelSize(parameters=count_parameters(predictor), gmacs=macs / 1e9)


def count_parameters(predictor: object) -> int | None:
    """Count the weights of the network of a loaded model; None if it has no network that we know."""
    if not isinstance(predictor, SteppedPredictor):
        return None
    network: Any = predictor.network
    if _is_keras(network):
        return int(network.count_params())
    return sum(weight.numel() for weight in network.parameters()) if _is_torch(network) else None


def folder_size_mb(path: Path) -> float:
    """Size of all files in a folder, in MB (10^6 bytes)."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / MB


def _why_not_counted(predictor: object) -> str | None:
    if not isinstance(predictor, SteppedPredictor):
        return "the adapter does not offer the steps of its predictor"
    network = predictor.network
    if network is None:
        return "there is no neural network"
    return None if _is_keras(network) or _is_torch(network) else f"{type(network).__name__} is no known kind of network"


def _is_torch(network: Any) -> bool:
    torch = sys.modules.get("torch")  # a network of it cannot exist before its import
    return torch is not None and isinstance(network, torch.nn.Module)


def _is_keras(network: Any) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(network, keras.Model)


def _count_torch_macs(predictor: SteppedPredictor, images: ImageBatch) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    inputs = predictor.preprocess(images)
    with FlopCounterMode(display=False) as counter:
        predictor.forward(inputs)
    return float(counter.get_total_flops()) / OPERATIONS_PER_MAC


def _count_keras_macs(predictor: SteppedPredictor, _: ImageBatch) -> float:
    import tensorflow as tf

    network: Any = predictor.network
    (spec,) = network.inputs
    traced = tf.function(lambda image: network(image, training=False), autograph=False)
    graph = traced.get_concrete_function(tf.TensorSpec((1, *spec.shape[1:]), spec.dtype)).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder
    quiet = options(options.float_operation()).with_empty_output().build()
    with _only_errors(tf.get_logger().name):  # it announces that one of its functions is deprecated
        root = tf.compat.v1.profiler.profile(graph, cmd="op", options=quiet)
    counted = (node for node in _nodes(root) if any(part in node.name for part in COUNTED_OPERATIONS))
    return sum(float(node.float_ops) for node in counted) / OPERATIONS_PER_MAC


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in node.children:
        yield from _nodes(child)


@contextmanager
def _only_errors(logger_name: str) -> Iterator[None]:
    logger = logging.getLogger(logger_name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)

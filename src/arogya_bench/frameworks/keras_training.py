"""The training of the Keras models: Keras's own ``fit`` with the steps of the other models."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_softmax

from arogya_bench.frameworks.batches import InMemorySplit, NetworkTraining, load_split
from arogya_bench.frameworks.early_stopping import (
    Epoch,
    TrainingProgress,
    check_finite_loss,
    check_trainable,
    classifier_epoch,
    f1_macro,
)
from arogya_bench.frameworks.fit_files import drop_checkpoint
from arogya_bench.frameworks.keras_batches import KerasPlan, build_dataset
from arogya_bench.frameworks.keras_checkpoint import get_weights, restore_checkpoint, save_checkpoint, set_weights
from arogya_bench.frameworks.keras_network import PREDICTION_BATCH_SIZE, compile_forward, save_network
from arogya_bench.frameworks.keras_runtime import CPU, deterministic_ops, prepare_tensorflow, use_device
from arogya_bench.frameworks.preprocessing import ImageStack
from arogya_bench.frameworks.seeds import temporary_seed
from arogya_bench.runtime.threads import thread_count
from arogya_bench.types import FitReport, Floats, Labels, Subset

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class KerasLoop:
    """A network in training.

    Attributes:
        device: As TensorFlow names it.
        network: Compiled, at the precision of the training.
        evaluation_network: The same at full precision; on a CPU, ``network`` itself.
        logits: Maps images to the logits of ``evaluation_network``.
        out: The folder of the fit.
    """

    settings: NetworkTraining
    device: str
    plan: KerasPlan
    network: "keras.Model"
    evaluation_network: "keras.Model"
    logits: Callable[[ImageStack], Floats]
    validation: InMemorySplit
    classes: tuple[str, ...]
    out: Path


def train_network(settings: NetworkTraining, train: Subset, validation: Subset, *, out: Path) -> FitReport:
    """Train and resume like ``torch_training.train_network``, with Keras."""
    check_trainable(settings.training, train, validation)
    device = prepare_tensorflow(settings.device)
    with _reproducible_context(settings, device), _open_loop(settings, train, validation, device, out) as loop:
        progress = TrainingProgress(
            training=settings.training,
            save_checkpoint=partial(_write_checkpoint, loop),
            save_weights=partial(_save_weights, loop),
        )
        checkpoint = restore_checkpoint(out, loop.network)
        monitor = settings.training.monitor
        progress.resume([classifier_epoch(values, monitor) for values in json.loads(checkpoint or "[]")])
        if not progress.is_finished:
            _fit(loop, progress)
        peak = _gpu_peak_mb(device)
    drop_checkpoint(out)
    return progress.report(gpu_peak_mb=peak)


@contextmanager
def _reproducible_context(settings: NetworkTraining, device: str) -> Iterator[None]:
    """Seed every generator, compute on one device, and restore the caller's settings.

    TensorFlow's own seed cannot be read, so it is not restored.
    """
    import keras
    import tensorflow as tf

    with ExitStack() as stack:
        stack.enter_context(temporary_seed(settings.seed))
        stack.enter_context(deterministic_ops(settings.training.deterministic))
        stack.enter_context(use_device(device))
        keras.utils.set_random_seed(settings.seed)
        stack.callback(tf.get_logger().removeFilter, _is_not_retracing_warning)
        tf.get_logger().addFilter(_is_not_retracing_warning)
        if device != CPU:
            tf.config.experimental.reset_memory_stats(device)
        yield


def _is_not_retracing_warning(record: logging.LogRecord) -> bool:
    """Drop a warning that several fits in one process cause; each compiles its own step, once."""
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def _open_loop(
    settings: NetworkTraining, train: Subset, validation: Subset, device: str, out: Path
) -> Iterator[KerasLoop]:
    """Build the network, and release its memory at the end.

    TensorFlow keeps every compiled step and the variables that it updates: without this, each fit at 224 pixels would
    leave 300 MB in the process.
    """
    import tensorflow as tf

    loop = _build_loop(settings, train, validation, device=device, out=out)
    try:
        yield loop
    finally:
        variables = [*loop.network.variables, *loop.network.optimizer.variables, *loop.evaluation_network.variables]
        for variable in variables:
            empty = tf.zeros(0, variable.dtype)
            tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=empty)


def _build_loop(settings: NetworkTraining, train: Subset, validation: Subset, *, device: str, out: Path) -> KerasLoop:
    size, class_count, on_cpu = settings.preprocessing.image_size, len(train.classes), device == CPU
    train_split, validation_split = (load_split(subset, size) for subset in (train, validation))
    network = settings.build_network(class_count, "float32" if on_cpu else "mixed_float16")
    evaluation_network = network if on_cpu else settings.build_network(class_count, "float32")
    _compile(network, settings, mixed_precision=not on_cpu)
    return KerasLoop(
        settings=settings,
        device=device,
        plan=KerasPlan(
            train=train_split,
            training=settings.training,
            learning_rate=settings.learning_rate,
            class_count=class_count,
            seed=settings.seed,
        ),
        network=network,
        evaluation_network=evaluation_network,
        logits=compile_forward(evaluation_network, device),
        validation=validation_split,
        classes=train.classes,
        out=out,
    )


def _compile(network: "keras.Model", settings: NetworkTraining, *, mixed_precision: bool) -> None:
    from keras import losses, optimizers

    adam = optimizers.AdamW(settings.learning_rate, weight_decay=settings.training.weight_decay)
    network.compile(
        optimizer=optimizers.LossScaleOptimizer(adam) if mixed_precision else adam,
        loss=losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float32"),
        jit_compile=False,  # on a CPU, XLA computes convolutions more slowly
    )
    network.optimizer.build(network.trainable_variables)  # so that its state can be restored


def _write_checkpoint(loop: KerasLoop, epochs: Sequence[Epoch]) -> None:
    save_checkpoint(loop.out, loop.network, json.dumps([epoch.metrics for epoch in epochs]))


def _save_weights(loop: KerasLoop) -> None:
    save_network(loop.network, loop.out, classes=loop.classes, preprocessing=loop.settings.preprocessing)


def _fit(loop: KerasLoop, progress: TrainingProgress) -> None:
    """Run the remaining epochs with Keras."""
    from keras.callbacks import LambdaCallback

    batches = build_dataset(loop.plan, workers=1 if loop.device == CPU else thread_count())

    def on_epoch_begin(epoch: int, logs: object) -> None:  # noqa: ARG001  (Keras passes it)
        batches.start_epoch(epoch + 1)  # Keras counts from 0
        _seed_dropout(loop.network, loop.plan.dropout_seed(epoch + 1))

    def on_train_batch_begin(step: int, logs: object) -> None:  # noqa: ARG001  (likewise)
        loop.network.optimizer.learning_rate = loop.plan.learning_rate_at(batches.epoch, step)

    def on_epoch_end(epoch: int, logs: Mapping[str, float]) -> None:
        progress.add(_validate_epoch(loop, epoch + 1, logs["loss"]))
        loop.network.stop_training = progress.is_finished

    try:
        loop.network.fit(
            batches,
            initial_epoch=len(progress.epochs),
            epochs=loop.settings.training.epochs,
            shuffle=False,  # the plan shuffles the batches of each epoch
            callbacks=[
                LambdaCallback(
                    on_epoch_begin=on_epoch_begin, on_epoch_end=on_epoch_end, on_train_batch_begin=on_train_batch_begin
                )
            ],
            verbose=0,
        )
    finally:
        batches.release()


def _seed_dropout(network: "keras.Model", seed: int) -> None:
    """Make dropout draw the same units, whether or not the training was interrupted before."""
    for layer in network.layers:
        if generator := getattr(layer, "seed_generator", None):
            generator.state.assign([seed, 0])


def _validate_epoch(loop: KerasLoop, number: int, train_loss: float) -> Epoch:
    check_finite_loss(train_loss, number)
    if loop.evaluation_network is not loop.network:
        set_weights(loop.evaluation_network, get_weights(loop.network))
    images, targets = loop.validation.images, loop.validation.targets
    starts = range(0, len(images), PREDICTION_BATCH_SIZE)
    logits = np.concatenate([loop.logits(images[start : start + PREDICTION_BATCH_SIZE]) for start in starts])
    return classifier_epoch(
        {
            "train_loss": float(train_loss),
            "val_loss": _cross_entropy(logits, targets, loop.plan.weights),
            "val_f1_macro": f1_macro(targets, logits.argmax(axis=1)),
            "learning_rate": loop.plan.last_learning_rate(number),
        },
        loop.settings.training.monitor,
    )


def _cross_entropy(logits: Floats, targets: Labels, weights: Floats) -> float:
    """Mean cross-entropy over the cases, weighted by class."""
    losses = -log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
    return float(np.average(losses, weights=weights[targets]))


def _gpu_peak_mb(device: str) -> float | None:
    import tensorflow as tf

    if device == CPU:
        return None
    return float(tf.config.experimental.get_memory_info(device)["peak"]) / 1e6

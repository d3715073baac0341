"""The training of the Keras rows: Keras's own ``fit``, told what every row is told."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_softmax

from arogya_bench.frameworks.batches import InMemorySplit, load_split
from arogya_bench.frameworks.early_stopping import (
    Epoch,
    best_epoch,
    check_finite_loss,
    check_trainable,
    f1_macro,
    should_stop,
)
from arogya_bench.frameworks.keras_batches import KerasPlan, build_dataset
from arogya_bench.frameworks.keras_checkpoint import (
    drop_checkpoint,
    get_weights,
    restore_checkpoint,
    save_checkpoint,
    set_weights,
)
from arogya_bench.frameworks.keras_network import (
    PREDICTION_BATCH_SIZE,
    compile_scorer,
    save_network,
)
from arogya_bench.frameworks.keras_runtime import (
    CPU,
    deterministic_ops,
    prepare_tensorflow,
    use_device,
)
from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing
from arogya_bench.frameworks.seeds import temporary_seed
from arogya_bench.runtime.threads import thread_count
from arogya_bench.types import FitReport, Floats, Labels, Subset, Training

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class KerasTraining:
    """What differs between the networks that go through the loop.

    Attributes:
        build_network: Builds the network for a number of classes and a precision, ``float32`` or
            ``mixed_float16``; it takes images as they are, and gives logits.
        learning_rate: Peak of the schedule.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
    """

    build_network: "Callable[[int, str], keras.Model]"
    preprocessing: Preprocessing
    training: Training
    learning_rate: float
    seed: int
    device: str


@dataclass(frozen=True, kw_only=True)
class KerasLoop:
    """A network under way, and what it is trained and judged on.

    Attributes:
        device: The device, in the words of TensorFlow.
        network: Compiled, at the precision of the training.
        evaluation_network: The same at full precision; the network itself where that is trained so.
        scores: From images to the logits of ``evaluation_network``.
        out: The folder of the fit.
    """

    recipe: KerasTraining
    device: str
    plan: KerasPlan
    network: "keras.Model"
    evaluation_network: "keras.Model"
    scores: Callable[[ImageStack], Floats]
    validation: InMemorySplit
    classes: tuple[str, ...]
    out: Path


def train_network(
    recipe: KerasTraining, train: Subset, validation: Subset, *, out: Path
) -> FitReport:
    """Train, and save in ``out`` the weights of the best epoch by validation macro F1.

    A training that was killed goes on from the last epoch that ``out`` holds, with the numbers
    that it would have had.

    Raises:
        ModelError: If a split is too small, the device is not there, TensorFlow computes with
            another number of threads already, or training diverges.
    """
    check_trainable(recipe.training, train, validation)
    place = prepare_tensorflow(recipe.device)
    with (
        _reproducible_context(recipe, place),
        _open_loop(recipe, train, validation, place, out) as loop,
    ):
        epochs = _resume(loop)
        if not _is_finished(loop, epochs):
            _fit(loop, epochs)
        peak = _gpu_peak_mb(place)
    drop_checkpoint(out)
    return FitReport(
        curves=tuple(epoch.metrics() for epoch in epochs),
        best_epoch=best_epoch(epochs).number,
        gpu_peak_mb=peak,
    )


@contextmanager
def _reproducible_context(recipe: KerasTraining, place: str) -> Iterator[None]:
    """Draw from the seed, on one device, and hand the caller's generators and settings back.

    TensorFlow does not tell its own seed, so that one stays as it is set here.
    """
    import keras
    import tensorflow as tf

    with ExitStack() as stack:
        stack.enter_context(temporary_seed(recipe.seed))
        stack.enter_context(deterministic_ops(recipe.training.deterministic))
        stack.enter_context(use_device(place))
        keras.utils.set_random_seed(recipe.seed)
        stack.callback(tf.get_logger().removeFilter, _is_not_retracing_warning)
        tf.get_logger().addFilter(_is_not_retracing_warning)
        if place != CPU:
            tf.config.experimental.reset_memory_stats(place)
        yield


def _is_not_retracing_warning(record: logging.LogRecord) -> bool:
    """Leave out a warning that fits in a row give rise to: each compiles its own step, once."""
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def _open_loop(
    recipe: KerasTraining, train: Subset, validation: Subset, place: str, out: Path
) -> Iterator[KerasLoop]:
    """Build the network, and give its memory back in the end.

    TensorFlow never forgets a step that it compiled, nor the variables that it moves: without
    this, every fit at 224 pixels would leave 300 MB in the process.
    """
    import tensorflow as tf

    loop = _build_loop(recipe, train, validation, place=place, out=out)
    try:
        yield loop
    finally:
        held = [
            *loop.network.variables,
            *loop.network.optimizer.variables,
            *loop.evaluation_network.variables,
        ]
        for variable in held:
            nothing = tf.zeros(0, variable.dtype)
            tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=nothing)


def _build_loop(
    recipe: KerasTraining, train: Subset, validation: Subset, *, place: str, out: Path
) -> KerasLoop:
    seen, held_out = (
        load_split(part, recipe.preprocessing.image_size) for part in (train, validation)
    )
    count = len(train.classes)
    network = recipe.build_network(count, "float32" if place == CPU else "mixed_float16")
    judged = network if place == CPU else recipe.build_network(count, "float32")
    _compile(network, recipe, mixed_precision=place != CPU)
    return KerasLoop(
        recipe=recipe,
        device=place,
        plan=KerasPlan(
            train=seen,
            training=recipe.training,
            learning_rate=recipe.learning_rate,
            class_count=count,
            seed=recipe.seed,
        ),
        network=network,
        evaluation_network=judged,
        scores=compile_scorer(judged, place),
        validation=held_out,
        classes=train.classes,
        out=out,
    )


def _compile(network: "keras.Model", recipe: KerasTraining, *, mixed_precision: bool) -> None:
    from keras import losses, optimizers

    adam = optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.training.weight_decay)
    network.compile(
        optimizer=optimizers.LossScaleOptimizer(adam) if mixed_precision else adam,
        loss=losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float32"),
        jit_compile=False,  # on a CPU, XLA computes convolutions more slowly
    )
    network.optimizer.build(network.trainable_variables)  # so that its state can be put back


def _resume(loop: KerasLoop) -> list[Epoch]:
    """The epochs that an interrupted training finished; its state is put back."""
    told = restore_checkpoint(loop.out, loop.network)
    epochs = [Epoch(**each) for each in json.loads(told)] if told else []
    if epochs:
        _save_if_best(loop, epochs)  # the kill may have come between a checkpoint and its weights
    return epochs


def _save_if_best(loop: KerasLoop, epochs: Sequence[Epoch]) -> None:
    """Save the weights if the last epoch is the best so far."""
    if best_epoch(epochs) is epochs[-1]:
        preprocessing = loop.recipe.preprocessing
        save_network(loop.network, loop.out, classes=loop.classes, preprocessing=preprocessing)


def _is_finished(loop: KerasLoop, epochs: Sequence[Epoch]) -> bool:
    training = loop.recipe.training
    return should_stop(epochs, patience=training.patience, max_epochs=training.epochs)


def _fit(loop: KerasLoop, epochs: list[Epoch]) -> None:
    """Hand the network to Keras for the epochs that are left; they are appended."""
    from keras.callbacks import LambdaCallback

    batches = build_dataset(loop.plan, workers=1 if loop.device == CPU else thread_count())

    def on_epoch_begin(epoch: int, logs: object) -> None:  # noqa: ARG001  (Keras passes it)
        batches.start_epoch(epoch + 1)  # Keras counts from 0
        _seed_dropout(loop.network, loop.plan.dropout_seed(epoch + 1))

    def on_train_batch_begin(step: int, logs: object) -> None:  # noqa: ARG001  (likewise)
        loop.network.optimizer.learning_rate = loop.plan.learning_rate_at(batches.epoch, step)

    def on_epoch_end(epoch: int, logs: Mapping[str, float]) -> None:
        epochs.append(_validate_epoch(loop, epoch + 1, logs["loss"]))
        save_checkpoint(loop.out, loop.network, json.dumps([asdict(each) for each in epochs]))
        _save_if_best(loop, epochs)
        loop.network.stop_training = _is_finished(loop, epochs)

    told = LambdaCallback(
        on_epoch_begin=on_epoch_begin,
        on_epoch_end=on_epoch_end,
        on_train_batch_begin=on_train_batch_begin,
    )
    try:
        loop.network.fit(
            batches,
            initial_epoch=len(epochs),
            epochs=loop.recipe.training.epochs,
            shuffle=False,  # the plan draws the batches, and their order, anew for each epoch
            callbacks=[told],
            verbose=0,
        )
    finally:
        batches.release()


def _seed_dropout(network: "keras.Model", seed: int) -> None:
    """Let dropout draw what it would have drawn, had the training not been interrupted."""
    for layer in network.layers:
        if generator := getattr(layer, "seed_generator", None):
            generator.state.assign([seed, 0])


def _validate_epoch(loop: KerasLoop, number: int, train_loss: float) -> Epoch:
    check_finite_loss(train_loss, number)
    if loop.evaluation_network is not loop.network:
        set_weights(loop.evaluation_network, get_weights(loop.network))
    images, targets = loop.validation.images, loop.validation.targets
    starts = range(0, len(images), PREDICTION_BATCH_SIZE)
    scores = np.concatenate(
        [loop.scores(images[start : start + PREDICTION_BATCH_SIZE]) for start in starts]
    )
    return Epoch(
        number=number,
        train_loss=float(train_loss),
        val_loss=_cross_entropy(scores, targets, loop.plan.weights),
        val_f1_macro=f1_macro(targets, scores.argmax(axis=1)),
        learning_rate=loop.plan.learning_rate_at(number, loop.plan.steps_per_epoch - 1),
    )


def _cross_entropy(scores: Floats, targets: Labels, weights: Floats) -> float:
    """The mean over the cases, weighted by class."""
    losses = -log_softmax(scores, axis=1)[np.arange(len(targets)), targets]
    return float(np.average(losses, weights=weights[targets]))


def _gpu_peak_mb(place: str) -> float | None:
    """The most memory that was held for tensors, in MB (10^6 bytes); None on a CPU."""
    import tensorflow as tf

    if place == CPU:
        return None
    return float(tf.config.experimental.get_memory_info(place)["peak"]) / 1e6

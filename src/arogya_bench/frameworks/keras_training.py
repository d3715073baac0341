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

from arogya_bench.frameworks.batches import Split, split_of
from arogya_bench.frameworks.early_stopping import (
    Epoch,
    best_of,
    ended,
    f1_macro,
    finite,
    require_trainable,
)
from arogya_bench.frameworks.keras_batches import Plan, dataset_of
from arogya_bench.frameworks.keras_checkpoint import (
    drop_checkpoint,
    restore_checkpoint,
    save_checkpoint,
    set_weights,
    weights_of,
)
from arogya_bench.frameworks.keras_network import AT_ONCE, save_network, scorer
from arogya_bench.frameworks.keras_runtime import CPU, computing, deterministic, ready
from arogya_bench.frameworks.preprocessing import ImageStack, Preprocessing
from arogya_bench.frameworks.seeds import seeded
from arogya_bench.runtime.threads import threads
from arogya_bench.types import FitReport, Floats, Labels, Subset, Training

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What differs between the networks that go through the loop.

    Attributes:
        network: Builds the network for a number of classes and a precision, ``float32`` or
            ``mixed_float16``; it takes images as they are, and gives logits.
        learning_rate: Peak of the schedule.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
    """

    network: "Callable[[int, str], keras.Model]"
    preprocessing: Preprocessing
    training: Training
    learning_rate: float
    seed: int
    device: str


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A network under way, and what it is trained and judged on.

    Attributes:
        place: The device, in the words of TensorFlow.
        network: Compiled, at the precision of the training.
        judged: The same at full precision; the network itself where that is trained so.
        scores: From images to the logits of ``judged``.
        out: The folder of the fit.
    """

    recipe: Recipe
    place: str
    plan: Plan
    network: "keras.Model"
    judged: "keras.Model"
    scores: Callable[[ImageStack], Floats]
    validation: Split
    classes: tuple[str, ...]
    out: Path


def train_network(recipe: Recipe, train: Subset, validation: Subset, *, out: Path) -> FitReport:
    """Train, and save in ``out`` the weights of the best epoch by validation macro F1.

    A training that was killed goes on from the last epoch that ``out`` holds, with the numbers
    that it would have had.

    Raises:
        ModelError: If a split is too small, the device is not there, TensorFlow computes with
            another number of threads already, or training diverges.
    """
    require_trainable(recipe.training, train, validation)
    place = ready(recipe.device)
    with _settled(recipe, place), _under_way(recipe, train, validation, place, out) as loop:
        epochs = _resumed(loop)
        if not _over(loop, epochs):
            _fit(loop, epochs)
        peak = _gpu_peak_mb(place)
    drop_checkpoint(out)
    return FitReport(
        curves=tuple(epoch.curve() for epoch in epochs),
        best_epoch=best_of(epochs).number,
        gpu_peak_mb=peak,
    )


@contextmanager
def _settled(recipe: Recipe, place: str) -> Iterator[None]:
    """Draw from the seed, on one device, and hand the caller's generators and settings back.

    TensorFlow does not tell its own seed, so that one stays as it is set here.
    """
    import keras
    import tensorflow as tf

    with ExitStack() as stack:
        stack.enter_context(seeded(recipe.seed))
        stack.enter_context(deterministic(recipe.training.deterministic))
        stack.enter_context(computing(place))
        keras.utils.set_random_seed(recipe.seed)
        stack.callback(tf.get_logger().removeFilter, _not_about_tracing)
        tf.get_logger().addFilter(_not_about_tracing)
        if place != CPU:
            tf.config.experimental.reset_memory_stats(place)
        yield


def _not_about_tracing(record: logging.LogRecord) -> bool:
    """Leave out a warning that fits in a row give rise to: each compiles its own step, once."""
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def _under_way(
    recipe: Recipe, train: Subset, validation: Subset, place: str, out: Path
) -> Iterator[Loop]:
    """Build the network, and give its memory back in the end.

    TensorFlow never forgets a step that it compiled, nor the variables that it moves: without
    this, every fit at 224 pixels would leave 300 MB in the process.
    """
    import tensorflow as tf

    loop = _loop(recipe, train, validation, place=place, out=out)
    try:
        yield loop
    finally:
        held = [*loop.network.variables, *loop.network.optimizer.variables, *loop.judged.variables]
        for variable in held:
            nothing = tf.zeros(0, variable.dtype)
            tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=nothing)


def _loop(recipe: Recipe, train: Subset, validation: Subset, *, place: str, out: Path) -> Loop:
    seen, held_out = (
        split_of(part, recipe.preprocessing.image_size) for part in (train, validation)
    )
    count = len(train.classes)
    network = recipe.network(count, "float32" if place == CPU else "mixed_float16")
    judged = network if place == CPU else recipe.network(count, "float32")
    _compile(network, recipe, halved=place != CPU)
    return Loop(
        recipe=recipe,
        place=place,
        plan=Plan(
            train=seen,
            training=recipe.training,
            learning_rate=recipe.learning_rate,
            classes=count,
            seed=recipe.seed,
        ),
        network=network,
        judged=judged,
        scores=scorer(judged, place),
        validation=held_out,
        classes=train.classes,
        out=out,
    )


def _compile(network: "keras.Model", recipe: Recipe, *, halved: bool) -> None:
    from keras import losses, optimizers

    adam = optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.training.weight_decay)
    network.compile(
        optimizer=optimizers.LossScaleOptimizer(adam) if halved else adam,
        loss=losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float32"),
        jit_compile=False,  # on a CPU, XLA computes convolutions more slowly
    )
    network.optimizer.build(network.trainable_variables)  # so that its state can be put back


def _resumed(loop: Loop) -> list[Epoch]:
    """The epochs that an interrupted training finished; its state is put back."""
    told = restore_checkpoint(loop.out, loop.network)
    epochs = [Epoch(**each) for each in json.loads(told)] if told else []
    if epochs:
        _keep_best(loop, epochs)  # the kill may have come between a checkpoint and its weights
    return epochs


def _keep_best(loop: Loop, epochs: Sequence[Epoch]) -> None:
    """Save the weights if the last epoch is the best so far."""
    if best_of(epochs) is epochs[-1]:
        preprocessing = loop.recipe.preprocessing
        save_network(loop.network, loop.out, classes=loop.classes, preprocessing=preprocessing)


def _over(loop: Loop, epochs: Sequence[Epoch]) -> bool:
    training = loop.recipe.training
    return ended(epochs, patience=training.patience, at_most=training.epochs)


def _fit(loop: Loop, epochs: list[Epoch]) -> None:
    """Hand the network to Keras for the epochs that are left; they are appended."""
    from keras.callbacks import LambdaCallback

    batches = dataset_of(loop.plan, workers=1 if loop.place == CPU else threads())

    def on_epoch_begin(epoch: int, logs: object) -> None:  # noqa: ARG001  (Keras passes it)
        batches.turn_to(epoch + 1)  # Keras counts from 0
        _seed_dropout(loop.network, loop.plan.dropout_seed(epoch + 1))

    def on_train_batch_begin(step: int, logs: object) -> None:  # noqa: ARG001  (likewise)
        loop.network.optimizer.learning_rate = loop.plan.rate(batches.epoch, step)

    def on_epoch_end(epoch: int, logs: Mapping[str, float]) -> None:
        epochs.append(_judged(loop, epoch + 1, logs["loss"]))
        save_checkpoint(loop.out, loop.network, json.dumps([asdict(each) for each in epochs]))
        _keep_best(loop, epochs)
        loop.network.stop_training = _over(loop, epochs)

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
        batches.let_go()


def _seed_dropout(network: "keras.Model", seed: int) -> None:
    """Let dropout draw what it would have drawn, had the training not been interrupted."""
    for layer in network.layers:
        if generator := getattr(layer, "seed_generator", None):
            generator.state.assign([seed, 0])


def _judged(loop: Loop, number: int, train_loss: float) -> Epoch:
    finite(train_loss, number)
    if loop.judged is not loop.network:
        set_weights(loop.judged, weights_of(loop.network))
    images, targets = loop.validation.images, loop.validation.targets
    starts = range(0, len(images), AT_ONCE)
    scores = np.concatenate([loop.scores(images[start : start + AT_ONCE]) for start in starts])
    return Epoch(
        number=number,
        train_loss=float(train_loss),
        val_loss=_cross_entropy(scores, targets, loop.plan.weights),
        val_f1_macro=f1_macro(targets, scores.argmax(axis=1)),
        learning_rate=loop.plan.rate(number, loop.plan.per_epoch - 1),
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

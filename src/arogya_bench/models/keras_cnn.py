"""The Keras row: two convolutions and a dense layer, trained from scratch with TensorFlow."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.frameworks.keras_network import load_network
from arogya_bench.frameworks.keras_runtime import check_keras
from arogya_bench.frameworks.keras_training import KerasTraining, train_network
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.models.field_checks import check_dropout, check_image_size, check_positive
from arogya_bench.types import FitReport, Predictor, Subset, Training

if TYPE_CHECKING:
    import keras

FORMS = ("sequential", "functional")


@dataclass(frozen=True, kw_only=True)
class KerasConvNet:
    """Convolutions of 32 and 64 channels, a dense layer of 128 and dropout.

    As specified, the map of the second convolution is flattened and not averaged: at 224 pixels,
    56 x 56 x 64 = 200,704 numbers enter the dense layer, which makes for 25.7 million weights.

    Attributes:
        image_size: Pixels after resizing, at least 4.
        form: How the layers are put together, ``sequential`` or ``functional``; they are the
            same, and so are the numbers.
        dropout: Share of the dense units that training leaves out, 0 to below 1.
        learning_rate: Peak rate; None means that of the training.
    """

    image_size: int = 224
    form: str = "sequential"
    dropout: float = 0.5
    learning_rate: float | None = None
    adapter_name: ClassVar[str] = "keras_cnn"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = "tensorflow"

    def __post_init__(self) -> None:
        check_image_size(self.image_size, at_least=4)
        check_positive(learning_rate=self.learning_rate)
        if self.form not in FORMS:
            raise ConfigError(
                f"form is {self.form!r}.{did_you_mean(self.form, FORMS)}",
                fix=f"set model.form to {' or '.join(FORMS)}.",
            )
        check_dropout(self.dropout)

    def check(self, *, device: str) -> None:
        """Raise Fixable if TensorFlow, Keras or the device is missing."""
        check_keras(device)

    def fit(
        self,
        train: Subset,
        validation: Subset,
        *,
        training: Training,
        seed: int,
        device: str,
        out: Path,
    ) -> FitReport:
        """Train from random weights; the best epoch by validation macro F1 stays."""
        recipe = KerasTraining(
            build_network=self._build_network,
            preprocessing=self._preprocessing,
            training=training,
            learning_rate=self.learning_rate or training.learning_rate,
            seed=seed,
            device=device,
        )
        return train_network(recipe, train, validation, out=out)

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor:
        """Read what ``fit`` left; refuse other classes, another image size, damaged files."""
        return load_network(
            self._build_network,
            weights,
            classes=classes,
            preprocessing=self._preprocessing,
            device=device,
        )

    @property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(image_size=self.image_size, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))

    def _build_network(self, classes: int, precision: str = "float32") -> "keras.Model":
        import keras

        images = keras.Input((self.image_size, self.image_size, 3), dtype="uint8", name="images")
        layers = self._build_layers(classes, precision)
        if self.form == "sequential":
            return keras.Sequential([images, *layers])
        values = images
        for layer in layers:
            values = layer(values)
        return keras.Model(images, values)

    def _build_layers(self, classes: int, precision: str) -> "list[keras.Layer]":
        from keras import layers

        # Said for each layer, since a keras.json in the home folder may say otherwise.
        plain = {"dtype": precision}
        maps = {"data_format": "channels_last", **plain}
        convolution = {"kernel_size": 3, "padding": "same", "activation": "relu", **maps}
        return [
            # The mean and the standard deviation of the preprocessing, both 0.5, in one step.
            layers.Rescaling(1 / 127.5, offset=-1.0, dtype="float32", name="rescaling"),
            layers.Conv2D(32, name="conv1", **convolution),
            layers.MaxPooling2D(2, name="pool1", **maps),
            layers.Conv2D(64, name="conv2", **convolution),
            layers.MaxPooling2D(2, name="pool2", **maps),
            layers.Flatten(name="flatten", **maps),
            layers.Dense(128, activation="relu", name="hidden", **plain),
            layers.Dropout(self.dropout, name="dropout", **plain),
            layers.Dense(classes, dtype="float32", name="classes"),  # logits at full precision
        ]

"""The Keras CNN: two convolutions and a dense layer, trained from scratch with TensorFlow."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.frameworks import keras_network, keras_training
from arogya_bench.frameworks.keras_runtime import check_keras
from arogya_bench.models.field_checks import check_choice, check_dropout
from arogya_bench.models.network_classifier import NetworkClassifier

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class KerasConvNet(NetworkClassifier):
    """Convolutions of 32 and 64 channels, a dense layer of 128 and dropout.

    The map of the second convolution is flattened, not averaged: at 224 pixels, 56 x 56 x 64 = 200,704 numbers enter
    the dense layer, which gives it 25.7 million weights.

    Attributes:
        image_size: Pixels after resizing, at least 4.
        form: Keras API that builds the network, ``sequential`` or ``functional``; the layers and the results are the
            same.
        dropout: Share of the dense units dropped in training, from 0 to below 1.
        learning_rate: Peak rate; None means that of the training.
    """

    image_size: int = 224
    form: str = "sequential"
    dropout: float = 0.5
    learning_rate: float | None = None
    adapter_name: ClassVar[str] = "keras_cnn"
    adapter_version: ClassVar[int] = 1
    commercial_use: ClassVar[bool] = True  # trained from random weights
    extra: ClassVar[str | None] = "tensorflow"
    min_image_size: ClassVar[int] = 4
    _train_network = staticmethod(keras_training.train_network)
    _load_network = staticmethod(keras_network.load_network)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("form", self.form, ("sequential", "functional"))
        check_dropout(self.dropout)

    def _check_framework(self, device: str) -> None:
        check_keras(device)

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

        # Stated for each layer, since a keras.json in the home folder may set other defaults.
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

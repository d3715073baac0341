"""The custom network: three convolutions, trained from scratch."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.frameworks.devices import check_torch
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.torch_network import load_network
from arogya_bench.frameworks.torch_training import TorchTraining, train_network
from arogya_bench.models.field_checks import check_dropout, check_image_size, check_positive
from arogya_bench.types import FitReport, Predictor, Subset, Training

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class ConvNet:
    """Convolutions of 32, 64 and 128 channels, a hidden layer of 256 and dropout.

    Attributes:
        image_size: Pixels after resizing, at least 8.
        pool: Height and width of the map that the convolutions are averaged to; 1 is one number
            per channel.
        dropout: Share of the hidden units that training leaves out, 0 to below 1.
        learning_rate: Peak rate; None means that of the training.
    """

    image_size: int = 224
    pool: int = 1
    dropout: float = 0.5
    learning_rate: float | None = None
    adapter_name: ClassVar[str] = "pytorch_cnn"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = "torch"

    def __post_init__(self) -> None:
        check_image_size(self.image_size, at_least=8)
        check_positive(learning_rate=self.learning_rate, pool=self.pool)
        check_dropout(self.dropout)

    def check(self, *, device: str) -> None:
        """Raise Fixable if PyTorch or the device is missing."""
        check_torch(device)

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
        recipe = TorchTraining(
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

    def _build_network(self, classes: int) -> "torch.nn.Module":
        from torch import nn

        layers: dict[str, torch.nn.Module] = {
            "conv1": nn.Conv2d(3, 32, kernel_size=3, padding=1),
            "relu1": nn.ReLU(inplace=True),
            "pool1": nn.MaxPool2d(2),
            "conv2": nn.Conv2d(32, 64, kernel_size=3, padding=1),
            "relu2": nn.ReLU(inplace=True),
            "pool2": nn.MaxPool2d(2),
            "conv3": nn.Conv2d(64, 128, kernel_size=3, padding=1),
            "relu3": nn.ReLU(inplace=True),
            "pool3": nn.AdaptiveAvgPool2d(self.pool),
            "flatten": nn.Flatten(),
            "hidden": nn.Linear(128 * self.pool**2, 256),
            "relu4": nn.ReLU(inplace=True),
            "dropout": nn.Dropout(self.dropout),
            "classes": nn.Linear(256, classes),
        }
        return nn.Sequential(OrderedDict(layers))

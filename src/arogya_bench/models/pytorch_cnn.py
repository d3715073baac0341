"""The PyTorch CNN: three convolutions, trained from scratch."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.models.field_checks import check_dropout, check_positive
from arogya_bench.models.network_classifier import NetworkClassifier

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class ConvNet(NetworkClassifier):
    """Convolutions of 32, 64 and 128 channels, a hidden layer of 256 and dropout.

    Attributes:
        image_size: Pixels after resizing, at least 8.
        pool: Height and width that the last feature map is averaged to; 1 is global average pooling.
        dropout: Share of the hidden units dropped in training, from 0 to below 1.
        learning_rate: Peak rate; None means that of the training.
    """

    image_size: int = 224
    pool: int = 1
    dropout: float = 0.5
    learning_rate: float | None = None
    adapter_name: ClassVar[str] = "pytorch_cnn"
    adapter_version: ClassVar[int] = 1
    extra: ClassVar[str | None] = "torch"
    min_image_size: ClassVar[int] = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(pool=self.pool)
        check_dropout(self.dropout)

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

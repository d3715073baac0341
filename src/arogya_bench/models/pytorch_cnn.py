"""The PyTorch CNNs: a few convolutions, trained from scratch."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.models.field_checks import check_channels, check_dropout, check_image_size, check_positive
from arogya_bench.models.network_classifier import NetworkClassifier

if TYPE_CHECKING:
    import torch

HIDDEN_UNITS = 256
UNLESS_DEFAULT = {"identity": "unless default"}  # fits from before these fields keep their keys


@dataclass(frozen=True, kw_only=True)
class ConvNet(NetworkClassifier):
    """Convolutions with pooling between them, a hidden layer of 256 and dropout.

    Attributes:
        image_size: Pixels after resizing, at least 8; twice as many for each convolution after the fourth.
        pool: Height and width that the last feature map is averaged to; 1 is global average pooling.
        channels: Output channels of each convolution.
        batch_norm: Whether each convolution is followed by batch normalisation.
        dropout: Share of the hidden units dropped in training, from 0 to below 1.
        learning_rate: Peak rate; None means that of the training.
    """

    image_size: int = 224
    pool: int = 1
    channels: list[int] = field(default_factory=lambda: [32, 64, 128], metadata=UNLESS_DEFAULT)
    batch_norm: bool = field(default=False, metadata=UNLESS_DEFAULT)
    dropout: float = 0.5
    learning_rate: float | None = None
    adapter_name: ClassVar[str] = "pytorch_cnn"
    adapter_version: ClassVar[int] = 1
    commercial_use: ClassVar[bool] = True  # trained from random weights
    extra: ClassVar[str | None] = "torch"
    min_image_size: ClassVar[int] = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_channels(self.channels)
        check_image_size(self.image_size, at_least=2 ** (len(self.channels) - 1))
        check_positive(pool=self.pool)
        check_dropout(self.dropout)

    def _build_network(self, classes: int) -> "torch.nn.Module":
        from torch import nn

        layers: dict[str, torch.nn.Module] = {}
        count = len(self.channels)
        for number, (before, after) in enumerate(pairwise((3, *self.channels)), start=1):
            layers[f"conv{number}"] = nn.Conv2d(before, after, kernel_size=3, padding=1)
            if self.batch_norm:
                layers[f"norm{number}"] = nn.BatchNorm2d(after)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
            layers[f"pool{number}"] = nn.MaxPool2d(2) if number < count else nn.AdaptiveAvgPool2d(self.pool)
        layers |= {
            "flatten": nn.Flatten(),
            "hidden": nn.Linear(self.channels[-1] * self.pool**2, HIDDEN_UNITS),
            f"relu{count + 1}": nn.ReLU(inplace=True),
            "dropout": nn.Dropout(self.dropout),
            "classes": nn.Linear(HIDDEN_UNITS, classes),
        }
        return nn.Sequential(OrderedDict(layers))

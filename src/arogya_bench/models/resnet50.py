"""ResNet-50, trained from ImageNet weights, from a file, or from scratch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.frameworks.torch_weights import NetworkFamily
from arogya_bench.frameworks.torchvision_weights import (
    fetch_imagenet_file,
    find_fitting_architecture,
    find_imagenet_file,
)
from arogya_bench.frameworks.weight_files import WeightFile
from arogya_bench.models.network_classifier import PretrainedClassifier

if TYPE_CHECKING:
    import torch

FAMILY = NetworkFamily(name="a ResNet-50", source="torchvision's resnet50", pretrained_option="imagenet")


@dataclass(frozen=True, kw_only=True)
class ResNet50(PretrainedClassifier):
    """torchvision's ResNet-50, all layers trained.

    Attributes:
        image_size: Pixels after resizing, at least 32.
        weights: Where training starts: ``none`` (random weights), ``imagenet``, or the path of a state dict.
        download: Whether ``imagenet`` may download its file (98 MB) if it is not cached.
        learning_rate: Peak rate; None means 1e-4 from weights, and that of the training from none.
        trained_on: Datasets that its weights were fitted on, as far as you know; the gate stops a run on one of them.
    """

    image_size: int = 224
    weights: str = "none"
    download: bool = field(default=False, metadata={"identity": False})
    learning_rate: float | None = None
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "resnet50"
    adapter_version: ClassVar[int] = 1
    extra: ClassVar[str | None] = "torch"
    min_image_size: ClassVar[int] = 32
    channel_mean: ClassVar[tuple[float, float, float]] = (0.485, 0.456, 0.406)  # of ImageNet
    channel_std: ClassVar[tuple[float, float, float]] = (0.229, 0.224, 0.225)

    @property
    def family(self) -> NetworkFamily:
        """Names of the architecture."""
        return FAMILY

    def _build_network(self, classes: int) -> "torch.nn.Module":
        from torchvision.models import resnet50

        return resnet50(weights=None, num_classes=classes)

    def _find_pretrained(self) -> Path:
        return find_imagenet_file("resnet50", download=self.download)

    def _fetch_pretrained(self) -> Path:
        return fetch_imagenet_file("resnet50", download=self.download)

    def _find_fitting(self, found: WeightFile) -> str | None:
        return find_fitting_architecture(found, "resnet50")

"""Any classifier of torchvision by its name, from random weights, ImageNet or a file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from arogya_bench.errors import ModelError, did_you_mean
from arogya_bench.frameworks.devices import check_torch
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.torch_weights import NetworkFamily
from arogya_bench.frameworks.torchvision_weights import (
    fetch_imagenet_file,
    find_fitting_architecture,
    find_imagenet_file,
)
from arogya_bench.frameworks.weight_files import WeightFile
from arogya_bench.models.architecture_classifier import ArchitectureClassifier

if TYPE_CHECKING:
    import torch

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WITHOUT_AUXILIARY = ("googlenet", "inception_v3")  # their further outputs only help training


@dataclass(frozen=True, kw_only=True)
class TorchvisionModel(ArchitectureClassifier):
    """A classifier of torchvision, trained from weights, or evaluated with them as they are.

    Attributes:
        architecture: Its name in torchvision, such as ``resnet18``, ``convnext_tiny`` or ``vit_b_16``.
        image_size: Pixels after resizing.
        weights: ``none`` (random weights), ``imagenet``, or the path of a checkpoint or a file of safetensors.
        trained: ``all`` layers, the ``head``: the last layer on frozen features, or ``none``: the weights are final.
        classes: Of final weights, in the order of the outputs; empty if the file states them.
        mean: Subtracted per channel, on the [0, 1] scale; empty for ImageNet's.
        std: Divided by per channel, on the [0, 1] scale; empty for ImageNet's.
        download: Whether ``imagenet`` may download its file if it is not cached.
        learning_rate: Peak rate; None means 1e-4 for all layers from weights, and that of the training for a head or
            from none.
        trained_on: Datasets that its weights were fitted on, as far as you know; the gate stops a run on one of them.
    """

    architecture: str = "resnet18"
    image_size: int = 224
    weights: str = "none"
    trained: str = "all"
    classes: list[str] = field(default_factory=list)
    mean: list[float] = field(default_factory=list)
    std: list[float] = field(default_factory=list)
    download: bool = field(default=False, metadata={"identity": False})
    learning_rate: float | None = None
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "torchvision_model"
    adapter_version: ClassVar[int] = 1
    extra: ClassVar[str | None] = "torch"
    min_image_size: ClassVar[int] = 8

    @property
    def library(self) -> str:
        """The package that builds the network."""
        return "torchvision"

    @property
    def family(self) -> NetworkFamily:
        """Names of the architecture."""
        source = f"torchvision's {self.architecture}"
        return NetworkFamily(name=source, source=source, pretrained_option="imagenet")

    @property
    def _preprocessing(self) -> Preprocessing:
        mean, std = tuple(self.mean) or IMAGENET_MEAN, tuple(self.std) or IMAGENET_STD
        return Preprocessing(image_size=self.image_size, mean=mean, std=std)  # type: ignore[arg-type]

    def _check_framework(self, device: str) -> None:
        check_torch(device)
        from torchvision import models

        known = models.list_models(module=models)
        if self.architecture not in known:
            raise ModelError(
                f"torchvision has no classifier {self.architecture!r}.{did_you_mean(self.architecture, known)}",
                fix="set model.architecture to one of torchvision.models, such as resnet18, convnext_tiny or vit_b_16.",
            )
        self._check_architecture()

    def _build_network(self, classes: int) -> "torch.nn.Module":
        from torchvision.models import get_model

        options: dict[str, Any] = {}
        if self.architecture.startswith("vit_"):
            options["image_size"] = self.image_size
        elif self.architecture.startswith("maxvit"):
            options["input_size"] = (self.image_size, self.image_size)
        elif self.architecture in WITHOUT_AUXILIARY:
            options |= {"aux_logits": False, "init_weights": True}
        network: torch.nn.Module = get_model(self.architecture, weights=None, num_classes=classes, **options)
        return network

    def _find_pretrained(self) -> Path:
        return find_imagenet_file(self.architecture, download=self.download)

    def _fetch_pretrained(self) -> Path:
        return fetch_imagenet_file(self.architecture, download=self.download)

    def _find_fitting(self, found: WeightFile) -> str | None:
        return find_fitting_architecture(found, self.architecture)

"""Any classifier of timm by its name, from random weights or a file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from arogya_bench.errors import ModelError, did_you_mean
from arogya_bench.frameworks.devices import check_torch
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.torch_weights import NetworkFamily
from arogya_bench.models.architecture_classifier import ArchitectureClassifier

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class TimmModel(ArchitectureClassifier):
    """A classifier of timm (PyTorch Image Models), trained from weights, or evaluated with them as they are.

    Attributes:
        architecture: Its name in timm, such as ``resnet18``, ``convnext_tiny`` or ``vit_small_patch16_224``.
        image_size: Pixels after resizing.
        weights: ``none`` (random weights), or the path of a checkpoint or a file of safetensors.
        trained: ``all`` layers, the ``head``: the last layer on frozen features, or ``none``: the weights are final.
        classes: Of final weights, in the order of the outputs; empty if the file states them.
        mean: Subtracted per channel, on the [0, 1] scale; empty for that of the architecture in timm.
        std: Divided by per channel, on the [0, 1] scale; empty for that of the architecture in timm.
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
    learning_rate: float | None = None
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "timm_model"
    adapter_version: ClassVar[int] = 1
    extra: ClassVar[str | None] = "timm"
    min_image_size: ClassVar[int] = 8

    @property
    def library(self) -> str:
        """The package that builds the network."""
        return "timm"

    @property
    def family(self) -> NetworkFamily:
        """Names of the architecture."""
        source = f"timm's {self.architecture}"
        return NetworkFamily(name=source, source=source, pretrained_option=None)

    @property
    def _preprocessing(self) -> Preprocessing:
        stated = self._pretrained_settings()
        mean, std = tuple(self.mean) or tuple(stated.mean), tuple(self.std) or tuple(stated.std)
        return Preprocessing(image_size=self.image_size, mean=mean, std=std)  # type: ignore[arg-type]

    def _check_framework(self, device: str) -> None:
        check_torch(device, "timm", "timm")
        import timm

        if not timm.is_model(self.architecture):
            raise ModelError(
                f"timm has no model {self.architecture!r}.{did_you_mean(self.architecture, timm.list_models())}",
                fix="set model.architecture to a name that timm.list_models() has, such as resnet18.",
            )
        self._check_architecture()

    def _build_network(self, classes: int) -> "torch.nn.Module":
        import timm

        options = {"img_size": self.image_size} if self._pretrained_settings().fixed_input_size else {}
        network: torch.nn.Module = timm.create_model(
            self.architecture, pretrained=False, num_classes=classes, **options
        )
        return network

    def _pretrained_settings(self) -> Any:
        """What timm states of the published weights of an architecture; of one without, its usual values."""
        from timm.models import PretrainedCfg, get_pretrained_cfg

        return get_pretrained_cfg(self.architecture) or PretrainedCfg()

    def _find_pretrained(self) -> Path:
        raise ModelError("timm's published weights are not fetched.", fix="set model.weights to their file.")

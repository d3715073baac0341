"""What the YOLOv8 classifier and detector have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from arogya_bench.frameworks.checks_once import check_once
from arogya_bench.frameworks.devices import check_torch, torch_device
from arogya_bench.frameworks.early_stopping import check_trainable
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.torch_weights import FINE_TUNING_RATE
from arogya_bench.frameworks.ultralytics_hooks import TrainerOverrides, YoloPlan
from arogya_bench.frameworks.ultralytics_network import find_start_weights, load_start_weights
from arogya_bench.frameworks.ultralytics_training import isolate_ultralytics, train_yolo
from arogya_bench.models.field_checks import check_image_size, check_positive
from arogya_bench.types import FitReport, Subset, Training

if TYPE_CHECKING:
    import torch

CHECKED_CLASSES = ("a", "b")  # for which weights are checked before the classes are known
MIN_IMAGE_SIZE = 32  # the largest stride of the network


class YOLOv8(ABC):
    """Base of the adapters; the subclass is a frozen dataclass with the fields declared here.

    It is not generic in its split, because OmegaConf takes generic dataclasses for mappings.
    """

    image_size: int
    weights: str
    learning_rate: float | None
    extra: ClassVar[str | None] = "yolo"
    licence: ClassVar[str] = (
        "AGPL-3.0, that of Ultralytics: software that builds on it and is distributed, or offered over a network, must "
        "meet that licence, unless another one is bought"
    )
    commercial_use: ClassVar[bool] = False  # unless a licence is bought, which the user may state
    head_prefix: ClassVar[str]  # of the weights that depend on the classes

    def __post_init__(self) -> None:
        check_image_size(self.image_size, at_least=MIN_IMAGE_SIZE)
        check_positive(learning_rate=self.learning_rate)

    def check(self, *, device: str) -> None:
        """Raise UserError if Ultralytics, the device or the weights to start from are missing."""
        check_torch(device, "yolo", "torchvision", "ultralytics")
        if file := find_start_weights(self.weights):
            check_once(self._check_file, file, repr(self))

    def _check_file(self, file: Path) -> None:
        """Raise ModelError for weights of another network; those of its head depend on the classes."""
        with isolate_ultralytics():
            network = self._build_network(len(CHECKED_CLASSES))
            load_start_weights(network, file, head_prefix=self.head_prefix, classes=CHECKED_CLASSES)

    def fit(
        self, train: Subset, validation: Subset, *, training: Training, seed: int, device: str, out: Path
    ) -> FitReport:
        """Train every layer, and keep the weights of the best epoch."""
        check_trainable(training, train, validation)
        torch_name, start = torch_device(device), find_start_weights(self.weights)
        train_split, validation_split = (self._load_split(part) for part in (train, validation))
        self._check_split(train_split)
        with isolate_ultralytics(seed, torch_name):
            network = self._build_network(len(train.classes))
            origin = load_start_weights(network, start, head_prefix=self.head_prefix, classes=train.classes)
            plan = YoloPlan(
                network=network,
                classes=train.classes,
                train=train_split,
                validation=validation_split,
                preprocessing=self._preprocessing,
                training=training,
                learning_rate=self.learning_rate or (FINE_TUNING_RATE if start else training.learning_rate),
                seed=seed,
                device=torch_name,
                out=out,
            )
            report = train_yolo(self._trainer_class(), plan, self._settings(training))
        return replace(report, notes=(*report.notes, origin, *self._notes(plan)))

    @property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(image_size=self.image_size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    @abstractmethod
    def _load_split(self, subset: Subset) -> Any:
        """Read images and targets into memory."""

    def _check_split(self, split: Any) -> None:
        """Raise DatasetError if there is nothing to learn from."""
        del split

    @abstractmethod
    def _build_network(self, classes: int) -> "torch.nn.Module":
        """Build the network with random weights, within ``isolate_ultralytics``."""

    @abstractmethod
    def _trainer_class(self) -> type[TrainerOverrides[Any]]:
        """Define the trainer, within ``isolate_ultralytics``."""

    def _settings(self, training: Training) -> dict[str, Any]:
        """Return the settings of Ultralytics that differ between the models."""
        del training
        return {"close_mosaic": 0}

    def _notes(self, plan: YoloPlan[Any]) -> Iterator[str]:
        """Return what the report of the fit should mention."""
        del plan
        yield from ()

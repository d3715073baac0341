"""What classifiers that train one PyTorch or Keras network have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from arogya_bench.errors import ConfigError
from arogya_bench.frameworks import torch_network, torch_training
from arogya_bench.frameworks.batches import NetworkTraining
from arogya_bench.frameworks.devices import check_torch
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.torch_weights import FINE_TUNING_RATE, NetworkFamily, StateDict
from arogya_bench.models.field_checks import check_image_size, check_positive
from arogya_bench.types import FitReport, Subset, Training


class TrainingStart(NamedTuple):
    """Builder of a network with its initial weights, default peak learning rate, notes for the report of the fit."""

    build_network: Callable[..., Any]
    learning_rate: float
    notes: tuple[str, ...] = ()


class NetworkClassifier(ABC):
    """Base of adapters; the subclass is a frozen dataclass with the fields declared here."""

    image_size: int
    learning_rate: float | None
    task: ClassVar[str] = "classification"
    min_image_size: ClassVar[int]
    mean: ClassVar[tuple[float, float, float]] = (0.5, 0.5, 0.5)
    std: ClassVar[tuple[float, float, float]] = (0.5, 0.5, 0.5)
    # Those of Keras have the same signatures.
    _train_network = staticmethod(torch_training.train_network)
    _load_network = staticmethod(torch_network.load_network)

    def __post_init__(self) -> None:
        check_image_size(self.image_size, at_least=self.min_image_size)
        check_positive(learning_rate=self.learning_rate)

    def check(self, *, device: str) -> None:
        """Raise UserError if the framework, the device or the weights to start from are missing."""
        self._check_framework(device)

    def _check_framework(self, device: str) -> None:
        check_torch(device)

    def fit(
        self, train: Subset, validation: Subset, *, training: Training, seed: int, device: str, out: Path
    ) -> FitReport:
        """Train, and keep the weights of the best epoch by validation macro F1."""
        start = self._start(len(train.classes), training)
        settings = NetworkTraining(
            build_network=start.build_network,
            preprocessing=self._preprocessing,
            training=training,
            learning_rate=self.learning_rate or start.learning_rate,
            seed=seed,
            device=device,
        )
        report = self._train_network(settings, train, validation, out=out)
        return replace(report, notes=(*report.notes, *start.notes))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> PredictionSteps:
        """Load a fit; refuse other classes, another image size, damaged files."""
        return self._load_network(
            self._build_network, weights, classes=classes, preprocessing=self._preprocessing, device=device
        )

    @property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(image_size=self.image_size, mean=self.mean, std=self.std)

    def _start(self, classes: int, training: Training) -> TrainingStart:
        del classes
        return TrainingStart(build_network=self._build_network, learning_rate=training.learning_rate)

    @abstractmethod
    def _build_network(self, classes: int) -> Any:
        """Build the network with random weights."""


class PretrainedClassifier(NetworkClassifier):
    """A PyTorch network that may start from published weights, or from a file."""

    weights: str  # none, the ``pretrained_option`` of the family, or the path of a state dict
    family: ClassVar[NetworkFamily]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.weights:
            raise ConfigError(
                "weights is empty.", fix=f"set model.weights={self.family.pretrained_option}, none or a path."
            )

    def check(self, *, device: str) -> None:
        """Raise UserError if a package, the device or the weights to start from are missing."""
        super().check(device=device)
        if self._is_pretrained:
            self._find_pretrained()
        elif self.weights != "none":
            self.family.find_file(self.weights)

    def _start(self, classes: int, training: Training) -> TrainingStart:
        state = self._initial_weights(classes)
        return TrainingStart(
            build_network=lambda count: self._build_initialised(count, state),
            learning_rate=self._default_rate(training, random_weights=state is None),
            notes=(self._describe_origin(state),),
        )

    @property
    def _is_pretrained(self) -> bool:
        return self.weights == self.family.pretrained_option

    def _initial_weights(self, classes: int) -> StateDict | None:
        """Read the weights to start from, without a head for another number of classes."""
        if self.weights == "none":
            return None
        if self._is_pretrained:
            state = self._read_pretrained()
        else:
            state = self.family.read(self.family.find_file(self.weights))
        return self.family.without_other_head(state, classes, drop_head=self._is_pretrained)

    def _build_initialised(self, classes: int, state: StateDict | None) -> Any:
        return self.family.initialise(self._build_network(classes), state)

    def _default_rate(self, training: Training, *, random_weights: bool) -> float:
        return training.learning_rate if random_weights else FINE_TUNING_RATE

    def _describe_origin(self, state: StateDict | None) -> str:
        if state is None:
            return "trained from random weights"
        name = "ImageNet" if self._is_pretrained else Path(self.weights).name
        head = "kept" if f"{self.family.head_prefix}weight" in state else "initialised randomly for these classes"
        return f"started from {name} weights; the last layer was {head}"

    @abstractmethod
    def _find_pretrained(self) -> Path:
        """Return the file of the published weights; raise UserError if it is missing."""

    def _read_pretrained(self) -> StateDict:
        return self.family.read(self._find_pretrained())

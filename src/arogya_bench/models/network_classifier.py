"""What classifiers that train one PyTorch or Keras network have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from arogya_bench.errors import ConfigError
from arogya_bench.frameworks import torch_network, torch_training
from arogya_bench.frameworks.batches import NetworkTraining
from arogya_bench.frameworks.checks_once import check_once
from arogya_bench.frameworks.devices import check_torch
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.frameworks.preprocessing import Preprocessing
from arogya_bench.frameworks.torch_weights import (
    FINE_TUNING_RATE,
    NetworkFamily,
    StartWeights,
    WeightsMismatch,
    read_start_file,
)
from arogya_bench.frameworks.weight_files import WeightFile
from arogya_bench.frameworks.weight_matching import describe_network
from arogya_bench.models.field_checks import check_image_size, check_positive
from arogya_bench.types import FitReport, Subset, Training

CHECKED_CLASSES = 2  # for which weights are checked before the classes are known


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
    channel_mean: ClassVar[tuple[float, float, float]] = (0.5, 0.5, 0.5)
    channel_std: ClassVar[tuple[float, float, float]] = (0.5, 0.5, 0.5)
    # Those of Keras have the same signatures.
    _train_network = staticmethod(torch_training.train_network)
    _load_network: ClassVar[Callable[..., PredictionSteps]] = staticmethod(torch_network.load_network)

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
        """Train, and keep the weights of the best epoch by the monitored validation score."""
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
        return Preprocessing(image_size=self.image_size, mean=self.channel_mean, std=self.channel_std)

    def _start(self, classes: int, training: Training) -> TrainingStart:
        del classes
        return TrainingStart(build_network=self._build_network, learning_rate=training.learning_rate)

    @abstractmethod
    def _build_network(self, classes: int) -> Any:
        """Build the network with random weights."""


class PretrainedClassifier(NetworkClassifier):
    """A PyTorch network that may start from published weights, or from a file."""

    weights: str  # none, the ``pretrained_option`` of the family, or the path of a file of weights

    @property
    @abstractmethod
    def family(self) -> NetworkFamily:
        """Names of the architecture."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.weights:
            raise ConfigError("weights is empty.", fix=f"set model.weights={', '.join(self.family.options)} or a path.")

    def check(self, *, device: str) -> None:
        """Raise UserError if a package, the device or the weights to start from are missing or do not fit."""
        super().check(device=device)
        if self._is_pretrained:
            self._find_pretrained()
        elif self.weights != "none":
            check_once(self._check_file, self.family.find_file(self.weights), repr(self))

    def _check_file(self, file: Path) -> None:
        """Raise ModelError for weights of another network; those of its last layer depend on the dataset."""
        self._load_weights(read_start_file(file), CHECKED_CLASSES)

    def _load_weights(self, found: WeightFile, classes: int, *, needs_head: bool = False) -> StartWeights:
        """Pick the weights of the network out of a file, or say which network they fit instead."""
        try:
            return self.family.load(found, self._build_network, classes, needs_head=needs_head)
        except WeightsMismatch as error:
            if fitting := self._find_fitting(found):
                raise WeightsMismatch(
                    f"{error.problem} They fit torchvision's {fitting}.",
                    fix=f"set model=torchvision_model model.architecture={fitting}, or {error.fix}",
                ) from error
            raise

    def _find_fitting(self, found: WeightFile) -> str | None:
        """Name a classifier of torchvision that weights fit which do not fit this network."""
        del found
        return None

    def _start(self, classes: int, training: Training) -> TrainingStart:
        start = self._initial_weights(classes)
        return TrainingStart(
            build_network=lambda count: self._build_initialised(count, start),
            learning_rate=self._default_rate(training, random_weights=start is None),
            notes=(self._describe_origin(start), *(start.notes if start else ())),
        )

    @property
    def _is_pretrained(self) -> bool:
        return self.weights == self.family.pretrained_option

    def _initial_weights(self, classes: int) -> StartWeights | None:
        """Read the weights to start from, without a head for another number of classes."""
        if self.weights == "none":
            return None
        file = self._fetch_pretrained() if self._is_pretrained else self.family.find_file(self.weights)
        start = self._load_weights(read_start_file(file), classes)
        return start.without_head(describe_network(self._build_network, classes)) if self._is_pretrained else start

    def _build_initialised(self, classes: int, start: StartWeights | None) -> Any:
        network = self._build_network(classes)
        if start is not None:
            network.load_state_dict(start.state, strict=False)
        return network

    def _default_rate(self, training: Training, *, random_weights: bool) -> float:
        return training.learning_rate if random_weights else FINE_TUNING_RATE

    def _describe_origin(self, start: StartWeights | None) -> str:
        if start is None:
            return "trained from random weights"
        name = "ImageNet" if self._is_pretrained else Path(self.weights).name
        head = "kept" if start.has_head else "initialised randomly for these classes"
        return f"started from {name} weights; the last layer was {head}"

    @abstractmethod
    def _find_pretrained(self) -> Path:
        """Return the file of the published weights; raise UserError if it is missing."""

    def _fetch_pretrained(self) -> Path:
        """Return the file of the published weights, downloaded if it may be."""
        return self._find_pretrained()

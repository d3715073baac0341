"""What the rows for architectures of a library have in common: trained from weights, or evaluated with them."""

from abc import abstractmethod
from functools import lru_cache
from pathlib import Path
from typing import Any

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.frameworks.empty_networks import build_empty_network
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.frameworks.torch_network import load_network, save_network
from arogya_bench.frameworks.torch_weights import StartWeights
from arogya_bench.frameworks.weight_files import WeightFile, read_weight_file
from arogya_bench.frameworks.weight_matching import describe_network
from arogya_bench.models.field_checks import check_choice
from arogya_bench.models.network_classifier import CHECKED_CLASSES, PretrainedClassifier
from arogya_bench.runtime.class_names import class_list, restore_class_names
from arogya_bench.types import Dataset, FitReport, Subset, Training

# What networks raise for images that they cannot take.
SHAPE_ERRORS = (RuntimeError, ValueError, TypeError, AssertionError, IndexError, ZeroDivisionError)


class ArchitectureClassifier(PretrainedClassifier):
    """Base of the adapters; the subclass is a frozen dataclass with the fields declared here."""

    architecture: str
    trained: str
    classes: list[str]
    mean: list[float]
    std: list[float]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("trained", self.trained, ("all", "head", "none"))
        if not self.trains and self.weights == "none":
            raise ConfigError(
                "trained is none and weights is none: nothing would be trained.",
                fix="set model.weights=/path/to/weights.pth, or model.trained=all.",
            )
        if any(len(values) not in (0, 3) for values in (self.mean, self.std)) or any(not v > 0 for v in self.std):
            raise ConfigError(
                f"mean is {self.mean} and std is {self.std}.",
                fix="give each one number per channel on the [0, 1] scale, those of std above 0, or leave them empty.",
            )

    @property
    def display_name(self) -> str:
        """Library and architecture."""
        return f"{self.library}/{self.architecture}"

    @property
    def trains(self) -> bool:
        """Whether anything is fitted: else the weights are evaluated as they are."""
        return self.trained != "none"

    @property
    def seeded(self) -> bool:
        """Whether the fit depends on the seed."""
        return self.trains

    @property
    @abstractmethod
    def library(self) -> str:
        """Name of the package that builds the network."""

    def check_dataset(self, dataset: Dataset) -> None:
        """Raise ModelError if weights that are not trained are for other classes than those of a dataset."""
        if not self.trains:
            self._class_order(self._read_file(), dataset.classes)

    def fit(
        self, train: Subset, validation: Subset, *, training: Training, seed: int, device: str, out: Path
    ) -> FitReport:
        """Train as the other networks, or store the weights as they are."""
        if self.trains:
            return super().fit(train, validation, training=training, seed=seed, device=device, out=out)
        found = self._read_file()
        order = self._class_order(found, train.classes)
        start = self._load_weights(found, len(order), needs_head=True)
        network = self._build_initialised(len(order), self._reorder(start, order, train.classes))
        save_network(network.state_dict(), out, classes=train.classes, preprocessing=self._preprocessing)
        return FitReport(notes=(f"the weights in {found.file.name} were used as they are", *start.notes))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> PredictionSteps:
        """Load a fit; refuse other classes, another image size, damaged files."""
        return load_network(
            self._build_network,
            weights,
            classes=classes,
            preprocessing=self._preprocessing,
            device=device,
            build_without_memory=False,  # buffers that are not stored are computed when it is built
        )

    def _check_file(self, file: Path) -> None:
        if self.trains:
            super()._check_file(file)
            return
        found = read_weight_file(file)
        self._load_weights(found, len(self._class_order(found, None)), needs_head=True)

    def _read_file(self) -> WeightFile:
        return read_weight_file(
            self._fetch_pretrained() if self._is_pretrained else self.family.find_file(self.weights)
        )

    def _class_order(self, found: WeightFile, classes: tuple[str, ...] | None) -> tuple[str, ...]:
        """Classes in the order of the outputs of final weights, which must be ``classes`` if these are given."""
        order = tuple(self.classes) or found.classes
        if sorted(order) == sorted(found.classes) and order != found.classes:
            raise ModelError(
                f"{found.file.name} states its classes in the order {list(found.classes)}, and model.classes is "
                f"{list(order)}.",
                fix="leave model.classes out; if the file is wrong, save its state dict alone.",
            )
        if not order:
            raise ModelError(
                f"Nothing says which class each output of {found.file.name} stands for.",
                fix="set model.classes=[...] in the order of its outputs; or train it: model.trained=all.",
            )
        if classes is None:
            return order
        order = tuple(restore_class_names(order, classes, "model.classes"))
        if sorted(order) != sorted(classes):
            raise ModelError(
                f"The outputs of {found.file.name} stand for {list(order)}, and the dataset has {list(classes)}.",
                fix=f"set {class_list('model.classes', classes)} in the order of the outputs, if they stand for these; "
                "or train it for these: model.trained=all.",
            )
        return order

    def _reorder(self, start: StartWeights, order: tuple[str, ...], classes: tuple[str, ...]) -> StartWeights:
        """Put the outputs into the order of the dataset."""
        head = describe_network(self._build_network, len(order)).head
        rows = [order.index(name) for name in classes]
        state = {name: value[rows] if name in head else value for name, value in start.state.items()}
        return StartWeights(state=state, has_head=True)

    def _build_initialised(self, classes: int, start: StartWeights | None) -> Any:
        network = super()._build_initialised(classes, start)
        if self.trained == "head":
            _freeze_features(network, describe_network(self._build_network, classes).head)
        return network

    def _default_rate(self, training: Training, *, random_weights: bool) -> float:
        return super()._default_rate(training, random_weights=random_weights or self.trained == "head")

    def _describe_origin(self, start: StartWeights | None) -> str:
        layers = "all layers" if self.trained == "all" else "the last layer alone"
        return f"{super()._describe_origin(start)}; trained {layers}"

    def _check_architecture(self) -> None:
        """Raise ModelError if the network cannot take images of this size; each process tries it once."""
        _try_size(type(self), self.architecture, self.image_size)


@lru_cache(maxsize=64)
def _try_size(adapter_class: Any, architecture: str, image_size: int) -> None:
    """Run a network, without memory if it can be built so."""
    import torch

    adapter = adapter_class(architecture=architecture, image_size=image_size)
    try:
        network = build_empty_network(adapter._build_network, CHECKED_CLASSES).eval()
        device = next(network.parameters()).device
        with torch.inference_mode():
            outputs = network(torch.zeros(1, 3, image_size, image_size, device=device))
    except SHAPE_ERRORS as error:
        raise ModelError(
            f"{architecture} of {adapter.library} cannot take images of {image_size} pixels.",
            fix="set image_size=224, or the size that the architecture was made for.",
        ) from error
    if tuple(getattr(outputs, "shape", ())) != (1, CHECKED_CLASSES):
        raise ModelError(
            f"{architecture} of {adapter.library} does not return one number per class.",
            fix="choose a classifier: model.architecture=resnet18.",
        )


def _freeze_features(network: Any, head: frozenset[str]) -> None:
    """Freeze all weights but those of the head, and the running statistics of batch normalisation."""
    for name, weight in network.named_parameters():
        weight.requires_grad_(name in head)

    def keep_in_eval_mode(*_: object) -> None:
        network.eval()

    network.register_forward_pre_hook(keep_in_eval_mode)  # undoes train() of the loop

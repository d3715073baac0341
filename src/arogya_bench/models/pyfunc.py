"""Any MLflow model: from the registry, a run, a logged model, or a folder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from rich.markup import escape

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.frameworks.devices import require_device_name
from arogya_bench.frameworks.fit_files import CLASSES_FILE, read_json, require_classes, save_classes
from arogya_bench.models.field_checks import require_positive, require_size
from arogya_bench.models.mlmodel import Description, described, model_digest, other_versions
from arogya_bench.models.pyfunc_inputs import InputForm, input_form
from arogya_bench.models.pyfunc_outputs import OutputForm, output_form
from arogya_bench.models.pyfunc_source import loaded, located, require_uri, said
from arogya_bench.runtime.console import say
from arogya_bench.types import (
    FitReport,
    Image,
    ImageBatch,
    Predictor,
    Probabilities,
    Subset,
    Training,
)


@dataclass(frozen=True, kw_only=True)
class PyFunc:
    """A model as MLflow keeps it, taken as it is: nothing is trained.

    Loading an MLflow model runs the code that it brings. Name only models that you trust.

    Its signature must say how it wants images: one tensor of shape (-1, height, width, 3) or
    (-1, 3, height, width), or one column of PNG files, binary or as base64 text. It answers with
    one probability per class, or with the names of classes.

    Attributes:
        uri: ``models:/name/1``, ``models:/name@alias``, ``models:/m-...``, ``runs:/run_id/name``,
            or a folder; looked up where ``MLFLOW_TRACKING_URI`` points, else in ``mlflow.db``.
        image_size: Pixels after resizing where the signature leaves the size open; None leaves
            images as they are.
        scale: What white is for a model that takes floats, such as 1 or 255.
        classes: Those of the dataset in the order of the model; empty for the order that its
            signature or its ``metadata["classes"]`` states.
        softmax: Whether the model answers with logits.
        trained_on: Names of the datasets that its weights were fitted on, as far as you know; the
            gate stops a run on one of them.
    """

    uri: str
    image_size: int | None = None
    scale: float = 1.0
    classes: list[str] = field(default_factory=list)
    softmax: bool = False
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "pyfunc"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        if not self.uri:
            raise ConfigError("uri is empty.", fix="set model.uri=models:/name/1.")
        require_positive(scale=self.scale)
        if self.image_size is not None:
            require_size(self.image_size, at_least=1)

    def check(self, *, device: str) -> None:
        """Raise Fixable if the address is malformed; the model itself chooses its device."""
        require_device_name(device)
        require_uri(self.uri)

    def fingerprint(self) -> str:
        """Digest of the files that the address stands for now; 32 hexadecimal characters.

        Raises:
            ModelError: If there is no such model.
        """
        return model_digest(located(self.uri))

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
        """Ask the model about one training image, and write down which model it was.

        Raises:
            ModelError: If it cannot be loaded or does not answer as a classifier does.
        """
        del validation, training, seed, device
        folder = located(self.uri)
        description = described(folder)
        form, asked = self._forms(description, train.classes)
        predict = loaded(folder)
        answers = [
            _asked(predict, form.encode([form.fitted(image)]))
            for image in islice(train.images(), 1)
        ]
        for answer in answers:
            asked.rows(answer, 1)
        save_classes(out, train.classes, {"uri": self.uri, "digest": model_digest(folder)})
        older = other_versions(description, folder)
        if older:
            say(f"[yellow]{escape(self.uri)} was logged with {escape(older)}.[/]")
        return FitReport(notes=tuple(self._notes(form, asked, answers, older)))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor:
        """Load the model that ``fit`` saw; this runs the code that it brings.

        Raises:
            ModelError: If the address stands for another model by now, or for other classes.
        """
        require_device_name(device)
        require_classes(weights, classes, {})
        folder = located(self.uri)
        self._require_same(weights, folder)
        form, asked = self._forms(described(folder), classes)
        model = loaded(folder)

        def predict(images: ImageBatch) -> Probabilities:
            rows = np.empty((len(images), len(classes)))
            fitted = [form.fitted(image) for image in images]
            for part in _parts(fitted, form.at_once):
                answer = _asked(model, form.encode([fitted[index] for index in part]))
                rows[part] = asked.rows(answer, len(part))
            return rows

        return predict

    def _forms(
        self, description: Description, classes: tuple[str, ...]
    ) -> tuple[InputForm, OutputForm]:
        return (
            input_form(
                description.inputs,
                image_size=self.image_size,
                scale=self.scale,
                as_list=description.from_type_hints,
            ),
            output_form(
                description.outputs,
                description.classes,
                self.classes,
                classes=classes,
                softmax=self.softmax,
            ),
        )

    def _require_same(self, weights: Path, folder: Path) -> None:
        settings = read_json(weights / CLASSES_FILE, "settings")["settings"]
        if settings.get("digest") != model_digest(folder):
            raise ModelError(
                f"{self.uri} stands for another model than when this fit was made.",
                fix="run again, so that the new one is evaluated; name a version, such as "
                "models:/name/1, where an alias may move.",
            )

    def _notes(
        self, form: InputForm, asked: OutputForm, answers: Sequence[Any], older: str
    ) -> Iterator[str]:
        yield f"{self.uri} was taken as it is, nothing was trained"
        for answer in answers:
            order = asked.order_in(answer)
            if asked.labels(answer):
                yield (
                    "it answers with labels, not probabilities: rows are 0 and 1, so calibration "
                    "and AUROC mean little"
                )
            elif order != asked.classes:
                yield f"its classes ({', '.join(order)}) were put in the dataset's order"
        if self.image_size and form.size and form.size != (self.image_size, self.image_size):
            yield f"it wants {form.size[0]} x {form.size[1]} pixels, image_size was not used"
        if older:
            yield f"it was logged with {older}"


def _asked(predict: Callable[[Any], Any], encoded: Any) -> Any:
    try:
        return predict(encoded)
    except Exception as error:  # the code of a stranger raises what it likes
        raise ModelError(
            f"The MLflow model fails on images: {said(error)}",
            fix="try it in a notebook with mlflow.pyfunc.load_model; its signature must state the "
            "shape and the type that it really takes.",
        ) from error


def _parts(images: Sequence[Image], at_once: int) -> Iterator[list[int]]:
    """Cut a batch into calls of images of one size."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        by_shape.setdefault(image.shape, []).append(index)
    for indices in by_shape.values():
        for start in range(0, len(indices), at_once):
            yield indices[start : start + at_once]

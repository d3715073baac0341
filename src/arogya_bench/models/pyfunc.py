"""Any MLflow model: from the registry, a run, a logged model, or a folder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from rich.markup import escape

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.frameworks.devices import check_device_name
from arogya_bench.frameworks.fit_files import CLASSES_FILE, check_classes, read_json, save_classes
from arogya_bench.models.field_checks import check_image_size, check_positive
from arogya_bench.models.mlmodel import (
    ModelDescription,
    model_digest,
    read_description,
    version_mismatches,
)
from arogya_bench.models.pyfunc_inputs import InputFormat, choose_input_format
from arogya_bench.models.pyfunc_outputs import OutputFormat, choose_output_format
from arogya_bench.models.pyfunc_source import check_uri, error_summary, load_predict, locate_model
from arogya_bench.runtime.console import echo
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
        check_positive(scale=self.scale)
        if self.image_size is not None:
            check_image_size(self.image_size, at_least=1)

    def check(self, *, device: str) -> None:
        """Raise Fixable if the address is malformed; the model itself chooses its device."""
        check_device_name(device)
        check_uri(self.uri)

    def fingerprint(self) -> str:
        """Digest of the files that the address stands for now; 32 hexadecimal characters.

        Raises:
            ModelError: If there is no such model.
        """
        return model_digest(locate_model(self.uri))

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
        folder = locate_model(self.uri)
        description = read_description(folder)
        form, asked = self._choose_formats(description, train.classes)
        predict = load_predict(folder)
        answers = [
            _call_model(predict, form.encode([form.resize(image)]))
            for image in islice(train.images(), 1)
        ]
        for answer in answers:
            asked.to_probabilities(answer, 1)
        save_classes(out, train.classes, {"uri": self.uri, "digest": model_digest(folder)})
        older = version_mismatches(description, folder)
        if older:
            echo(f"[yellow]{escape(self.uri)} was logged with {escape(older)}.[/]")
        return FitReport(notes=tuple(self._notes(form, asked, answers, older)))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor:
        """Load the model that ``fit`` saw; this runs the code that it brings.

        Raises:
            ModelError: If the address stands for another model by now, or for other classes.
        """
        check_device_name(device)
        check_classes(weights, classes, {})
        folder = locate_model(self.uri)
        self._check_same_model(weights, folder)
        form, asked = self._choose_formats(read_description(folder), classes)
        model = load_predict(folder)

        def predict(images: ImageBatch) -> Probabilities:
            rows = np.empty((len(images), len(classes)))
            fitted = [form.resize(image) for image in images]
            for part in _group_by_shape(fitted, form.max_batch_size):
                answer = _call_model(model, form.encode([fitted[index] for index in part]))
                rows[part] = asked.to_probabilities(answer, len(part))
            return rows

        return predict

    def _choose_formats(
        self, description: ModelDescription, classes: tuple[str, ...]
    ) -> tuple[InputFormat, OutputFormat]:
        return (
            choose_input_format(
                description.inputs,
                image_size=self.image_size,
                scale=self.scale,
                as_list=description.from_type_hints,
            ),
            choose_output_format(
                description.outputs,
                description.classes,
                self.classes,
                classes=classes,
                softmax=self.softmax,
            ),
        )

    def _check_same_model(self, weights: Path, folder: Path) -> None:
        settings = read_json(weights / CLASSES_FILE, "settings")["settings"]
        if settings.get("digest") != model_digest(folder):
            raise ModelError(
                f"{self.uri} stands for another model than when this fit was made.",
                fix="run again, so that the new one is evaluated; name a version, such as "
                "models:/name/1, where an alias may move.",
            )

    def _notes(
        self,
        input_format: InputFormat,
        output_format: OutputFormat,
        outputs: Sequence[Any],
        version_note: str,
    ) -> Iterator[str]:
        yield f"{self.uri} was taken as it is, nothing was trained"
        for answer in outputs:
            order = output_format.class_order(answer)
            if output_format.has_labels(answer):
                yield (
                    "it answers with labels, not probabilities: rows are 0 and 1, so calibration "
                    "and AUROC mean little"
                )
            elif order != output_format.classes:
                yield f"its classes ({', '.join(order)}) were put in the dataset's order"
        if (
            self.image_size
            and input_format.size
            and input_format.size != (self.image_size, self.image_size)
        ):
            yield f"it wants {input_format.size[0]} x {input_format.size[1]} pixels, image_size was not used"
        if version_note:
            yield f"it was logged with {version_note}"


def _call_model(predict: Callable[[Any], Any], encoded: Any) -> Any:
    try:
        return predict(encoded)
    except Exception as error:  # the code of a stranger raises what it likes
        raise ModelError(
            f"The MLflow model fails on images: {error_summary(error)}",
            fix="try it in a notebook with mlflow.pyfunc.load_model; its signature must state the "
            "shape and the type that it really takes.",
        ) from error


def _group_by_shape(images: Sequence[Image], max_batch_size: int) -> Iterator[list[int]]:
    """Cut a batch into calls of images of one size."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        by_shape.setdefault(image.shape, []).append(index)
    for indices in by_shape.values():
        for start in range(0, len(indices), max_batch_size):
            yield indices[start : start + max_batch_size]

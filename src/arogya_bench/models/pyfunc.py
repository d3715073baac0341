"""MLflow models: from the registry, a run, a logged model, or a folder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from rich.markup import escape

from arogya_bench.errors import ConfigError, ModelError, UnevenBatchError
from arogya_bench.frameworks.devices import check_device_name
from arogya_bench.frameworks.fit_files import CLASSES_FILE, check_classes, read_json, save_classes
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.models.field_checks import check_image_size, check_positive
from arogya_bench.models.mlmodel import ModelDescription, model_digest, read_description, version_mismatches
from arogya_bench.models.pyfunc_inputs import InputFormat, choose_input_format
from arogya_bench.models.pyfunc_outputs import OutputFormat, choose_output_format
from arogya_bench.models.pyfunc_source import check_uri, error_summary, load_predict, locate_model
from arogya_bench.runtime.console import echo
from arogya_bench.types import FitReport, ImageBatch, Probabilities, Subset, Training

PREDICTION_BATCH_SIZE = 64  # images; bounds the memory of a call


@dataclass(frozen=True, kw_only=True)
class PyFunc:
    """An MLflow model, evaluated as it is: nothing is trained.

    Loading an MLflow model runs the code that it contains. Use only models that you trust.

    Its signature must describe its input: one tensor of shape (-1, height, width, 3) or (-1, 3, height, width), or one
    column of PNG files, binary or as base64 text. It returns one probability per class, or class names.

    Attributes:
        uri: ``models:/name/1``, ``models:/name@alias``, ``models:/m-...``, ``runs:/run_id/name``, or a folder; looked
            up in the store of ``MLFLOW_TRACKING_URI``, else in ``mlflow.db``.
        image_size: Pixels after resizing if the signature leaves the size open; None keeps the original size.
        scale: Value of white for a model that takes floats, such as 1 or 255.
        classes: Classes of the dataset in the order of the model; empty for the order in its signature or its
            ``metadata["classes"]``.
        softmax: Whether the model returns logits.
        trained_on: Datasets that its weights were fitted on, as far as you know; the gate stops a run on one of them.
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
    seeded: ClassVar[bool] = False  # the model is taken as it is

    def __post_init__(self) -> None:
        if not self.uri:
            raise ConfigError("uri is empty.", fix="set model.uri=models:/name/1.")
        check_positive(scale=self.scale)
        if self.image_size is not None:
            check_image_size(self.image_size, at_least=1)

    def check(self, *, device: str) -> None:
        """Raise UserError if the URI is malformed; the model itself chooses its device."""
        check_device_name(device)
        check_uri(self.uri)

    def fingerprint(self) -> str:
        """Digest of the files that the URI currently refers to; 32 hexadecimal characters."""
        return model_digest(locate_model(self.uri))

    def fit(
        self, train: Subset, validation: Subset, *, training: Training, seed: int, device: str, out: Path
    ) -> FitReport:
        """Try the model on one training image, and record its digest."""
        del validation, training, seed, device
        folder = locate_model(self.uri)
        description = read_description(folder)
        input_format, output_format = self._choose_formats(description, train.classes)
        predict = load_predict(folder)
        outputs = [
            _call_model(predict, input_format.encode([input_format.resize(image)]))
            for image in islice(train.images(), 1)
        ]
        for output in outputs:
            output_format.to_probabilities(output, 1)
        save_classes(out, train.classes, {"uri": self.uri, "digest": model_digest(folder)})
        versions = version_mismatches(description, folder)
        if versions:
            echo(f"[yellow]{escape(self.uri)} was logged with {escape(versions)}.[/]")
        notes = self._notes(input_format, output_format, outputs, versions)
        return FitReport(notes=tuple(notes))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> PredictionSteps:
        """Load the model that ``fit`` recorded; this runs the code that it contains."""
        check_device_name(device)
        check_classes(weights, classes, {})
        folder = locate_model(self.uri)
        self._check_same_model(weights, folder)
        input_format, output_format = self._choose_formats(read_description(folder), classes)
        model = load_predict(folder)

        def postprocess(output: Any, images: ImageBatch) -> Probabilities:
            return output_format.to_probabilities(output, len(images))

        return PredictionSteps(
            preprocess=partial(_encode_batch, input_format),
            forward=partial(_call_model, model),
            postprocess=postprocess,
            class_count=len(classes),
            chunk_size=input_format.max_batch_size or PREDICTION_BATCH_SIZE,
            max_batch_size=input_format.max_batch_size,
            equal_sizes=input_format.size is None,
        )

    def _choose_formats(
        self, description: ModelDescription, classes: tuple[str, ...]
    ) -> tuple[InputFormat, OutputFormat]:
        return (
            choose_input_format(
                description.inputs, image_size=self.image_size, scale=self.scale, as_list=description.from_type_hints
            ),
            choose_output_format(
                description.outputs, description.classes, self.classes, classes=classes, softmax=self.softmax
            ),
        )

    def _check_same_model(self, weights: Path, folder: Path) -> None:
        settings = read_json(weights / CLASSES_FILE, "settings")["settings"]
        if settings.get("digest") != model_digest(folder):
            raise ModelError(
                f"{self.uri} refers to another model than when this fit was recorded.",
                fix="run again to evaluate the new one; use a version, such as models:/name/1, if an alias may move.",
            )

    def _notes(
        self, input_format: InputFormat, output_format: OutputFormat, outputs: Sequence[Any], version_note: str
    ) -> Iterator[str]:
        yield f"{self.uri} was used unchanged; nothing was trained"
        for output in outputs:
            order = output_format.class_order(output)
            if output_format.has_labels(output):
                yield ("it returns labels, not probabilities: rows are 0 and 1, so calibration and AUROC mean little")
            elif order != output_format.classes:
                yield f"its classes ({', '.join(order)}) were reordered to match the dataset"
        if self.image_size and input_format.size and input_format.size != (self.image_size, self.image_size):
            height, width = input_format.size
            yield f"its signature requires {height} x {width} pixels, so image_size was not used"
        if version_note:
            yield f"it was logged with {version_note}"


def _encode_batch(input_format: InputFormat, images: ImageBatch) -> Any:
    resized = [input_format.resize(image) for image in images]
    sizes = sorted({image.shape[:2] for image in resized})
    if len(sizes) > 1:
        raise UnevenBatchError(
            f"The MLflow model takes images of one size per call; this batch has {len(sizes)} sizes, such as "
            f"{sizes[0][0]} x {sizes[0][1]} and {sizes[-1][0]} x {sizes[-1][1]} pixels.",
            fix="set model.image_size.",
        )
    return input_format.encode(resized)


def _call_model(predict: Callable[[Any], Any], encoded: Any) -> Any:
    try:
        return predict(encoded)
    except Exception as error:  # code of a model may raise anything
        raise ModelError(
            f"The MLflow model fails on images: {error_summary(error)}",
            fix="try it in a notebook with mlflow.pyfunc.load_model; its signature must state the "
            "shape and type that it accepts.",
        ) from error

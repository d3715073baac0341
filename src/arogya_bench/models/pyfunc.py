"""MLflow models: from the registry, a run, a logged model, or a folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from rich.markup import escape

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.frameworks.devices import check_device_name
from arogya_bench.frameworks.fit_files import CLASSES_FILE, check_classes, read_json, save_classes
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.models.class_order import choose_output_format
from arogya_bench.models.field_checks import check_image_size, check_positive
from arogya_bench.models.metadata_inputs import ImageOfCase, MetadataPredictor, check_metadata
from arogya_bench.models.mlmodel import ModelDescription, model_digest, read_description, version_mismatches
from arogya_bench.models.pixel_values import PixelValues
from arogya_bench.models.pyfunc_inputs import InputFormat, choose_input_format
from arogya_bench.models.pyfunc_outputs import OutputFormat
from arogya_bench.models.pyfunc_source import check_uri, load_predict, locate_model, short_name
from arogya_bench.models.pyfunc_trial import call_model, encode_items, read_items, sample_cases, try_model
from arogya_bench.runtime.console import echo
from arogya_bench.types import Dataset, FitReport, Image, ImageBatch, Probabilities, Subset, Training

PREDICTION_BATCH_SIZE = 64  # images; bounds the memory of a call


class Formats(NamedTuple):
    """How a model takes images and how its answers are read."""

    inputs: InputFormat
    outputs: OutputFormat


@dataclass(frozen=True, kw_only=True)
class PyFunc:
    """An MLflow model, evaluated as it is: nothing is trained.

    Loading an MLflow model runs the code that it contains. Use only models that you trust.

    Its signature must describe its input: one tensor of shape (-1, height, width, 3) or (-1, 3, height, width), or one
    column of PNG files, binary or as base64 text; beside it, columns of the metadata of the dataset. It returns one
    probability per class, class names, or a class name and its probability. docs/models.md has the whole table.

    Attributes:
        uri: ``models:/name/1``, ``models:/name@alias``, ``models:/m-...``, ``runs:/run_id/name``, or a folder; looked
            up in the store of ``MLFLOW_TRACKING_URI``, else in ``mlflow.db``.
        image_size: Pixels after resizing if the signature leaves the size open; None keeps the original size.
        scale: Value of white for a model that takes floats, such as 1 or 255.
        offset: Added after ``scale``: ``scale=2 offset=-1`` is the range from -1 to 1.
        mean: Subtracted from each channel after that; empty for none.
        std: Divided by for each channel after that; empty for none.
        classes: Classes of the dataset in the order of the model; empty for the order in its signature or its
            ``metadata["classes"]``.
        class_names: What the model calls ``classes``, in the same order, if it uses other names.
        softmax: Whether the model returns logits.
        score_of: Of two classes, the one whose probability a lone score per image is; None if it returns no such
            score, or that of the class that it names.
        trained_on: Datasets that its weights were fitted on, as far as you know; the gate stops a run on one of them.
    """

    uri: str
    image_size: int | None = None
    scale: float = 1.0
    offset: float = 0.0
    mean: list[float] = field(default_factory=list)
    std: list[float] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    class_names: list[str] = field(default_factory=list)
    softmax: bool = False
    score_of: str | None = None
    trained_on: list[str] = field(default_factory=list, metadata={"identity": False})
    adapter_name: ClassVar[str] = "pyfunc"
    adapter_version: ClassVar[int] = 2
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = None
    seeded: ClassVar[bool] = False  # the model is taken as it is
    trains: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.uri:
            raise ConfigError("uri is empty.", fix="set model.uri=models:/name/1.")
        check_positive(scale=self.scale)
        _ = self.pixels
        if self.image_size is not None:
            check_image_size(self.image_size, at_least=1)

    @property
    def display_name(self) -> str:
        """What tells this model from others in few letters, such as ``skin/3``."""
        return short_name(self.uri)

    @property
    def pixels(self) -> PixelValues:
        """What pixels become for a model that takes floats."""
        return PixelValues(scale=self.scale, offset=self.offset, mean=tuple(self.mean), std=tuple(self.std))

    def check(self, *, device: str) -> None:
        """Raise UserError if the URI is malformed; the model itself chooses its device."""
        check_device_name(device)
        check_uri(self.uri)

    def check_dataset(self, dataset: Dataset) -> None:
        """Raise ModelError if its signature does not fit the classes or columns of a dataset; runs no code of it."""
        columns = dataset.cases[0].metadata if dataset.cases else {}
        formats = self.choose_formats(read_description(locate_model(self.uri)), dataset.classes, tuple(columns))
        check_metadata(formats.inputs.metadata, dataset.cases)

    def metadata_columns(self, dataset: Dataset) -> tuple[str, ...]:
        """Columns of the metadata of a dataset that the model takes beside the image."""
        columns = tuple(dataset.cases[0].metadata) if dataset.cases else ()
        inputs, _ = self.choose_formats(read_description(locate_model(self.uri)), dataset.classes, columns)
        return tuple(column.name for column in inputs.metadata)

    def check_images(
        self, images: Sequence[Image], rows: Sequence[Mapping[str, str | float]], *, classes: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Load the model, whose code is run, and return notes on its answers to images of cases.

        Raises:
            ModelError: If its answers are none for these classes.
        """
        folder = locate_model(self.uri)
        items = [ImageOfCase(image=image, metadata=row) for image, row in zip(images, rows, strict=True)]
        formats = self.choose_formats(read_description(folder), classes, tuple(rows[0]) if rows else ())
        return try_model(load_predict(folder), *formats, items).notes

    def fingerprint(self) -> str:
        """Digest of the files that the URI currently refers to; 32 hexadecimal characters."""
        return model_digest(locate_model(self.uri))

    def fit(
        self, train: Subset, validation: Subset, *, training: Training, seed: int, device: str, out: Path
    ) -> FitReport:
        """Try the model on a few images, and record its digest."""
        del validation, training, seed, device
        folder = locate_model(self.uri)
        description = read_description(folder)
        sample = sample_cases(train)
        formats = self.choose_formats(description, train.classes, tuple(sample[0].metadata) if sample else ())
        check_metadata(formats.inputs.metadata, sample)
        trial = try_model(load_predict(folder), *formats, read_items(train, sample))
        settings = {"uri": self.uri, "digest": model_digest(folder), "labels_only": trial.labels_only}
        settings["columns"] = [column.name for column in formats.inputs.metadata]
        save_classes(out, train.classes, settings)
        versions = version_mismatches(description, folder)
        if versions:
            echo(f"[yellow]{escape(self.uri)} was logged with {escape(versions)}.[/]")
        return FitReport(notes=tuple(self._notes(formats.inputs, trial.notes, versions)))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> PredictionSteps | MetadataPredictor:
        """Load the model that ``fit`` recorded; this runs the code that it contains."""
        check_device_name(device)
        check_classes(weights, classes, {})
        folder = locate_model(self.uri)
        settings = self._check_same_model(weights, folder)
        formats = self.choose_formats(read_description(folder), classes, settings.get("columns", ()))
        labels_only = bool(settings.get("labels_only"))
        steps = _prediction_steps(formats, folder, labels_only=labels_only)
        if not formats.inputs.metadata:
            return steps
        columns = tuple(column.name for column in formats.inputs.metadata)
        return MetadataPredictor(steps=steps, columns=columns, uri=self.uri, labels_only=labels_only)

    def choose_formats(
        self, description: ModelDescription, classes: tuple[str, ...], columns: Sequence[str] = ()
    ) -> Formats:
        """How the model takes images, with ``columns`` of the metadata at hand, and how its answers are read."""
        return Formats(
            choose_input_format(
                description.inputs,
                image_size=self.image_size,
                pixels=self.pixels,
                known_columns=columns,
                as_list=description.from_type_hints,
            ),
            choose_output_format(
                description.outputs,
                description.classes,
                self.classes,
                classes=classes,
                class_names=self.class_names,
                softmax=self.softmax,
                score_of=self.score_of,
            ),
        )

    def _check_same_model(self, weights: Path, folder: Path) -> dict[str, Any]:
        settings: dict[str, Any] = read_json(weights / CLASSES_FILE, "settings")["settings"]
        if settings.get("digest") != model_digest(folder):
            raise ModelError(
                f"{self.uri} refers to another model than when this fit was recorded.",
                fix="run again to evaluate the new one; use a version, such as models:/name/1, if an alias may move.",
            )
        return settings

    def _notes(self, inputs: InputFormat, answers: Sequence[str], version_note: str) -> Iterator[str]:
        yield f"{self.uri} was used unchanged; nothing was trained"
        yield from answers
        if inputs.metadata:
            yield f"it was given {', '.join(column.name for column in inputs.metadata)} of each case beside the image"
        if self.image_size and inputs.size and inputs.size != (self.image_size, self.image_size):
            height, width = inputs.size
            yield f"its signature requires {height} x {width} pixels, so image_size was not used"
        if self.scale != 1 and not inputs.takes_floats:
            yield f"it takes {inputs.kind}, so scale was not used"
        if version_note:
            yield f"it was logged with {version_note}"


def _prediction_steps(formats: Formats, folder: Path, *, labels_only: bool) -> PredictionSteps:
    inputs, outputs = formats

    def postprocess(output: Any, images: ImageBatch) -> Probabilities:
        return outputs.to_probabilities(output, len(images))

    return PredictionSteps(
        preprocess=partial(encode_items, inputs),
        forward=partial(call_model, load_predict(folder)),
        postprocess=postprocess,
        class_count=len(outputs.classes),
        chunk_size=inputs.max_batch_size or PREDICTION_BATCH_SIZE,
        max_batch_size=inputs.max_batch_size,
        equal_sizes=inputs.size is None,
        labels_only=labels_only,
    )

"""Columns of the metadata of a dataset as further inputs of an MLflow model, such as the age of the patient."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from arogya_bench.errors import ModelError, did_you_mean
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.types import Case, Image, ImageBatch, Predictor, Probabilities

CellValue: TypeAlias = str | float
MISSING_WORDS = ("", "na", "nan", "n/a", "null", "none")
BOOLEANS: Mapping[str, bool] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class MetadataInput:
    """One column or tensor of a signature beside the image.

    Attributes:
        type: Of MLflow, such as ``double``, ``long``, ``boolean`` or ``string``.
        shape: Of a tensor, without the number of images; None for a column of a table.
    """

    name: str
    type: str
    shape: tuple[int, ...] | None = None

    def convert(self, value: CellValue) -> Any:
        """Convert the value of a case.

        Raises:
            ValueError: If it is no value of this type; the message is the reason.
        """
        return CONVERSIONS[self.type](value)

    def encode(self, values: Sequence[CellValue]) -> Any:
        """Convert the values of a batch to what ``predict`` takes."""
        converted = [self.convert(value) for value in values]
        if self.type == "string":
            return converted
        return np.array(converted, DTYPES[self.type]).reshape(len(values), *(self.shape or ()))


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageOfCase:
    """An image with the metadata of its case."""

    image: Image
    metadata: Mapping[str, CellValue] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the image."""
        return self.image.shape


@dataclass(frozen=True, kw_only=True, eq=False)
class MetadataPredictor:
    """A predictor that needs to know the cases of its images; see ``CasePredictor``.

    Attributes:
        steps: They take images of cases.
        columns: Of the metadata.
        uri: Of the model.
        labels_only: Whether its answers are labels.
    """

    steps: PredictionSteps
    columns: tuple[str, ...]
    uri: str
    labels_only: bool = False

    def for_cases(self, cases: Sequence[Case]) -> Predictor:
        """A predictor of the images of these cases, in this order."""

        def predict(images: ImageBatch) -> Probabilities:
            items = [ImageOfCase(image=each, metadata=case.metadata) for each, case in zip(images, cases, strict=True)]
            rows: Probabilities = self.steps(items)  # type: ignore[arg-type]
            return rows

        return predict

    def __call__(self, images: ImageBatch, /) -> Probabilities:
        """Refuse images without their cases."""
        if not images:
            return np.zeros((0, self.steps.class_count or 0))
        raise ModelError(
            f"{self.uri} takes {', '.join(self.columns)} beside each image, and was given images alone.",
            fix=f"serve or measure the MLflow model itself, such as with `mlflow models serve -m {self.uri}`.",
        )


def check_metadata(inputs: Sequence[MetadataInput], cases: Sequence[Case]) -> None:
    """Check that every case has a value of the right type for every input.

    Raises:
        ModelError: Which names the column, and the first case without such a value.
    """
    for column in inputs:
        _check_present(column, cases)
        faults = [(case, fault) for case in cases if (fault := _fault(column, case.metadata[column.name]))]
        if faults:
            case, fault = faults[0]
            raise ModelError(
                f"The model takes {column.name} as {column.type}; {len(faults)} of {len(cases)} cases have no such "
                f"value, such as {case.case_id!r}: {fault}.",
                fix=f"fill the column {column.name}, leave these cases out, or log a model that takes missing values "
                "as NaN of type double.",
            )


def _check_present(column: MetadataInput, cases: Sequence[Case]) -> None:
    known = sorted({name for case in cases[:1] for name in case.metadata})
    if cases and column.name not in known:
        there = f"has the columns {', '.join(known)}" if known else "has no such columns"
        raise ModelError(
            f"The model takes the column {column.name!r} beside the image; the dataset {there}."
            f"{did_you_mean(column.name, known)}",
            fix=f"call a column of the metadata {column.name}, or log a model that takes images alone.",
        )


def _fault(column: MetadataInput, value: CellValue) -> str:
    try:
        column.convert(value)
    except ValueError as error:
        return str(error)
    return ""


def is_missing(value: CellValue) -> bool:
    """Whether a cell of the metadata is empty."""
    if isinstance(value, str):
        return value.strip().casefold() in MISSING_WORDS
    return math.isnan(value)


def _to_real(value: CellValue) -> float:
    if is_missing(value):
        return math.nan
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{value!r} is no number") from None


def _to_integer(value: CellValue) -> int:
    number = _to_real(value)
    if math.isnan(number):
        raise ValueError("it is empty")
    if not number.is_integer():
        raise ValueError(f"{value!r} is no whole number")
    return int(number)


def _to_boolean(value: CellValue) -> bool:
    text = f"{value:g}" if isinstance(value, float) else str(value).strip().casefold()
    if text not in BOOLEANS:
        raise ValueError("it is empty" if is_missing(value) else f"{value!r} is neither true nor false")
    return BOOLEANS[text]


def _to_text(value: CellValue) -> str:
    if is_missing(value):
        raise ValueError("it is empty")
    return f"{value:g}" if isinstance(value, float) else str(value)


CONVERSIONS: Mapping[str, Callable[[CellValue], Any]] = {
    "double": _to_real,
    "float": _to_real,
    "long": _to_integer,
    "integer": _to_integer,
    "boolean": _to_boolean,
    "string": _to_text,
}
DTYPES: Mapping[str, str] = {
    "double": "float64",
    "float": "float32",
    "long": "int64",
    "integer": "int32",
    "boolean": "bool",
}

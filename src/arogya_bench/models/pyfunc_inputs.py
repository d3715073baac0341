"""How an MLflow model takes its images, according to the inputs of its signature."""

import base64
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.preprocessing import resize_image
from arogya_bench.models.metadata_inputs import CONVERSIONS, DTYPES, MetadataInput
from arogya_bench.models.pixel_values import PixelValues
from arogya_bench.types import Image, ImageBatch

SUPPORTED_INPUTS = (
    "one tensor of shape (-1, height, width, 3) or (-1, 3, height, width), with 1 or no channel "
    "for grey images; or one column of type binary (PNG files) or string (PNG files as base64); beside it, columns "
    "that are called like those of the metadata"
)
IMAGE_TYPES = ("binary", "string")
MAX_METADATA_AXES = 2  # of a tensor with one number per image, which may have an axis of length 1


@dataclass(frozen=True, kw_only=True)
class InputFormat:
    """How images are passed to a model.

    Attributes:
        size: Height and width in pixels that an image is stretched to; None keeps its size.
        max_batch_size: Most images of one call that the signature allows; None allows any number.
        encode: Builds the argument of ``predict`` from images of one size.
        image_name: Of the column or tensor of the image; None if it has no name.
        metadata: What the model takes beside the image.
        takes_floats: Whether ``PixelValues`` applies.
        kind: The input in words.
    """

    size: tuple[int, int] | None
    max_batch_size: int | None
    encode: Callable[[ImageBatch], Any]
    image_name: str | None
    kind: str
    metadata: tuple[MetadataInput, ...] = ()
    takes_floats: bool = False

    def resize(self, image: Image) -> Image:
        """Stretch an image to the size that the model takes."""
        return image if self.size is None else resize_image(image, *self.size)

    def encode_with(self, images: ImageBatch, rows: Sequence[Mapping[str, str | float]]) -> Any:
        """Build the argument of ``predict`` from images and the metadata of their cases."""
        encoded = self.encode(images)
        if not self.metadata:
            return encoded
        columns = {column.name: column.encode([row[column.name] for row in rows]) for column in self.metadata}
        return encoded.assign(**columns) if isinstance(encoded, pd.DataFrame) else {**encoded, **columns}


def choose_input_format(
    inputs: Sequence[Mapping[str, Any]] | None,
    *,
    image_size: int | None,
    pixels: PixelValues,
    known_columns: Collection[str] = (),
    as_list: bool = False,
) -> InputFormat:
    """Choose the format that a signature asks for, which must take images.

    ``inputs`` are the columns or tensors of the signature, None without one. ``image_size`` applies where the signature
    leaves the size open; ``pixels`` says what a tensor of floats holds; ``known_columns`` are those of the metadata;
    ``as_list`` asks for a list, not a table.
    """
    if inputs is None:
        raise ModelError(
            "The MLflow model has no signature, so the format of its input is unknown.",
            fix="log it again with signature=ModelSignature(inputs=..., outputs=...); "
            f"supported inputs: {SUPPORTED_INPUTS}.",
        )
    image, others = _find_image(inputs, known_columns)
    metadata = tuple(_metadata_input(column) for column in others)
    if image["type"] == "tensor":
        return _tensor_format(image, image_size, pixels, metadata)
    if pixels.shifted:
        raise _not_floats_error(pixels, f"files in a column of type {image['type']}")
    return _file_format(image, image_size, metadata, as_list=as_list)


def encode_png(image: Image) -> bytes:
    """Encode an image as PNG."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def _find_image(
    inputs: Sequence[Mapping[str, Any]], known_columns: Collection[str]
) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """The input that takes the image, and the others that the model needs or the dataset has."""
    wanted = [column for column in inputs if column.get("required", True) or column.get("name") in known_columns]
    tensors = [column for column in wanted if column["type"] == "tensor" and _axes(column) > MAX_METADATA_AXES]
    binary = [column for column in wanted if column["type"] == "binary"]
    texts = [column for column in wanted if column["type"] == "string"]
    unknown = [column for column in texts if column.get("name") not in known_columns]
    for candidates in (tensors, binary, texts, unknown):
        if len(candidates) == 1:
            others = [column for column in wanted if column is not candidates[0]]
            if all(_is_metadata(column) for column in others):
                return candidates[0], others
    raise _unsupported_error(inputs)


def _axes(tensor: Mapping[str, Any]) -> int:
    return len(tensor["tensor-spec"]["shape"])


def _is_metadata(column: Mapping[str, Any]) -> bool:
    if column["type"] != "tensor":
        return column["type"] in CONVERSIONS and bool(column.get("name"))
    shape = column["tensor-spec"]["shape"]
    return bool(column.get("name")) and tuple(shape[1:]) in ((), (1,)) and _mlflow_type(column) is not None


def _mlflow_type(tensor: Mapping[str, Any]) -> str | None:
    dtype = str(tensor["tensor-spec"]["dtype"])
    return next((name for name, known in DTYPES.items() if known == dtype), None)


def _metadata_input(column: Mapping[str, Any]) -> MetadataInput:
    if column["type"] != "tensor":
        return MetadataInput(name=str(column["name"]), type=str(column["type"]))
    shape = tuple(column["tensor-spec"]["shape"][1:])
    return MetadataInput(name=str(column["name"]), type=str(_mlflow_type(column)), shape=shape)


def _tensor_format(
    tensor: Mapping[str, Any], image_size: int | None, pixels: PixelValues, metadata: tuple[MetadataInput, ...]
) -> InputFormat:
    spec, name = tensor["tensor-spec"], tensor.get("name")
    count, *shape = spec["shape"]
    dtype, channels_first = _dtype(tensor), shape[-1] not in (1, 3) and shape[0] in (1, 3)
    grey = len(shape) == 2
    if len(shape) == 3:
        channels = shape.pop(0 if channels_first else 2)
        grey = channels == 1
    if len(shape) != 2 or not (grey or channels == 3) or count not in (-1, 1):
        raise _unsupported_error([tensor])
    _check_pixels(pixels, dtype, grey=grey)
    axes = {(3, False): (0, 1, 2, 3), (3, True): (0, 3, 1, 2), (2, False): (0, 1, 2)}
    order = axes[len(spec["shape"]) - 1, channels_first]

    def encode(images: ImageBatch) -> Any:
        stack = _to_grey(images) if grey else np.stack(images)
        values = pixels.apply(stack, dtype) if dtype.kind == "f" else stack.astype(dtype)
        values = values[..., 0] if len(order) == 3 else values
        array = np.ascontiguousarray(values.transpose(order))
        return {name: array} if name else array

    return InputFormat(
        size=(shape[0], shape[1]) if min(shape) > 0 else _square(image_size),
        max_batch_size=None if count == -1 else 1,
        encode=encode,
        image_name=name,
        metadata=metadata,
        takes_floats=dtype.kind == "f",
        kind=f"a tensor of {dtype.name}, shape {tuple(spec['shape'])}, {'grey' if grey else 'RGB'}",
    )


def _file_format(
    column: Mapping[str, Any], image_size: int | None, metadata: tuple[MetadataInput, ...], *, as_list: bool
) -> InputFormat:
    def encode(images: ImageBatch) -> Any:
        files: list[Any] = [encode_png(image) for image in images]
        if column["type"] == "string":
            files = [base64.b64encode(file).decode("ascii") for file in files]
        return files if as_list else pd.DataFrame({column.get("name", 0): files})

    words = "PNG files" if column["type"] == "binary" else "PNG files as base64 text"
    return InputFormat(
        size=_square(image_size),
        max_batch_size=None,
        encode=encode,
        image_name=column.get("name"),
        metadata=metadata,
        kind=f"a column of {words}",
    )


def _check_pixels(pixels: PixelValues, dtype: np.dtype[Any], *, grey: bool) -> None:
    if pixels.shifted and dtype.kind != "f":
        raise _not_floats_error(pixels, f"whole numbers ({dtype.name}) from 0 to 255")
    if grey and pixels.needs_colours:
        raise ModelError(
            "model.mean or model.std has three numbers; the model takes grey images.", fix="give one number for each."
        )


def _not_floats_error(pixels: PixelValues, what: str) -> ModelError:
    names = ", ".join(f"model.{name}" for name in pixels.shifted)
    return ModelError(
        f"{names} cannot be applied: the model takes {what}.",
        fix=f"leave {names} out, or log a model that takes floats.",
    )


def _dtype(tensor: Mapping[str, Any]) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(tensor["tensor-spec"]["dtype"])
    if dtype.kind not in "uif" or dtype == np.int8:
        raise _unsupported_error([tensor])
    return dtype


def _to_grey(images: ImageBatch) -> NDArray[np.uint8]:
    return np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None] for image in images])


def _square(image_size: int | None) -> tuple[int, int] | None:
    return None if image_size is None else (image_size, image_size)


def _unsupported_error(inputs: Sequence[Mapping[str, Any]]) -> ModelError:
    return ModelError(
        f"The signature of the MLflow model requires {list(map(dict, inputs))}, which is not a supported image input.",
        fix=f"log it again with a signature for images: {SUPPORTED_INPUTS}.",
    )

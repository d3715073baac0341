"""How an MLflow model takes its images, according to the inputs of its signature."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.preprocessing import resize_image
from arogya_bench.types import Image, ImageBatch

SUPPORTED_INPUTS = (
    "one tensor of shape (-1, height, width, 3) or (-1, 3, height, width), with 1 or no channel "
    "for grey images; or one column of type binary (PNG files) or string (PNG files as base64)"
)


@dataclass(frozen=True, kw_only=True)
class InputFormat:
    """How images are passed to a model.

    Attributes:
        size: Height and width in pixels that an image is stretched to; None keeps its size.
        max_batch_size: Most images of one call that the signature allows; None allows any number.
        encode: Builds the argument of ``predict`` from images of one size.
    """

    size: tuple[int, int] | None
    max_batch_size: int | None
    encode: Callable[[ImageBatch], Any]

    def resize(self, image: Image) -> Image:
        """Stretch an image to the size that the model takes."""
        return image if self.size is None else resize_image(image, *self.size)


def choose_input_format(
    inputs: Sequence[Mapping[str, Any]] | None, *, image_size: int | None, scale: float, as_list: bool = False
) -> InputFormat:
    """Choose the format that a signature asks for, which must take images.

    ``inputs`` are the columns or tensors of the signature, None without one. ``image_size`` applies where the signature
    leaves the size open; ``scale`` is the value of white in a tensor of floats; ``as_list`` asks for a list, not a
    table.
    """
    if inputs is None:
        raise ModelError(
            "The MLflow model has no signature, so the format of its input is unknown.",
            fix="log it again with signature=ModelSignature(inputs=..., outputs=...); "
            f"supported inputs: {SUPPORTED_INPUTS}.",
        )
    required = [column for column in inputs if column.get("required", True)]
    if len(required) == 1 and required[0]["type"] == "tensor":
        return _tensor_format(required[0], image_size, scale)
    if len(required) == 1 and required[0]["type"] in ("binary", "string"):
        return _file_format(required[0], image_size, as_list=as_list)
    raise _unsupported_error(inputs)


def encode_png(image: Image) -> bytes:
    """Encode an image as PNG."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def _tensor_format(tensor: Mapping[str, Any], image_size: int | None, scale: float) -> InputFormat:
    spec, name = tensor["tensor-spec"], tensor.get("name")
    count, *shape = spec["shape"]
    dtype, channels_first = _dtype(tensor), shape[-1] not in (1, 3) and shape[0] in (1, 3)
    grey = len(shape) == 2
    if len(shape) == 3:
        channels = shape.pop(0 if channels_first else 2)
        grey = channels == 1
    if len(shape) != 2 or not (grey or channels == 3) or count not in (-1, 1):
        raise _unsupported_error([tensor])
    axes = {(3, False): (0, 1, 2, 3), (3, True): (0, 3, 1, 2), (2, False): (0, 1, 2)}
    order = axes[len(spec["shape"]) - 1, channels_first]

    def encode(images: ImageBatch) -> Any:
        stack = _scale_values(_to_grey(images) if grey else np.stack(images), dtype, scale)
        stack = stack[..., 0] if len(order) == 3 else stack
        array = np.ascontiguousarray(stack.transpose(order))
        return {name: array} if name else array

    size = (shape[0], shape[1]) if min(shape) > 0 else _square(image_size)
    return InputFormat(size=size, max_batch_size=None if count == -1 else 1, encode=encode)


def _file_format(column: Mapping[str, Any], image_size: int | None, *, as_list: bool) -> InputFormat:
    def encode(images: ImageBatch) -> Any:
        files: list[Any] = [encode_png(image) for image in images]
        if column["type"] == "string":
            files = [base64.b64encode(file).decode("ascii") for file in files]
        return files if as_list else pd.DataFrame({column.get("name", 0): files})

    return InputFormat(size=_square(image_size), max_batch_size=None, encode=encode)


def _dtype(tensor: Mapping[str, Any]) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(tensor["tensor-spec"]["dtype"])
    if dtype.kind not in "uif" or dtype == np.int8:
        raise _unsupported_error([tensor])
    return dtype


def _scale_values(stack: NDArray[np.uint8], dtype: DTypeLike, scale: float) -> NDArray[Any]:
    values = stack.astype(dtype)
    return values / np.asarray(255 / scale, dtype) if values.dtype.kind == "f" else values


def _to_grey(images: ImageBatch) -> NDArray[np.uint8]:
    return np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None] for image in images])


def _square(image_size: int | None) -> tuple[int, int] | None:
    return None if image_size is None else (image_size, image_size)


def _unsupported_error(inputs: Sequence[Mapping[str, Any]]) -> ModelError:
    return ModelError(
        f"The signature of the MLflow model requires {list(map(dict, inputs))}, which is not a supported image input.",
        fix=f"log it again with a signature for images: {SUPPORTED_INPUTS}.",
    )

"""Fitted models for ``mlflow models``: no pickle, one row per image, one column per class."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from arogya_bench.errors import ModelError
from arogya_bench.runtime.config_packages import model_targets
from arogya_bench.runtime.digests import adapter_identity
from arogya_bench.runtime.redaction import is_secret, redact_config
from arogya_bench.types import Detections, Detector, Image, ImageBatch, Model, Predictor

ADAPTER_FILE = "adapter.json"
CARD_FILE = "model_card.md"  # what a model says of itself, with the date of its fit
CARD_KEY = "arogya_card"  # in the metadata of the MLflow model: the same as names and values, without the date
# Class paths in models that were stored before adapters declared a name.
OLD_CLASS_PATHS = {
    "arogya_bench.models.efficientnet_lite0.EfficientNetLite0": "efficientnet_lite0",
    "arogya_bench.models.keras_cnn.KerasConvNet": "keras_cnn",
    "arogya_bench.models.opencv.OpenCVClassifier": "opencv",
    "arogya_bench.models.prior.Prior": "prior",
    "arogya_bench.models.pyfunc.PyFunc": "pyfunc",
    "arogya_bench.models.pytorch_cnn.ConvNet": "pytorch_cnn",
    "arogya_bench.models.resnet50.ResNet50": "resnet50",
    "arogya_bench.models.yolov8_cls.YOLOv8Classifier": "yolov8_cls",
    "arogya_bench.models.yolov8_det.YOLOv8Detector": "yolov8_det",
}
DETECTIONS_COLUMN = "detections"  # holds a JSON list of boxes per image


def write_adapter_file(model: Model, classes: tuple[str, ...], out: Path) -> None:
    """Write the adapter, its settings and the class order beside the weights.

    The adapter is identified by its ``adapter_name``. Its import path is added only if no config package has the
    adapter, since ``find_adapter`` would not find it.
    """
    content = {
        **adapter_identity(model),
        **({} if find_adapter(model.adapter_name) else {"target": import_path(type(model))}),
        "fields": _public_settings(model),
        "classes": list(classes),
    }
    (out / ADAPTER_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _public_settings(model: Model) -> dict[str, object]:
    """Settings of an adapter without secrets, which it looks up where it serves."""
    fields = asdict(cast("Any", model))
    return redact_config({name: value for name, value in fields.items() if not is_secret(name)})


class ServedModel:
    """A stored model that predicts a table from images.

    Attributes:
        classes: In the order of the columns.
        task: ``classification`` or ``detection``.
    """

    def __init__(self, folder: Path) -> None:
        described = json.loads((folder / ADAPTER_FILE).read_text(encoding="utf-8"))
        model = cast("Model", _adapter_class(described)(**described["fields"]))
        self.classes = tuple(described["classes"])
        self.task = model.task
        self._predict = model.load(folder, classes=self.classes, device="auto")

    def predict(self, images: object, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Predict one row per image: one probability per class, or the detected boxes as JSON.

        Args:
            images: Shape (n, height, width, 3), RGB, 0 to 255; or a list of images, whose sizes may differ.
            params: Ignored.
        """
        del params
        batch = [_to_image(image) for image in cast("Any", images)]
        if self.task == "detection":
            detections = cast("Detector", self._predict)(batch)
            return pd.DataFrame({DETECTIONS_COLUMN: [self._boxes_to_json(d) for d in detections]})
        rows = cast("Predictor", self._predict)(cast("ImageBatch", batch))
        return pd.DataFrame(rows, columns=list(self.classes))

    def _boxes_to_json(self, detections: Detections) -> str:
        boxes, scores = detections.boxes.tolist(), detections.scores.tolist()
        return json.dumps(
            [
                {"box": box, "score": score, "class": self.classes[label]}
                for box, score, label in zip(boxes, scores, detections.labels, strict=True)
            ]
        )


def _load_pyfunc(path: str) -> ServedModel:
    """Load the folder of a fit; MLflow calls this function by name."""
    return ServedModel(Path(path))


def find_adapter(name: str) -> type | None:
    """Return the adapter class that declares a name; None if no config has such an adapter.

    Searches the configs of the group ``model``: ours, then those of installed config packages.
    """
    for target in model_targets():
        try:
            adapter = _import_object(target)
        except (ImportError, AttributeError, ValueError):
            continue  # a broken package is reported when its model is used
        if getattr(adapter, "adapter_name", None) == name:
            return cast("type", adapter)
    return None


def import_path(adapter: type) -> str:
    """Dotted path of a class."""
    return f"{adapter.__module__}.{adapter.__qualname__}"


def _adapter_class(described: Mapping[str, Any]) -> type:
    """Return the adapter class of a stored model."""
    target = str(described.get("target") or "")
    name = described.get("adapter") or OLD_CLASS_PATHS.get(target)
    if name and (adapter := find_adapter(name)):
        return adapter
    try:
        return cast("type", _import_object(target))
    except (ImportError, AttributeError, ValueError) as error:
        missing = f"{name}, which no installed package provides"
        raise ModelError(
            f"This model was fitted by {f'{target}, which cannot be imported: {error}' if target else missing}.",
            fix="install the package of the adapter, in the version that requirements.txt lists.",
        ) from error


def _import_object(target: str) -> object:
    module, _, name = target.rpartition(".")
    return getattr(import_module(module), name)


def _to_image(values: object) -> Image:
    image = np.asarray(values)
    if image.ndim != 3 or image.shape[2] != 3:
        raise ModelError(
            f"An image of shape {image.shape} cannot be predicted.",
            fix="send RGB images of shape (height, width, 3), values from 0 to 255.",
        )
    if image.dtype != np.uint8:
        if not np.issubdtype(image.dtype, np.integer) or image.min() < 0 or image.max() > 255:
            raise ModelError(
                f"An image of type {image.dtype} with values from {image.min()} to {image.max()} cannot be predicted.",
                fix="send whole numbers from 0 to 255.",
            )
        image = image.astype(np.uint8)
    return image

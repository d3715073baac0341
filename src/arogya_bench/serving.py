"""A fitted model as ``mlflow models`` sees it: no pickle, one row per image, columns by class."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from arogya_bench.disguise import is_secret, without_secrets
from arogya_bench.errors import ModelError
from arogya_bench.types import Detections, Detector, Image, ImageBatch, Model, Predictor

ADAPTER_FILE = "adapter.json"
DETECTIONS = "detections"  # the column of a detector: a JSON list of boxes per image


def describe(model: Model, classes: tuple[str, ...], out: Path) -> None:
    """Write beside the weights which adapter reads them, with its settings and class order."""
    kind = type(model)
    content = {
        "target": f"{kind.__module__}.{kind.__qualname__}",
        "fields": _shown(model),
        "classes": list(classes),
    }
    (out / ADAPTER_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _shown(model: Model) -> dict[str, object]:
    """The settings of an adapter but for its secrets, which it finds by itself where it serves."""
    fields = asdict(cast("Any", model))
    return without_secrets({key: each for key, each in fields.items() if not is_secret(key)})


class Served:
    """Images in, a table out.

    Attributes:
        classes: In the order of the columns.
        task: ``classification`` or ``detection``.
    """

    def __init__(self, folder: Path) -> None:
        described = json.loads((folder / ADAPTER_FILE).read_text(encoding="utf-8"))
        model = _adapter(described["target"], described["fields"])
        self.classes = tuple(described["classes"])
        self.task = model.task
        self._predict = model.load(folder, classes=self.classes, device="auto")

    def predict(self, images: object, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Predict a batch.

        Args:
            images: Shape (n, height, width, 3), RGB, 0 to 255; or a list of such images, whose
                sizes may differ.
            params: None are known.

        Returns:
            One row per image: a probability per class, or the found boxes as JSON.
        """
        del params
        batch = [_image(each) for each in cast("Any", images)]
        if self.task == "detection":
            found = cast("Detector", self._predict)(batch)
            return pd.DataFrame({DETECTIONS: [self._boxes(each) for each in found]})
        rows = cast("Predictor", self._predict)(cast("ImageBatch", batch))
        return pd.DataFrame(rows, columns=list(self.classes))

    def _boxes(self, found: Detections) -> str:
        boxes = zip(found.boxes.tolist(), found.scores.tolist(), found.labels, strict=True)
        return json.dumps(
            [
                {"box": box, "score": score, "class": self.classes[label]}
                for box, score, label in boxes
            ]
        )


def _load_pyfunc(path: str) -> Served:
    """What MLflow calls with the folder of a fit."""
    return Served(Path(path))


def _adapter(target: str, fields: Mapping[str, Any]) -> Model:
    module, _, name = target.rpartition(".")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"This model was fitted by {target}, which cannot be imported: {error}.",
            fix="install the package that holds it, in the version that requirements.txt names.",
        ) from error
    return cast("Model", kind(**fields))


def _image(values: object) -> Image:
    image = np.asarray(values)
    if image.ndim != 3 or image.shape[2] != 3:
        raise ModelError(
            f"An image of shape {image.shape} came in.",
            fix="send RGB images of shape (height, width, 3), values from 0 to 255.",
        )
    if image.dtype != np.uint8:
        if not np.issubdtype(image.dtype, np.integer) or image.min() < 0 or image.max() > 255:
            raise ModelError(
                f"An image of type {image.dtype} with values from {image.min()} to {image.max()} "
                "came in.",
                fix="send whole numbers from 0 to 255.",
            )
        image = image.astype(np.uint8)
    return image

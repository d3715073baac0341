"""Votes of the training images that are as bright."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.devices import check_device_name
from arogya_bench.frameworks.fit_files import check_classes, read_json, save_classes
from arogya_bench.types import FitReport, ImageBatch, Predictor, Probabilities, Subset, Training


@dataclass(frozen=True, kw_only=True)
class Majority:
    """The classes of the training images of the same mean brightness, as shares.

    Attributes:
        levels: Of brightness, 1 to 256.
    """

    adapter_name: ClassVar[str] = "acme_majority"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = None
    levels: int = 64

    def check(self, *, device: str) -> None:
        check_device_name(device)

    def fit(
        self, train: Subset, validation: Subset, *, training: Training, seed: int, device: str, out: Path
    ) -> FitReport:
        votes = np.ones((self.levels, len(train.classes)))  # one each, so that no share is 0
        np.add.at(votes, (self._levels(list(train.images())), train.targets), 1)
        (out / "votes.json").write_text(json.dumps({"votes": votes.tolist()}), encoding="utf-8")
        save_classes(out, train.classes, {"levels": self.levels})
        return FitReport()

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor:
        check_classes(weights, classes, {"levels": self.levels})
        votes = np.array(read_json(weights / "votes.json", "votes")["votes"])
        if votes.shape != (self.levels, len(classes)):
            raise ModelError(f"{weights} holds votes of shape {votes.shape}.", fix="fit again.")
        shares = votes / votes.sum(axis=1, keepdims=True)

        def predict(images: ImageBatch) -> Probabilities:
            return shares[self._levels(images)]

        return predict

    def _levels(self, images: ImageBatch) -> np.ndarray:
        means = np.array([image.mean() for image in images])
        return (means * self.levels / 256).astype(np.int64)

"""Baseline that predicts class frequencies, whatever the image shows."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from arogya_bench.errors import ModelError
from arogya_bench.frameworks.devices import check_device_name
from arogya_bench.frameworks.fit_files import check_classes, damaged_file_error, read_json, save_classes
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.types import FitReport, Probabilities, Subset, Training

FREQUENCIES_FILE = "frequencies.json"


@dataclass(frozen=True, kw_only=True)
class Prior:
    """Predicts the class frequencies of the train split for every image."""

    adapter_name: ClassVar[str] = "prior"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = None
    commercial_use: ClassVar[bool] = True
    seeded: ClassVar[bool] = False  # no seed changes the frequencies

    def check(self, *, device: str) -> None:
        """Raise ConfigError if ``device`` is not a known name."""
        check_device_name(device)

    def fit(
        self, train: Subset, validation: Subset, *, training: Training, seed: int, device: str, out: Path
    ) -> FitReport:
        """Count the classes of ``train``."""
        del validation, training, seed, device  # part of the interface; not used
        if not len(train):
            raise ModelError("The train split is empty.", fix="raise limit, or change the split.")
        counts = np.bincount(train.targets, minlength=len(train.classes))
        content = {"frequencies": (counts / counts.sum()).tolist()}
        (out / FREQUENCIES_FILE).write_text(json.dumps(content) + "\n", encoding="utf-8")
        save_classes(out, train.classes, {})
        return FitReport()

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> PredictionSteps:
        """Read the frequencies."""
        check_device_name(device)
        check_classes(weights, classes, {})
        content = read_json(weights / FREQUENCIES_FILE, "frequencies")
        frequencies = np.asarray(content["frequencies"], dtype=np.float64)
        if frequencies.shape != (len(classes),):
            raise damaged_file_error(weights / FREQUENCIES_FILE, f"it holds {frequencies.size} numbers")

        def forward(count: int) -> Probabilities:
            return np.tile(frequencies, (count, 1))

        return PredictionSteps(
            preprocess=len,  # the images do not matter
            forward=forward,
            postprocess=lambda rows, _: rows,
            class_count=len(classes),
        )

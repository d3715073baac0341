"""Classical baseline: OpenCV features with a support vector machine or nearest neighbours."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from arogya_bench.errors import ConfigError, ModelError
from arogya_bench.frameworks.array_files import read_arrays, save_arrays
from arogya_bench.frameworks.devices import check_device_name
from arogya_bench.frameworks.fit_files import check_classes, damaged_file_error, read_json, save_classes
from arogya_bench.frameworks.prediction_steps import PredictionSteps
from arogya_bench.models.field_checks import check_choice, check_image_size, check_positive
from arogya_bench.models.opencv_classifiers import (
    FeatureClassifier,
    NearestNeighbours,
    fit_support_vectors,
    read_neighbours,
    read_support_vectors,
)
from arogya_bench.models.opencv_features import (
    DESCRIPTOR_WIDTHS,
    HOG_CELL,
    Grey,
    LocalFeatures,
    Vocabulary,
    Words,
    grey_images,
    hog_features,
    learn_vocabulary,
    visual_word_histograms,
)
from arogya_bench.models.temperature import Calibration, fit_calibration
from arogya_bench.types import FitReport, Floats, Image, ImageBatch, Subset, Training

CHOICES = {"features": ("hog", "orb", "sift"), "keypoints": ("detected", "grid"), "classifier": ("svm", "knn")}
CALIBRATION_FILE = "calibration.json"
VOCABULARY_FILE = "vocabulary.npz"


@dataclass(frozen=True, kw_only=True)
class OpenCVClassifier:
    """Features of the grey image, then a support vector machine or nearest neighbours.

    A calibration on the validation split turns the scores of the classifier into probabilities.

    Attributes:
        features: ``hog`` (oriented gradients), or a bag of visual words of ``orb`` or ``sift``.
        classifier: ``svm`` (RBF kernel, balanced classes) or ``knn`` (nearest neighbours).
        image_size: Pixels after resizing, at least 32; a multiple of 16 for ``hog``.
        keypoints: ``detected``, or ``grid`` for evenly spaced ones; for orb and sift.
        vocabulary: Number of visual words, at least 2; for orb and sift.
        neighbours: Number of training cases that vote, at least 1; for knn.
        C: Cost of a case on the wrong side of the margin, above 0; for svm.
        gamma: Inverse width of the RBF kernel; None means 1 / (features x their variance).
    """

    features: str = "hog"
    classifier: str = "svm"
    image_size: int = 128
    keypoints: str = "detected"
    vocabulary: int = 200
    neighbours: int = 15
    C: float = 1.0
    gamma: float | None = None
    adapter_name: ClassVar[str] = "opencv"
    adapter_version: ClassVar[int] = 1
    task: ClassVar[str] = "classification"
    commercial_use: ClassVar[bool] = True  # OpenCV has the licence Apache-2.0
    extra: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        check_image_size(self.image_size, at_least=2 * HOG_CELL)  # ORB compares within 31 pixels
        if self.features == "hog" and self.image_size % HOG_CELL:
            raise ConfigError(
                f"image_size is {self.image_size}, which is not a multiple of the HOG cells of {HOG_CELL} pixels.",
                fix=f"set image_size={self.image_size // HOG_CELL * HOG_CELL}.",
            )
        check_positive(C=self.C, gamma=self.gamma, neighbours=self.neighbours)
        if self.vocabulary < 2:
            raise ConfigError(f"vocabulary is {self.vocabulary}.", fix="set model.vocabulary to 2 or more.")

    @property
    def seeded(self) -> bool:
        """Whether the fit depends on the seed: only the visual words do."""
        return self.features != "hog"

    def check(self, *, device: str) -> None:
        """Raise ConfigError if ``device`` is not a known name; this model uses the CPU."""
        check_device_name(device)

    def fit(
        self, train: Subset, validation: Subset, *, training: Training, seed: int, device: str, out: Path
    ) -> FitReport:
        """Fit visual words and classifier on ``train``, and the calibration on ``validation``."""
        del training, device  # part of the interface; not used
        self._check_cases(train)
        vocabulary = self._learn_vocabulary(train, seed)
        visual_words = vocabulary.words if vocabulary else None
        features = self._extract_features(train.images(), visual_words)
        validation_features = self._extract_features(validation.images(), visual_words)
        classifier = self._fit_classifier(features, train, seed)
        calibration = fit_calibration(classifier.scores(validation_features), validation.targets)
        if visual_words is not None:
            save_arrays(out / VOCABULARY_FILE, {"words": visual_words})
        classifier.save(out)
        content = json.dumps(asdict(calibration), indent=2) + "\n"
        (out / CALIBRATION_FILE).write_text(content, encoding="utf-8")
        save_classes(out, train.classes, self._settings())
        notes = _notes(vocabulary, training=features, validation=validation_features)
        return FitReport(notes=(classifier.note(), *notes))

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> PredictionSteps:
        """Load visual words, classifier and calibration."""
        check_device_name(device)
        check_classes(weights, classes, self._settings())
        visual_words = self._read_visual_words(weights)
        classifier = self._read_classifier(weights, len(classes))
        saved = read_json(weights / CALIBRATION_FILE, "scale", "bias")
        calibration = Calibration(scale=saved["scale"], bias=tuple(saved["bias"]))

        def preprocess(images: ImageBatch) -> list[Grey]:
            return list(grey_images(images, self.image_size))

        def forward(greys: list[Grey]) -> Floats:
            return classifier.scores(self._extract_grey_features(greys, visual_words))

        return PredictionSteps(
            preprocess=preprocess,
            forward=forward,
            postprocess=lambda scores, _: calibration.probabilities(scores),
            class_count=len(classes),
        )

    def _settings(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name not in ("C", "gamma")}

    def _local_features(self) -> LocalFeatures:
        return LocalFeatures(kind=self.features, keypoints=self.keypoints, image_size=self.image_size)

    def _extract_features(self, images: Iterable[Image], visual_words: Words | None) -> Floats:
        return self._extract_grey_features(grey_images(images, self.image_size), visual_words)

    def _extract_grey_features(self, images: Iterable[Grey], visual_words: Words | None) -> Floats:
        if visual_words is None:
            return hog_features(images, self.image_size)
        return visual_word_histograms(images, self._local_features(), visual_words)

    def _learn_vocabulary(self, train: Subset, seed: int) -> Vocabulary | None:
        if self.features == "hog":
            return None
        return learn_vocabulary(train, self._local_features(), size=self.vocabulary, seed=seed)

    def _fit_classifier(self, features: Floats, train: Subset, seed: int) -> FeatureClassifier:
        if self.classifier == "svm":
            return fit_support_vectors(features, train.targets, cost=self.C, gamma=self.gamma, seed=seed)
        return NearestNeighbours(
            features=features, targets=train.targets, class_count=len(train.classes), neighbours=self.neighbours
        )

    def _read_visual_words(self, weights: Path) -> Words | None:
        if self.features == "hog":
            return None
        visual_words = read_arrays(weights / VOCABULARY_FILE, "words")["words"]
        if (
            visual_words.shape != (self.vocabulary, DESCRIPTOR_WIDTHS[self.features])
            or visual_words.dtype != np.float32
        ):
            raise damaged_file_error(weights / VOCABULARY_FILE, f"it holds {visual_words.dtype} {visual_words.shape}")
        return visual_words

    def _read_classifier(self, weights: Path, classes: int) -> FeatureClassifier:
        if self.classifier == "svm":
            return read_support_vectors(weights)
        return read_neighbours(weights, class_count=classes, neighbours=self.neighbours)

    def _check_cases(self, train: Subset) -> None:
        counts = np.bincount(train.targets, minlength=len(train.classes))
        if not counts.all() or len(train.classes) < 2:
            raise ModelError(
                "This model needs two or more classes and training cases of each; the train split "
                f"has {dict(zip(train.classes, counts.tolist(), strict=True))}.",
                fix="raise limit, or change the split so that every class occurs in train.",
            )
        if self.classifier == "knn" and len(train) < self.neighbours:
            raise ModelError(
                f"neighbours is {self.neighbours}; the train split has {len(train)} cases.",
                fix=f"set model.neighbours={len(train)} or less, or raise limit.",
            )


def _notes(vocabulary: Vocabulary | None, **features: Floats) -> Iterator[str]:
    """Describe the source of the visual words, and count images without keypoints."""
    if vocabulary is None:
        return
    yield (
        f"{len(vocabulary.words)} visual words from {vocabulary.descriptors} descriptors of "
        f"{vocabulary.images} training images"
    )
    for split, rows in features.items():
        if blank := int((~rows.any(axis=1)).sum()):
            yield f"{blank} of {len(rows)} {split} images have no keypoints: a row of zeros"

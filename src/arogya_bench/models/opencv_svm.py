"""The classical row: OpenCV's oriented gradients and a support vector machine."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from zipfile import BadZipFile

import cv2
import numpy as np

from arogya_bench.errors import ConfigError, ModelError, nearest
from arogya_bench.models.calibration import Calibration, fitted_calibration
from arogya_bench.models.devices import require_device_name
from arogya_bench.models.fields import require_positive, require_size
from arogya_bench.models.preprocessing import resized
from arogya_bench.models.saved import damaged, existing, read_json, require_classes, save_classes
from arogya_bench.types import (
    FitReport,
    Floats,
    Image,
    ImageBatch,
    Predictor,
    Probabilities,
    Subset,
    Training,
)

if TYPE_CHECKING:
    from sklearn.svm import SVC

FEATURES = ("hog",)
SVM_FILE = "svm.skops"
CALIBRATION_FILE = "calibration.json"
CELL = 16  # pixels; a HOG block is 2 x 2 cells and moves by one
DIRECTIONS = 9


@dataclass(frozen=True, kw_only=True)
class OpenCVClassifier:
    """Grey image, histogram of oriented gradients, RBF support vector machine.

    Classes weigh inversely to their frequency; the decision values become probabilities by a
    calibration on the validation split.

    Attributes:
        features: ``hog``.
        image_size: Pixels after resizing; a multiple of 16, at least 32.
        C: Cost of a case on the wrong side of the margin, above 0.
        gamma: Inverse width of the RBF kernel; None means 1 / (features x their variance).
    """

    features: str = "hog"
    image_size: int = 128
    C: float = 1.0
    gamma: float | None = None
    task: ClassVar[str] = "classification"
    extra: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        if self.features not in FEATURES:
            raise ConfigError(
                f"Unknown features {self.features!r}.{nearest(self.features, FEATURES)}",
                fix=f"set model.features to {' or '.join(FEATURES)}.",
            )
        require_size(self.image_size, at_least=2 * CELL)
        if self.image_size % CELL:
            raise ConfigError(
                f"image_size is {self.image_size}, which HOG cells of {CELL} pixels do not tile.",
                fix=f"set image_size={self.image_size // CELL * CELL}.",
            )
        require_positive(C=self.C, gamma=self.gamma)

    def check(self, *, device: str) -> None:
        """Raise ConfigError if ``device`` is not a known name; this model uses the CPU."""
        require_device_name(device)

    def fit(
        self,
        train: Subset,
        validation: Subset,
        *,
        training: Training,
        seed: int,
        device: str,
        out: Path,
    ) -> FitReport:
        """Fit the machine on ``train`` and its calibration on ``validation``.

        Raises:
            ModelError: If a class has no case in ``train``.
        """
        from sklearn.svm import SVC

        del training, device  # a convex problem on the CPU, without epochs
        _require_every_class(train)
        svm = SVC(
            C=self.C,
            gamma="scale" if self.gamma is None else self.gamma,
            class_weight="balanced",
            decision_function_shape="ovo",
            random_state=seed,  # moves no number; None would draw from NumPy's global generator
        ).fit(self._described(train.images()), train.targets)
        scores = margins(svm, self._described(validation.images()))
        calibration = fitted_calibration(scores, validation.targets)
        self._save(svm, calibration, train.classes, out)
        return FitReport(
            notes=(f"{svm.support_.size} support vectors of {len(train)} training cases",)
        )

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor:
        """Read the machine and its calibration.

        Raises:
            ModelError: If the folder is damaged, or fitted for other classes or settings.
        """
        require_device_name(device)
        require_classes(weights, classes, self._settings())
        svm = _read_svm(weights / SVM_FILE)
        saved = read_json(weights / CALIBRATION_FILE, "scale", "bias")
        calibration = Calibration(scale=saved["scale"], bias=tuple(saved["bias"]))

        def predict(images: ImageBatch) -> Probabilities:
            if not len(images):
                return np.empty((0, len(classes)))
            return calibration.probabilities(margins(svm, self._described(images)))

        return predict

    def _settings(self) -> dict[str, object]:
        return {"features": self.features, "image_size": self.image_size}

    def _described(self, images: Iterable[Image]) -> Floats:
        size, cell = self.image_size, CELL
        hog = cv2.HOGDescriptor(
            (size, size), (2 * cell, 2 * cell), (cell, cell), (cell, cell), DIRECTIONS
        )
        width = int(hog.getDescriptorSize())
        rows = [
            np.asarray(hog.compute(cv2.cvtColor(resized(image, size), cv2.COLOR_RGB2GRAY))).ravel()
            for image in images
        ]
        return np.array(rows, dtype=np.float64).reshape(-1, width)

    def _save(
        self, svm: "SVC", calibration: Calibration, classes: tuple[str, ...], out: Path
    ) -> None:
        import skops.io

        skops.io.dump(svm, out / SVM_FILE)
        (out / CALIBRATION_FILE).write_text(
            json.dumps(asdict(calibration), indent=2) + "\n", encoding="utf-8"
        )
        save_classes(out, classes, self._settings())


def margins(svm: "SVC", features: Floats) -> Floats:
    """Average, for every class, its signed distances from the borders to the other classes.

    Returns:
        Shape (n, classes); for two classes the decision value and its negative.
    """
    values = np.asarray(svm.decision_function(features), dtype=np.float64)
    count = len(svm.classes_)
    if count == 2:  # scikit-learn turns the sign round for two classes alone
        return np.stack([-values, values], axis=1)
    scores = np.zeros((len(features), count))
    for column, (first, second) in enumerate(zip(*np.triu_indices(count, k=1), strict=True)):
        scores[:, first] += values[:, column]
        scores[:, second] -= values[:, column]
    return scores / (count - 1)


def _require_every_class(train: Subset) -> None:
    counts = np.bincount(train.targets, minlength=len(train.classes))
    absent = [name for name, n in zip(train.classes, counts, strict=True) if not n]
    if absent or len(train.classes) < 2:
        raise ModelError(
            f"A support vector machine needs cases of two or more classes and of every class; "
            f"the train split has {dict(zip(train.classes, counts.tolist(), strict=True))}.",
            fix="raise limit, or change the split so that every class occurs in train.",
        )


def _read_svm(file: Path) -> "SVC":
    import skops.io
    from sklearn.svm import SVC
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        svm = skops.io.load(existing(file), trusted=[])
    except UntrustedTypesFoundException as error:
        raise damaged(file, f"it holds types that are not trusted ({error})") from error
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise damaged(file, error) from error
    if not isinstance(svm, SVC):
        raise damaged(file, f"it holds a {type(svm).__name__}")
    return svm

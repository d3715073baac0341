"""Classifiers of image features: a support vector machine, or nearest neighbours."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zipfile import BadZipFile

import numpy as np
from scipy.spatial.distance import cdist

from arogya_bench.frameworks.array_files import read_arrays, save_arrays
from arogya_bench.frameworks.fit_files import check_file_exists, damaged_file_error
from arogya_bench.types import Floats, Labels

if TYPE_CHECKING:
    from sklearn.svm import SVC

SVM_FILE = "svm.skops"
NEIGHBOURS_FILE = "neighbours.npz"


class FeatureClassifier(Protocol):
    """Computes scores from features; a calibration turns them into probabilities."""

    def scores(self, features: Floats) -> Floats:
        """Return shape (n, classes); a higher score means more likely."""

    def save(self, out: Path) -> None:
        """Write the classifier into a folder."""

    def note(self) -> str:
        """Describe the fit in a sentence."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SupportVectors:
    """A fitted RBF support vector machine, with one decision value per pair of classes."""

    svm: "SVC"

    def scores(self, features: Floats) -> Floats:
        """Return the margins of each class, shape (n, classes)."""
        return margins(self.svm, features)

    def save(self, out: Path) -> None:
        """Write the machine in a format that holds no code."""
        import skops.io

        skops.io.dump(self.svm, out / SVM_FILE)

    def note(self) -> str:
        """Count the support vectors."""
        return f"{self.svm.support_.size} support vectors of {self.svm.shape_fit_[0]} training cases"


def fit_support_vectors(
    features: Floats, targets: Labels, *, cost: float, gamma: float | None, seed: int
) -> SupportVectors:
    """Fit a support vector machine with class weights inverse to the class frequencies.

    ``features`` has shape (n, width), ``targets`` (n,), with every class; ``gamma`` None means 1 / (width x variance of
    the features). The seed does not change the result; None would draw from NumPy's global generator.
    """
    from sklearn.svm import SVC

    svm = SVC(
        C=cost,
        gamma="scale" if gamma is None else gamma,
        class_weight="balanced",
        decision_function_shape="ovo",
        random_state=seed,
    )
    return SupportVectors(svm=svm.fit(features, targets))


def read_support_vectors(weights: Path) -> SupportVectors:
    """Read what ``save`` wrote; refuses types other than those of an SVC."""
    import skops.io
    from sklearn.svm import SVC
    from skops.io.exceptions import UntrustedTypesFoundException

    file = weights / SVM_FILE
    try:
        svm = skops.io.load(check_file_exists(file), trusted=[])
    except UntrustedTypesFoundException as error:
        raise damaged_file_error(file, f"it holds types that are not trusted ({error})") from error
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise damaged_file_error(file, error) from error
    if not isinstance(svm, SVC):
        raise damaged_file_error(file, f"it holds a {type(svm).__name__}")
    return SupportVectors(svm=svm)


def margins(svm: "SVC", features: Floats) -> Floats:
    """Average, for each class, its signed distances from the boundaries to the other classes; shape (n, classes)."""
    values = np.asarray(svm.decision_function(features), dtype=np.float64)
    count = len(svm.classes_)
    if count == 2:  # for two classes, scikit-learn returns one column with the opposite sign
        return np.stack([-values, values], axis=1)
    scores = np.zeros((len(features), count))
    for column, (first, second) in enumerate(zip(*np.triu_indices(count, k=1), strict=True)):
        scores[:, first] += values[:, column]
        scores[:, second] -= values[:, column]
    return scores / (count - 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class NearestNeighbours:
    """The training cases, of which the nearest ones vote.

    Distances are Euclidean, and features are not standardised: within each kind they have one scale (see
    ``hog_features`` and ``visual_word_histograms``). Frequent classes have more votes; the bias of the calibration
    corrects that.

    Attributes:
        features: Shape (n, width); float32 values stored as float64.
        neighbours: Number of votes, at most n.
    """

    features: Floats
    targets: Labels
    class_count: int
    neighbours: int

    def scores(self, features: Floats) -> Floats:
        """Return the logarithm of the vote shares, with one extra vote for every class.

        The extra vote is Laplace's rule of succession; it keeps the logarithm finite.
        """
        votes = np.array([self._votes(row) for row in features]).reshape(-1, self.class_count)
        return np.asarray(np.log((votes + 1) / (self.neighbours + self.class_count)), np.float64)

    def save(self, out: Path) -> None:
        """Write the cases; features as float32, which loses nothing."""
        save_arrays(out / NEIGHBOURS_FILE, {"features": np.asarray(self.features, np.float32), "targets": self.targets})

    def note(self) -> str:
        """Give the size, which grows with the training split."""
        size = self.features.nbytes / 1e6
        return f"{len(self.targets)} training cases are the model: {size:.0f} MB in memory"

    def _votes(self, row: Floats) -> Floats:
        """Votes per class; cases tied at the distance of the last neighbour share its votes.

        Computed for one image at a time, so that neither the batch nor the order of the training cases affects ties.
        """
        distances = cdist(row[None], self.features, "sqeuclidean")[0]
        last = np.partition(distances, self.neighbours - 1)[self.neighbours - 1]
        nearer, tied = distances < last, distances == last
        share = (self.neighbours - nearer.sum()) / tied.sum()
        weights = nearer + share * tied
        return np.bincount(self.targets, weights, self.class_count).astype(np.float64)


def read_neighbours(weights: Path, *, class_count: int, neighbours: int) -> NearestNeighbours:
    """Read what ``save`` wrote."""
    file = weights / NEIGHBOURS_FILE
    arrays = read_arrays(file, "features", "targets")
    features, targets = arrays["features"], arrays["targets"]
    fits = features.ndim == 2 and targets.shape == features.shape[:1] and len(targets) >= neighbours
    if not fits or targets.dtype.kind != "i" or not set(targets.tolist()) <= set(range(class_count)):
        raise damaged_file_error(file, f"it holds {features.shape} features and {targets.shape} targets")
    return NearestNeighbours(
        features=features.astype(np.float64),
        targets=targets.astype(np.int64),
        class_count=class_count,
        neighbours=neighbours,
    )

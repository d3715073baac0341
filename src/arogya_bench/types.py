"""The data that travels: cases, datasets, predictions, evaluations, and the shapes of arrays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]  # (height, width, 3), RGB
ImageBatch: TypeAlias = Sequence[Image]  # sizes may differ within a batch
Labels: TypeAlias = NDArray[np.int64]  # (n,), index into the classes
Probabilities: TypeAlias = NDArray[np.float64]  # (n, classes), rows sum to 1
Floats: TypeAlias = NDArray[np.float64]  # any shape; the user says which
Predictor: TypeAlias = Callable[[ImageBatch], Probabilities]
Augment: TypeAlias = Callable[[Image, float, np.random.Generator], Image]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing to be judged.

    Attributes:
        case_id: Unique within its dataset.
        group_id: The patient or lesion; cases of one group never straddle a split.
        target: Index into the classes of the dataset.
        metadata: Columns such as sex, age or site; the same keys for every case.
        split: ``train``, ``validation`` or ``test`` where the source fixes it, else None.
    """

    case_id: str
    group_id: str
    target: int
    metadata: Mapping[str, str | float] = field(default_factory=dict)
    split: str | None = None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Cases of one task, and the way to their images.

    Attributes:
        name: Short and free of paths; it becomes the tag ``arogya.dataset``.
        task: ``classification``, until more tasks exist.
        classes: In the order of ``Case.target`` and of every probability column.
        grouped: Whether ``group_id`` says more than ``case_id``; False means that the source
            names no patients, and that intervals are too narrow if patients repeat.
        digest: 32 hexadecimal characters of the content: images, labels, groups, classes.
        source: Where it came from, for the record; never a path.
        read: Decodes the image of a case; raises DatasetError if it cannot.
    """

    name: str
    task: str
    classes: tuple[str, ...]
    cases: tuple[Case, ...]
    grouped: bool
    digest: str
    licence: str
    source: str
    version: str
    read: Callable[[Case], Image]


@dataclass(frozen=True, kw_only=True)
class Subset:
    """The cases of one split; images are decoded on demand."""

    dataset: Dataset
    cases: tuple[Case, ...]

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the dataset, in the order of the targets."""
        return self.dataset.classes

    @property
    def targets(self) -> Labels:
        """Class indices, shape (n,)."""
        return np.array([case.target for case in self.cases], dtype=np.int64)

    def images(self) -> Iterator[Image]:
        """Decode the images one by one, in the order of the cases."""
        return (self.dataset.read(case) for case in self.cases)

    def batches(self, size: int) -> Iterator[tuple[Case, ...]]:
        """Cut the cases into runs of at most ``size``, in order."""
        for start in range(0, len(self.cases), size):
            yield self.cases[start : start + size]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the torch rows are trained; other systems use the fields that they know.

    Attributes:
        epochs: At most so many passes over the training split.
        batch_size: Images per step.
        learning_rate: Peak of the schedule, for models fitted from scratch.
        weight_decay: Decoupled, as in AdamW.
        warmup: Share of all steps in which the rate rises linearly, 0 to 1.
        patience: Epochs without a better validation macro F1 before stopping.
        class_weights: Whether rare classes weigh more, inversely to their frequency.
        flip: Whether training images are mirrored at random.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: float = 0.1
    patience: int = 5
    class_weights: bool = True
    flip: bool = True


@dataclass(frozen=True, kw_only=True)
class FitReport:
    """What one training left to say.

    Attributes:
        curves: One mapping of metric name to value per epoch; empty without epochs.
        best_epoch: Counted from 1; None for a model without epochs.
        notes: Facts that a reader of the numbers should know.
    """

    curves: tuple[Mapping[str, float], ...] = ()
    best_epoch: int | None = None
    notes: tuple[str, ...] = ()


class Model(Protocol):
    """A system under test: a frozen dataclass whose fields are its hyperparameters."""

    def check(self, *, device: str) -> None:
        """Raise Fixable if this model cannot run here; costs nothing, loads nothing."""

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
        """Train on ``train`` only and leave everything that ``load`` needs in ``out``."""

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor:
        """Read what ``fit`` left in the folder ``weights``; refuse another class order."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The per-case table of one evaluation of a classifier.

    Attributes:
        case_ids: n names, unique.
        group_ids: n names of patients or lesions.
        targets: Shape (n,).
        probabilities: Shape (n, classes), columns in the order of ``classes``.
        metadata: One list of n values per column.
    """

    classes: tuple[str, ...]
    case_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    targets: Labels
    probabilities: Probabilities
    metadata: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)

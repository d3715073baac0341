"""The data that travels: cases, datasets, predictions, evaluations, and the shapes of arrays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]  # (height, width, 3), RGB
Mask: TypeAlias = NDArray[np.uint8]  # (height, width), index into the classes; 0 is background
ImageBatch: TypeAlias = Sequence[Image]  # sizes may differ within a batch
Labels: TypeAlias = NDArray[np.int64]  # (n,), index into the classes
Probabilities: TypeAlias = NDArray[np.float64]  # (n, classes), rows sum to 1
Floats: TypeAlias = NDArray[np.float64]  # any shape; the user says which
Predictor: TypeAlias = Callable[[ImageBatch], Probabilities]
Detector: TypeAlias = Callable[[ImageBatch], "Sequence[Detections]"]
Augment: TypeAlias = Callable[[Image, float, np.random.Generator], Image]


@dataclass(frozen=True, kw_only=True)
class Box:
    """One object in an image, as the truth has it.

    Attributes:
        left: Pixels from the left edge of the image, 0 or more; so ``top`` from the upper edge.
        width: Pixels, above 0; so ``height``. Edges are continuous: no pixel is added.
        label: Index into the classes of the dataset.
        crowd: Whether it stands for many objects; a detection inside is not counted at all.
    """

    left: float
    top: float
    width: float
    height: float
    label: int
    crowd: bool = False


@dataclass(frozen=True, kw_only=True)
class Detections:
    """What a detector found in one image, in any order.

    Attributes:
        boxes: Shape (m, 4): left, top, width, height in pixels of the image that it was given.
        scores: Shape (m,), confidence from 0 to 1.
        labels: Shape (m,), index into the classes.
    """

    boxes: Floats
    scores: Floats
    labels: Labels


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing to be judged.

    Attributes:
        case_id: Unique within its dataset.
        group_id: The patient or lesion; cases of one group never straddle a split.
        target: Index into the classes of the dataset; None where the source labels boxes alone.
        metadata: Columns such as sex, age or site; the same keys for every case.
        split: ``train``, ``validation`` or ``test`` where the source fixes it, else None.
        boxes: Every object in the image; None where the source names no boxes at all.
    """

    case_id: str
    group_id: str
    target: int | None
    metadata: Mapping[str, str | float] = field(default_factory=dict)
    split: str | None = None
    boxes: tuple[Box, ...] | None = None

    @property
    def present_classes(self) -> tuple[int, ...]:
        """The classes that the case shows: its label, or else those of its boxes, ascending."""
        if self.target is not None:
            return (self.target,)
        return tuple(sorted({box.label for box in self.boxes or ()}))


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Cases of one task, and the way to their images.

    Attributes:
        name: Short and free of paths; it becomes the tag ``arogya.dataset``.
        task: ``classification`` (every case has a target), ``detection`` (every case has boxes) or
            ``segmentation`` (every case has a mask).
        classes: In the order of ``Case.target`` and of every probability column; of a segmentation
            the first is the background.
        grouped: Whether ``group_id`` says more than ``case_id``; False means that the source
            names no patients, and that intervals are too narrow if patients repeat.
        digest: 32 hexadecimal characters of the content: images, labels, groups, classes.
        source: Where it came from, for the record; never a path.
        read: Decodes the image of a case; raises DatasetError if it cannot.
        notes: What a reader of the numbers should know of the source, such as boxes left out.
        citation: What its authors ask to be cited; empty where nobody stated it.
        files: Case id to the file of its image; empty where the images are arrays.
        read_mask: Decodes the mask of a case, of the size of its image; None without masks.
        overlaps: Names of other datasets that share images with this one.
        ordinal: Whether the classes are grades, in ascending order.
        stray_labels: Case id to a label of the source that is not among ``classes``; such a case
            has no target, and no evaluation may use it.
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
    notes: tuple[str, ...] = ()
    citation: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    read_mask: Callable[[Case], Mask] | None = None
    overlaps: tuple[str, ...] = ()
    ordinal: bool = False
    stray_labels: Mapping[str, str] = field(default_factory=dict)


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
        """Class indices, shape (n,); only where the dataset labels whole images.

        Raises:
            TypeError: If a case has boxes alone.
        """
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
    """How a row with epochs is trained, the same for all; other systems use what they know.

    The last seven fields are the training policy: what is drawn anew for each training image.

    Attributes:
        epochs: At most so many passes over the training split.
        batch_size: Images per step.
        learning_rate: Peak of the schedule, for models fitted from scratch.
        weight_decay: Decoupled, as in AdamW.
        warmup: Share of all steps in which the rate rises linearly, 0 to 1.
        patience: Epochs without a better validation macro F1 before stopping.
        class_weights: Whether rare classes weigh more, inversely to their frequency.
        deterministic: Whether only algorithms are used that give the same bits every time.
        flip: Whether images are mirrored left to right, at even odds.
        rotation: Largest angle to either side, in degrees, 0 to 180.
        brightness: Largest change to either side, as a share of full scale, 0 to 1.
        contrast: Largest change to either side, as a share of the contrast, 0 to 1.
        noise: Least and largest standard deviation, on the [0, 1] scale of a pixel; 0, 0 is none.
        zoom: Least and largest scale; below 1 shows the surroundings, which are mirrored.
        crop: Least share of the side that is kept, 0 to 1; the place is drawn. 1 keeps all.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: float = 0.1
    patience: int = 5
    class_weights: bool = True
    deterministic: bool = False
    flip: bool = True
    rotation: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    noise: tuple[float, float] = (0.0, 0.0)
    zoom: tuple[float, float] = (1.0, 1.0)
    crop: float = 1.0

    def __post_init__(self) -> None:
        """Make pairs of the lists that a config holds, so that equal policies are equal."""
        object.__setattr__(self, "noise", tuple(self.noise))
        object.__setattr__(self, "zoom", tuple(self.zoom))


@dataclass(frozen=True, kw_only=True)
class FitReport:
    """What one training left to say.

    Attributes:
        curves: One mapping of metric name to value per epoch; empty without epochs.
        best_epoch: Counted from 1; None for a model without epochs.
        notes: Facts that a reader of the numbers should know.
        gpu_peak_mb: The most memory held for tensors on a GPU, in MB; None without a GPU.
    """

    curves: tuple[Mapping[str, float], ...] = ()
    best_epoch: int | None = None
    gpu_peak_mb: float | None = None
    notes: tuple[str, ...] = ()


class Model(Protocol):
    """A system under test: a frozen dataclass whose fields are its hyperparameters.

    Attributes:
        adapter_name: Identifies the adapter in the keys of fits and cells and in stored models,
            so that its module and class can be renamed. Unique: begin it with the name of your
            package, such as ``acme_majority``.
        adapter_version: Raise it with every change that changes predictions; fits and cells are
            then computed again.
        task: ``classification``, or ``detection`` for one whose ``load`` gives a Detector.
        extra: The extra of arogya-bench that it needs; None if the core will do.
    """

    adapter_name: ClassVar[str]
    adapter_version: ClassVar[int]
    task: ClassVar[str]
    extra: ClassVar[str | None]

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
        """Train on ``train`` only and leave everything that ``load`` needs in ``out``.

        ``out`` may hold what a fit that was killed left there: a model with epochs goes on from
        its last one, and leaves nothing but the finished fit.
        """

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor | Detector:
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

    task: ClassVar[str] = "classification"

    classes: tuple[str, ...]
    case_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    targets: Labels
    probabilities: Probabilities
    metadata: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BoxPredictions:
    """What one evaluation of a detector found, image by image.

    Attributes:
        case_ids: n names, unique.
        group_ids: n names of patients or lesions.
        truth: n tuples of boxes, as they lie in the image that was shown.
        detections: n detections.
        metadata: One list of n values per column.
        threshold: Least score of a detection in precision, recall and F1; chosen on validation.
    """

    task: ClassVar[str] = "detection"

    classes: tuple[str, ...]
    case_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    truth: tuple[tuple[Box, ...], ...]
    detections: tuple[Detections, ...]
    metadata: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)
    threshold: float = 0.0

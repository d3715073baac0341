"""Shared data types: cases, datasets, models, predictions, and aliases for array shapes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]  # (height, width, 3), RGB
Mask: TypeAlias = NDArray[np.uint8]  # (height, width), index into the classes; 0 is background
ImageBatch: TypeAlias = Sequence[Image]  # sizes may differ within a batch
Labels: TypeAlias = NDArray[np.int64]  # (n,), index into the classes
Probabilities: TypeAlias = NDArray[np.float64]  # (n, classes), rows sum to 1
Floats: TypeAlias = NDArray[np.float64]  # any shape; documented where it is used
Predictor: TypeAlias = Callable[[ImageBatch], Probabilities]
Detector: TypeAlias = Callable[[ImageBatch], "Sequence[Detections]"]
# How an API answered a case, as the table of predictions names it; None where it does not apply.
ANSWER_COLUMNS = (
    "answer_status",  # ok, or one of the other values of api_models.calls.Status
    "answer_attempts",  # requests that were sent for it, over all repeats, now or in an earlier run
    "answer_input_tokens",  # of all attempts, as the API reported them; so the next three
    "answer_cached_tokens",  # part of the input
    "answer_output_tokens",
    "answer_thinking_tokens",  # beside the output, and billed like it
    "answer_usd",  # of all attempts; None without a price
    "answer_latency_ms",  # of the last attempt; None if the answer was reused
    "answer_wait_ms",  # for its turn, within the limits; None if it was reused
    "answer_retry_ms",  # of failed attempts and the pauses after them; None if it was reused
    "answer_reused",  # whether it came from the ledger, and nothing was sent
    "answer_model_version",  # that answered
    "answer_probability_sum",  # before it was divided by it
    "answer_agreement",  # share of the pairs of repeats with the same class; None without repeats
)
Augment: TypeAlias = Callable[[Image, float, np.random.Generator], Image]


@dataclass(frozen=True, kw_only=True)
class Box:
    """One annotated object in an image.

    Attributes:
        left: Pixels from the left edge of the image, 0 or more; ``top`` from the upper edge.
        width: Pixels, above 0; so ``height``. Coordinates are continuous: no pixel is added.
        label: Index into the classes of the dataset.
        crowd: Whether it stands for many objects; detections inside are not counted.
    """

    left: float
    top: float
    width: float
    height: float
    label: int
    crowd: bool = False


@dataclass(frozen=True, kw_only=True)
class Detections:
    """Objects that a detector found in one image, in any order.

    Attributes:
        boxes: Shape (m, 4): left, top, width, height in pixels of the detector's input image.
        scores: Shape (m,), confidence from 0 to 1.
        labels: Shape (m,), index into the classes.
    """

    boxes: Floats
    scores: Floats
    labels: Labels


@dataclass(frozen=True, kw_only=True)
class Case:
    """One image with its annotations.

    Attributes:
        case_id: Unique within its dataset.
        group_id: Patient or lesion; all cases of a group are in the same split.
        target: Index into the classes of the dataset; None if only boxes or masks are annotated.
        metadata: Columns such as sex, age or site; the same keys for every case.
        split: ``train``, ``validation`` or ``test`` if the source defines it, else None.
        boxes: Every object in the image; None if the source annotates no boxes.
    """

    case_id: str
    group_id: str
    target: int | None
    metadata: Mapping[str, str | float] = field(default_factory=dict)
    split: str | None = None
    boxes: tuple[Box, ...] | None = None

    @property
    def present_classes(self) -> tuple[int, ...]:
        """Indices of the classes in the image: its label, else those of its boxes, ascending."""
        if self.target is not None:
            return (self.target,)
        return tuple(sorted({box.label for box in self.boxes or ()}))


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Cases of one task, and functions that read their images.

    Attributes:
        name: Short, without paths; it becomes the tag ``arogya.dataset``.
        task: ``classification`` (every case has a target), ``detection`` (every case has boxes) or ``segmentation``
            (every case has a mask).
        classes: In the order of ``Case.target`` and of every probability column; of a segmentation the first is the
            background.
        grouped: Whether groups are known. If False, the source identifies no patients, and intervals are too narrow if
            patients have several images.
        digest: 32 hexadecimal characters of the content: images, labels, groups, classes.
        source: Origin of the data, for the record; never a path.
        read: Decodes the image of a case; raises DatasetError if it cannot be read.
        notes: Limitations of the source that affect the numbers, such as omitted boxes.
        citation: What its authors ask to cite; empty if unknown.
        files: Case id to image file; empty if the images are arrays.
        read_mask: Decodes the mask of a case, of the size of its image; None without masks.
        overlaps: Names of other datasets that share images with this one.
        ordinal: Whether the classes are grades, in ascending order.
        stray_labels: Case id to a label of the source that is not in ``classes``; such a case has no target and is
            never evaluated.
        positive: The class that was named as positive, of two the last; None if none was.
        excluded: Number of cases that the user left out.
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
    positive: str | None = None
    excluded: int = 0


@dataclass(frozen=True, kw_only=True)
class Subset:
    """The cases of one split; images are decoded on demand."""

    dataset: Dataset
    cases: tuple[Case, ...]

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names of the dataset, in the order of the targets."""
        return self.dataset.classes

    @property
    def targets(self) -> Labels:
        """Class indices, shape (n,); TypeError if a case has no target."""
        return np.array([case.target for case in self.cases], dtype=np.int64)

    def images(self) -> Iterator[Image]:
        """Decode the images one by one, in the order of the cases."""
        return (self.dataset.read(case) for case in self.cases)

    def batches(self, size: int) -> Iterator[tuple[Case, ...]]:
        """Yield the cases in order, in batches of at most ``size``."""
        for start in range(0, len(self.cases), size):
            yield self.cases[start : start + size]


@dataclass(frozen=True, kw_only=True)
class Training:
    """Training options, the same for all models; models without epochs use those that apply.

    The last seven fields are the training augmentation, drawn again for each training image.

    Attributes:
        epochs: Maximum number of passes over the training split.
        batch_size: Images per step.
        learning_rate: Peak of the schedule, for models trained from scratch.
        weight_decay: Decoupled, as in AdamW.
        warmup: Share of all steps with linearly rising learning rate, 0 to 1.
        patience: Epochs without a better validation score before stopping.
        monitor: Validation score by which a classifier's epoch is kept: ``f1_macro``, or ``val_loss``; the other one
            decides between equals.
        class_weights: Whether classes are weighted inversely to their frequency.
        deterministic: Whether only bitwise reproducible algorithms are used.
        flip: Whether images are mirrored left to right, with probability 1/2.
        rotation: Largest angle in either direction, in degrees, 0 to 180.
        brightness: Largest change in either direction, as a share of full scale, 0 to 1.
        contrast: Largest change in either direction, as a share of the contrast, 0 to 1.
        noise: Smallest and largest standard deviation, on the [0, 1] scale; 0, 0 is no noise.
        zoom: Smallest and largest scale; below 1, the surroundings are filled by reflection.
        crop: Smallest share of the side that is kept, 0 to 1, at a random position; 1 keeps all.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: float = 0.1
    patience: int = 5
    monitor: str = "f1_macro"
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
        """Convert lists from a config to tuples, so that equal options compare equal."""
        object.__setattr__(self, "noise", tuple(self.noise))
        object.__setattr__(self, "zoom", tuple(self.zoom))

    @property
    def identity(self) -> dict[str, object]:
        """All options, for keys; without the monitor of fits from before there was a choice, which keep their keys."""
        values = asdict(self)
        if self.monitor == "f1_macro":
            del values["monitor"]
        return values


@dataclass(frozen=True, kw_only=True)
class FitReport:
    """Result of one training.

    Attributes:
        curves: Metric name to value for each epoch; empty without epochs.
        best_epoch: Counted from 1; None for a model without epochs.
        gpu_peak_mb: Peak memory of tensors on a GPU, in MB; None without a GPU.
        notes: Limitations that affect the numbers.
    """

    curves: tuple[Mapping[str, float], ...] = ()
    best_epoch: int | None = None
    gpu_peak_mb: float | None = None
    notes: tuple[str, ...] = ()


@runtime_checkable
class SteppedPredictor(Protocol):
    """A predictor or detector whose steps can be called one by one, with the batch that the caller names.

    ``steps(images)`` calls the same steps in chunks that bound memory. A step changes none of its arguments.
    """

    @property
    def max_batch_size(self) -> int | None:
        """Most images that one ``forward`` takes; None if only memory limits it."""

    @property
    def network(self) -> Any | None:
        """The ``torch.nn.Module`` or ``keras.Model`` behind ``forward``; None if there is none."""

    @property
    def device(self) -> str:
        """Where the network is: ``cpu`` or ``cuda:0``."""

    def preprocess(self, images: ImageBatch, /) -> Any:
        """Turn decoded images into the inputs of one ``forward``, in host memory.

        Raises:
            UnevenBatchError: If images of these sizes cannot form one batch.
        """

    def forward(self, inputs: Any, /) -> Any:
        """Copy to the device, normalise there, call the network once with all inputs, copy the result back."""

    def postprocess(self, outputs: Any, images: ImageBatch, /) -> Any:
        """Turn outputs into what the predictor returns, by softmax, non-maximum suppression or calibration."""

    def synchronise(self) -> None:
        """Wait until the device has finished; nothing on a CPU."""

    def __call__(self, images: ImageBatch, /) -> Any:
        """Predict any number of images of any size."""


@runtime_checkable
class CasePredictor(Protocol):
    """A predictor that needs to know the cases of its images, such as the age of the patients."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the metadata that it reads."""

    def for_cases(self, cases: Sequence[Case]) -> Predictor:
        """Return a predictor of the images of these cases, in this order."""


class Model(Protocol):
    """A model under evaluation: a frozen dataclass whose fields are its hyperparameters.

    Attributes:
        adapter_name: Identifies the adapter in the keys of fits and cells and in stored models, so that its module and
            class can be renamed. Must be unique: begin it with the name of your package, such as ``acme_majority``.
        adapter_version: Increase it with every change that changes predictions; fits and cells are then recomputed.
        task: ``classification``, or ``detection`` if ``load`` returns a Detector.
        extra: The extra of arogya-bench that it needs; None if it needs none.

    A model whose fit does not depend on the seed, such as weights taken as they are, also has ``seeded = False``: a
    comparison then speaks of the model, and not of one fit of it. One that learns nothing from ``train`` has
    ``trains = False``: it can be evaluated where every case is a test case.

    A model that is brought from elsewhere may have two more methods, which a sweep calls before its first job:
    ``check_dataset(dataset)`` raises UserError if it does not fit the classes or the columns of a dataset, quickly and
    without running code of the model; ``check_images(images, rows, *, classes)`` does so if its answers to a few
    images, with the metadata of their cases, are none for these classes, and returns notes on them; it is called in a
    process of its own.
    """

    adapter_name: ClassVar[str]
    adapter_version: ClassVar[int]
    task: ClassVar[str]
    extra: ClassVar[str | None]

    def check(self, *, device: str) -> None:
        """Raise UserError if this model cannot run here, quickly and without loading it."""

    def fit(
        self, train: Subset, validation: Subset, *, training: Training, seed: int, device: str, out: Path
    ) -> FitReport:
        """Train on ``train`` only and write everything that ``load`` needs to ``out``.

        ``out`` may contain files of an interrupted fit: a model with epochs resumes after the last one. Afterwards only
        the finished fit may remain there.
        """

    def load(self, weights: Path, *, classes: tuple[str, ...], device: str) -> Predictor | Detector:
        """Load what ``fit`` wrote to the folder ``weights``; reject another class order.

        What is a ``SteppedPredictor`` too can be measured step by step and batch by batch.
        """


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Per-case results of one evaluation of a classifier.

    Attributes:
        case_ids: n unique ids.
        group_ids: n ids of patients or lesions.
        targets: Shape (n,).
        probabilities: Shape (n, classes), columns in the order of ``classes``; NaN in the rows of cases without an
            answer, which only the models of APIs have.
        metadata: One list of n values per column.
        answers: How an API answered each case: one list of n values per column of ``ANSWER_COLUMNS``; empty for local
            models.
        labels_only: Whether the model names a class and states no probabilities: the rows are then 0 and 1, and
            metrics that need probabilities are undefined.
    """

    task: ClassVar[str] = "classification"

    classes: tuple[str, ...]
    case_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    targets: Labels
    probabilities: Probabilities
    metadata: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)
    answers: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    labels_only: bool = False


@dataclass(frozen=True, kw_only=True)
class BoxPredictions:
    """Per-image results of one evaluation of a detector.

    Attributes:
        case_ids: n unique ids.
        group_ids: n ids of patients or lesions.
        truth: n tuples of boxes, in pixels of the evaluated image.
        detections: n detections, in the same pixels.
        metadata: One list of n values per column.
        threshold: Minimum score of detections in precision, recall and F1; chosen on validation.
    """

    task: ClassVar[str] = "detection"

    classes: tuple[str, ...]
    case_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    truth: tuple[tuple[Box, ...], ...]
    detections: tuple[Detections, ...]
    metadata: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)
    threshold: float = 0.0

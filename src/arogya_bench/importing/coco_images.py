"""The images that COCO results are evaluated on, with their true boxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from arogya_bench.datasets.coco_json import CocoListing, JsonRecord
from arogya_bench.datasets.splits import DatasetSplit
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.scoring.detection import DETECTION
from arogya_bench.scoring.task import case_columns
from arogya_bench.types import Box, BoxPredictions, Detections


@dataclass(frozen=True, kw_only=True)
class FoundBox:
    """One detection: left, top, width and height in pixels, its score, and its label among the classes."""

    box: tuple[float, float, float, float]
    score: float
    label: int


@dataclass(frozen=True, kw_only=True)
class CocoImages:
    """The evaluated images in the order of their cases, n each.

    Attributes:
        image_ids: In the annotation file.
    """

    image_ids: tuple[int | str, ...]
    classes: tuple[str, ...]
    case_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    truth: tuple[tuple[Box, ...], ...]
    metadata: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)

    def predictions(self, found: Mapping[int | str, Sequence[FoundBox]], threshold: float) -> BoxPredictions:
        """Join the images and what was found in each."""
        return BoxPredictions(
            classes=self.classes,
            case_ids=self.case_ids,
            group_ids=self.group_ids,
            truth=self.truth,
            detections=tuple(_detections(found[image_id]) for image_id in self.image_ids),
            metadata=self.metadata,
            threshold=threshold,
        )


def case_id_of(record: JsonRecord) -> str:
    """The case id of an image record: its file name without suffix."""
    return str(PurePosixPath(record["file_name"]).with_suffix(""))


def images_of_split(listing: CocoListing, split: DatasetSplit) -> CocoImages:
    """The test images of a known dataset, found by name in an annotation file.

    Raises:
        ConfigError: If the dataset is not one of boxes.
        DatasetError: If an image or a class is not in the file.
    """
    dataset = split.test.dataset
    if dataset.task != DETECTION.name:
        raise ConfigError(
            f"{dataset.name} is a {dataset.task} dataset, and COCO results are boxes.",
            fix="name a detection dataset, or import a table of labels.",
        )
    ids = {case_id_of(record): record["id"] for record in listing.images}
    by_name = {PurePosixPath(name).name: image_id for name, image_id in ids.items()}
    unique = len(by_name) == len(ids)
    cases = split.test.cases
    found = [ids.get(case.case_id, by_name.get(PurePosixPath(case.case_id).name) if unique else None) for case in cases]
    missing = [case.case_id for case, image_id in zip(cases, found, strict=True) if image_id is None]
    if missing:
        raise DatasetError(
            f"{listing.name} does not list {len(missing)} of the {len(cases)} test images of {dataset.name}, such as "
            f"{missing[0]!r}.",
            fix="give the annotation file of the test images.",
        )
    unknown = [name for name in listing.classes if name not in dataset.classes]
    if unknown:
        raise DatasetError(
            f"{listing.name} has the category {unknown[0]!r}; the classes of {dataset.name} are "
            f"{', '.join(dataset.classes)}.",
            fix="give the annotation file of this dataset, or set dataset.classes.",
        )
    return CocoImages(
        image_ids=tuple(image_id for image_id in found if image_id is not None),
        classes=dataset.classes,
        truth=tuple(case.boxes or () for case in cases),
        **case_columns(split.test),
    )


def _detections(found: Sequence[FoundBox]) -> Detections:
    return Detections(
        boxes=np.array([one.box for one in found], dtype=np.float64).reshape(-1, 4),
        scores=np.array([one.score for one in found], dtype=np.float64),
        labels=np.array([one.label for one in found], dtype=np.int64),
    )

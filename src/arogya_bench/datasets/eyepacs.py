"""Read the training images of EyePACS: fundus photographs graded for diabetic retinopathy."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.classification import LabelledImage, build_classification_dataset
from arogya_bench.datasets.csv_tables import CsvRow, read_table
from arogya_bench.datasets.group_patterns import note_unlisted_images, note_unread_columns, shorten_list
from arogya_bench.datasets.published import PublishedDataset
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.discovery import find_images_by_name
from arogya_bench.images.files import find_dataset_folder
from arogya_bench.types import Dataset

LABELS_FILE = "trainLabels.csv"
IMAGES_FOLDER = "train"
LAYOUT = f"{IMAGES_FOLDER}/ and {LABELS_FILE}"
GRADE_COUNT = 5
NAME_PATTERN = re.compile(r"(?P<patient>[0-9]+)_(?P<eye>left|right)")


@dataclass(frozen=True, kw_only=True)
class EyePACS(PublishedDataset):
    """EyePACS as in Kaggle's Diabetic Retinopathy Detection, grouped by patient.

    The metadata column ``eye`` is ``left`` or ``right``.

    Attributes:
        classes: Names of the grades 0 to 4 in ascending order.
    """

    name: str | None = "eyepacs"
    classes: list[str] = field(default_factory=lambda: ["no_dr", "mild", "moderate", "severe", "proliferative_dr"])

    def load(self) -> Dataset:
        """Read the table and find every image; no image is decoded."""
        if len(self.classes) != GRADE_COUNT:
            raise ConfigError(
                f"dataset.classes has {len(self.classes)} names; the grades are 0 to {GRADE_COUNT - 1}.",
                fix="name the five grades in ascending order, or leave dataset.classes as it is",
            )
        folder = find_dataset_folder(self.path, LAYOUT, self.obtain)
        rows = read_table(folder / LABELS_FILE, required=("image", "level"), key="image")
        files = find_images_by_name(folder, [IMAGES_FOLDER])
        return build_classification_dataset(
            folder,
            _build_images(rows, files, self.classes),
            self,
            classes=self.classes,
            grouped=True,
            ordinal=True,
            notes=tuple(_notes(rows, files, folder)),
        )


def _build_images(
    rows: Sequence[CsvRow], files: Mapping[str, PurePosixPath], classes: Sequence[str]
) -> list[LabelledImage]:
    names = {row["image"]: NAME_PATTERN.fullmatch(row["image"]) for row in rows}
    unmatched = [name for name, match in names.items() if not match]
    if unmatched:
        raise DatasetError(
            f"{len(unmatched)} of {len(rows)} images in {LABELS_FILE} have no name such as 10_left, "
            f"so that their patients are unknown: {shorten_list(unmatched)}.",
            fix="get the table again, or remove these lines",
        )
    grades = {str(grade): name for grade, name in enumerate(classes)}
    return [
        LabelledImage(
            case_id=row["image"],
            file=files.get(row["image"], PurePosixPath(IMAGES_FOLDER, f"{row['image']}.jpeg")),
            label=grades.get(row["level"], row["level"]),
            group=match["patient"],
            metadata={"eye": match["eye"]},
        )
        for row in rows
        if (match := names[row["image"]])
    ]


def _notes(rows: Sequence[CsvRow], files: Mapping[str, PurePosixPath], folder: Path) -> Iterator[str]:
    yield from note_unlisted_images(LABELS_FILE, files, (row["image"] for row in rows))
    yield from note_unread_columns(LABELS_FILE, rows[0], ("image", "level"))
    if (folder / "test").is_dir():
        yield "The folder test/ was not read: this layout has no labels for it."

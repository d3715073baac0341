"""Read EyePACS: fundus photographs graded for diabetic retinopathy."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.classification import LabelledImage, build_classification_dataset, check_class_counts
from arogya_bench.datasets.csv_tables import CsvRow, read_table
from arogya_bench.datasets.group_patterns import note_unlisted_images, note_unread_columns, shorten_list
from arogya_bench.datasets.published import PublishedDataset
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.discovery import find_images_by_name
from arogya_bench.images.files import find_dataset_folder, parse_relative_path
from arogya_bench.types import Dataset

LABELS_FILE = "trainLabels.csv"
IMAGES_FOLDER, TEST_FOLDER = "train", "test"
# The grades of the test part, which Kaggle published after the competition, under the names of its copies.
TEST_LABELS_FILES = ("retinopathy_solution.csv", "testLabels.csv", "testLabels15.csv")
LAYOUT = f"{IMAGES_FOLDER}/ and {LABELS_FILE}, and for the test part {TEST_FOLDER}/ and {TEST_LABELS_FILES[0]}"
GRADE_COUNT = 5
NAME_PATTERN = re.compile(r"(?P<patient>[0-9]+)_(?P<eye>left|right)")


@dataclass(frozen=True, kw_only=True)
class EyePACS(PublishedDataset):
    """EyePACS as in Kaggle's Diabetic Retinopathy Detection, grouped by patient.

    The metadata column ``eye`` is ``left`` or ``right``. Where the folder ``test`` and a table with its grades are
    there, its images are the official test part; ``counts`` are those of the training images.

    Attributes:
        classes: Names of the grades 0 to 4 in ascending order.
        test_labels: Table with the grades of the test images relative to ``path``; by default
            ``retinopathy_solution.csv`` or ``testLabels.csv`` if it is there.
    """

    name: str | None = "eyepacs"
    classes: list[str] = field(default_factory=lambda: ["no_dr", "mild", "moderate", "severe", "proliferative_dr"])
    test_labels: str | None = None

    def load(self) -> Dataset:
        """Read the table and find every image; no image is decoded."""
        if len(self.classes) != GRADE_COUNT:
            raise ConfigError(
                f"dataset.classes has {len(self.classes)} names; the grades are 0 to {GRADE_COUNT - 1}.",
                fix="name the five grades in ascending order, or leave dataset.classes as it is",
            )
        folder = find_dataset_folder(self.path, LAYOUT, self.obtain)
        rows = read_table(folder / LABELS_FILE, required=("image", "level"), key="image")
        images = self._build_part(rows, folder, IMAGES_FOLDER, LABELS_FILE)
        check_class_counts(images, self)
        notes = list(_notes(rows, folder, IMAGES_FOLDER, LABELS_FILE))
        table = self._find_test_labels(folder)
        if table is not None:
            rows = read_table(folder / table, required=("image", "level"), key="image")
            images += self._build_part(rows, folder, TEST_FOLDER, table)
            notes += [*_notes(rows, folder, TEST_FOLDER, table, known=("Usage",)), f"Test part: grades of {table}."]
        elif (folder / TEST_FOLDER).is_dir():
            notes.append(
                f"The folder {TEST_FOLDER}/ was not read: no grades of it are there ({TEST_LABELS_FILES[0]}, or "
                "dataset.test_labels=FILE)."
            )
        return build_classification_dataset(
            folder,
            images,
            replace(self, counts=None),  # checked above, for the training images alone
            classes=self.classes,
            grouped=True,
            ordinal=True,
            notes=tuple(notes),
        )

    def _find_test_labels(self, folder: Path) -> str | None:
        """The table with the grades of the test part; None if there is none, or no image of it."""
        if self.test_labels:
            return str(parse_relative_path(self.test_labels, "dataset.test_labels"))
        present = [name for name in TEST_LABELS_FILES if (folder / name).is_file()]
        return present[0] if present and (folder / TEST_FOLDER).is_dir() else None

    def _build_part(self, rows: Sequence[CsvRow], folder: Path, part: str, table: str) -> list[LabelledImage]:
        files = find_images_by_name(folder, [part])
        split = "test" if part == TEST_FOLDER else None
        return [replace(image, split=split) for image in _build_images(rows, files, self.classes, part, table)]


def _build_images(
    rows: Sequence[CsvRow], files: Mapping[str, PurePosixPath], classes: Sequence[str], part: str, table: str
) -> list[LabelledImage]:
    names = {row["image"]: NAME_PATTERN.fullmatch(row["image"]) for row in rows}
    unmatched = [name for name, match in names.items() if not match]
    if unmatched:
        raise DatasetError(
            f"{len(unmatched)} of {len(rows)} images in {table} have no name such as 10_left, "
            f"so that their patients are unknown: {shorten_list(unmatched)}.",
            fix="get the table again, or remove these lines",
        )
    grades = {str(grade): name for grade, name in enumerate(classes)}
    return [
        LabelledImage(
            case_id=row["image"],
            file=files.get(row["image"], PurePosixPath(part, f"{row['image']}.jpeg")),
            label=grades.get(row["level"], row["level"]),
            group=match["patient"],
            metadata={"eye": match["eye"]},
        )
        for row in rows
        if (match := names[row["image"]])
    ]


def _notes(rows: Sequence[CsvRow], folder: Path, part: str, table: str, known: Sequence[str] = ()) -> Iterator[str]:
    files = find_images_by_name(folder, [part])
    yield from note_unlisted_images(table, files, (row["image"] for row in rows))
    yield from note_unread_columns(table, rows[0], ("image", "level", *known))

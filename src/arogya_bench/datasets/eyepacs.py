"""Reads the training images of EyePACS: fundus photographs, graded for diabetic retinopathy."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.classification import Labelled, dataset_of, folder_of, left_out
from arogya_bench.datasets.csv_tables import Row, table_of
from arogya_bench.datasets.group_patterns import few
from arogya_bench.datasets.published import Published
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.discovery import images_by_name, unlisted
from arogya_bench.types import Dataset

TABLE = "trainLabels.csv"
IMAGES = "train"
LAYOUT = f"{IMAGES}/ and {TABLE}"
GRADES = 5
NAME = re.compile(r"(?P<patient>[0-9]+)_(?P<eye>left|right)")


@dataclass(frozen=True, kw_only=True)
class EyePACS(Published):
    """EyePACS as in Kaggle's Diabetic Retinopathy Detection; both eyes of a patient stay together.

    The metadata column ``eye`` is ``left`` or ``right``.

    Attributes:
        classes: Names of the grades 0 to 4, in that order.
    """

    name: str | None = "eyepacs"
    classes: list[str] = field(
        default_factory=lambda: ["no_dr", "mild", "moderate", "severe", "proliferative_dr"]
    )

    def load(self) -> Dataset:
        """Read the table and find every image; none is decoded.

        Raises:
            ConfigError: If there is not one class for each grade.
            DatasetError: If files are missing or damaged, or a name shows no patient.
        """
        if len(self.classes) != GRADES:
            raise ConfigError(
                f"dataset.classes has {len(self.classes)} names; the grades are 0 to {GRADES - 1}.",
                fix="name the five grades in ascending order, or leave dataset.classes as it is",
            )
        folder = folder_of(self, LAYOUT)
        rows = table_of(folder / TABLE, required=("image", "level"), key="image")
        found = images_by_name(folder, [IMAGES])
        return dataset_of(
            folder,
            _images(rows, found, self.classes),
            self,
            classes=self.classes,
            grouped=True,
            ordinal=True,
            notes=tuple(_notes(rows, found, folder)),
        )


def _images(
    rows: Sequence[Row], found: Mapping[str, PurePosixPath], classes: Sequence[str]
) -> list[Labelled]:
    names = {row["image"]: NAME.fullmatch(row["image"]) for row in rows}
    lost = [name for name, match in names.items() if not match]
    if lost:
        raise DatasetError(
            f"{len(lost)} of {len(rows)} images in {TABLE} are not named as 10_left or 10_right, "
            f"and nobody knows which show one patient: {few(lost)}.",
            fix="get the table again, or remove these lines",
        )
    grades = {str(grade): name for grade, name in enumerate(classes)}
    return [
        Labelled(
            case_id=row["image"],
            file=found.get(row["image"], PurePosixPath(IMAGES, f"{row['image']}.jpeg")),
            label=grades.get(row["level"], row["level"]),
            group=match["patient"],
            metadata={"eye": match["eye"]},
        )
        for row in rows
        if (match := names[row["image"]])
    ]


def _notes(rows: Sequence[Row], found: Mapping[str, PurePosixPath], folder: Path) -> Iterator[str]:
    extra = unlisted(found, (row["image"] for row in rows))
    yield from left_out(f"Images that {TABLE} does not list, which were left out", extra)
    yield from left_out(
        f"Columns of {TABLE} that were not read", unlisted(rows[0], ("image", "level"))
    )
    if (folder / "test").is_dir():
        yield "The folder test/ was not read: its labels are in no file of this layout."

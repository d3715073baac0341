"""Read the COVID-19 image data collection, covid-chestxray-dataset, in the layout of its repository."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from arogya_bench.datasets.classification import LabelledImage, build_classification_dataset
from arogya_bench.datasets.csv_tables import MISSING, CsvRow, is_missing, read_table
from arogya_bench.datasets.published import PublishedDataset
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.files import find_dataset_folder, parse_relative_path
from arogya_bench.types import Dataset

TABLE = "metadata.csv"
IMAGES_FOLDER = "images"  # where a row names no folder
LAYOUT = f"{IMAGES_FOLDER}/ and {TABLE}, as in github.com/ieee8023/covid-chestxray-dataset"
RADIOGRAPH = "x-ray"
NORMAL, PNEUMONIA, COVID = "normal", "pneumonia", "COVID-19"


@dataclass(frozen=True, kw_only=True)
class CovidChestXray(PublishedDataset):
    """Chest X-rays of the COVID-19 image data collection, grouped by patient.

    A finding with COVID-19 in it is ``COVID-19``, another one that begins with Pneumonia ``pneumonia``, and No Finding
    ``normal``. Rows with another finding, and CT images, are left out and counted in the notes. There is no official
    split. The metadata columns are ``view``, ``sex``, ``age`` and ``site``, the place that a row names.

    Attributes:
        classes: Those of the three classes to read, in the desired order.
    """

    name: str | None = "covid_chestxray"
    classes: list[str] = field(default_factory=lambda: [NORMAL, PNEUMONIA, COVID])

    def load(self) -> Dataset:
        """Read the table and find every image; no image is decoded."""
        if len(self.classes) < 2 or not {NORMAL, PNEUMONIA, COVID}.issuperset(self.classes):
            raise ConfigError(
                f"dataset.classes=[{','.join(self.classes)}] is no choice of two or more of the classes "
                f"{NORMAL}, {PNEUMONIA} and {COVID}.",
                fix=f"name some of these: dataset.classes=[{NORMAL},{COVID}]",
            )
        folder = find_dataset_folder(self.path, LAYOUT, self.obtain)
        rows = [_lower_names(row) for row in read_table(folder / TABLE, required=("finding", "filename"), key=None)]
        radiographs = [row for row in rows if row.get("modality", RADIOGRAPH).lower() == RADIOGRAPH]
        images = [_build_image(row) for row in radiographs if _class_of(row["finding"]) in self.classes]
        notes = tuple(_notes(rows, radiographs, self.classes))
        return build_classification_dataset(folder, images, self, classes=self.classes, grouped=True, notes=notes)


def _lower_names(row: CsvRow) -> CsvRow:
    """Early editions write ``Patientid``."""
    return {name.lower(): cell for name, cell in row.items()}


def _class_of(finding: str) -> str | None:
    """The class of a finding such as ``Pneumonia/Viral/COVID-19``; None for another disease."""
    words = [word.strip().lower() for word in re.split(r"[/,]", finding)]
    if COVID.lower() in words:
        return COVID
    if words[0] == PNEUMONIA:
        return PNEUMONIA
    return NORMAL if words[0] in ("no finding", NORMAL) else None


def _build_image(row: CsvRow) -> LabelledImage:
    name = parse_relative_path(row["filename"], TABLE)
    folder = parse_relative_path(row.get("folder") or IMAGES_FOLDER, TABLE)
    places = {"view": "view", "sex": "sex", "age": "age", "site": "location"}
    cells = {key: row.get(column, "") for key, column in places.items()}
    return LabelledImage(
        case_id=str(name),  # with the suffix, in which images may differ
        file=folder / name,
        label=str(_class_of(row["finding"])),
        group=_patient_of(row),
        metadata={key: MISSING if is_missing(cell) else cell for key, cell in cells.items()},
    )


def _patient_of(row: CsvRow) -> str:
    patient = row.get("patientid", "")
    if is_missing(patient):
        raise DatasetError(
            f"{TABLE} names no patient of {row['filename']}.", fix="fill in its column patientid, or remove the line"
        )
    return patient


def _notes(rows: Sequence[CsvRow], radiographs: Sequence[CsvRow], classes: Sequence[str]) -> Iterator[str]:
    if len(radiographs) < len(rows):
        yield f"Images that are no radiographs, left out: {len(rows) - len(radiographs)}."
    others = Counter(row["finding"] or "none" for row in radiographs if _class_of(row["finding"]) not in classes)
    if others:
        named = ", ".join(f"{finding} {count}" for finding, count in others.most_common())
        yield f"Radiographs with findings of none of the classes, left out: {others.total()}: {named}."

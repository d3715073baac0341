"""Reads the training images of ISIC 2019: dermoscopy of eight kinds of lesions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.classification import (
    LabelledImage,
    build_classification_dataset,
    note_excluded,
)
from arogya_bench.datasets.csv_tables import CsvRow, extract_metadata, read_table
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.datasets.published import PublishedDataset
from arogya_bench.errors import DatasetError
from arogya_bench.images.discovery import find_images_by_name, find_unlisted
from arogya_bench.images.files import find_dataset_folder, parse_relative_path
from arogya_bench.types import Dataset

IMAGES_FOLDER = "ISIC_2019_Training_Input"
LABELS_FILE = "ISIC_2019_Training_GroundTruth.csv"
METADATA_FILE = "ISIC_2019_Training_Metadata.csv"
LAYOUT = f"{IMAGES_FOLDER}/, {LABELS_FILE} and {METADATA_FILE}"
METADATA_COLUMNS = ("age_approx", "anatom_site_general", "sex")
KEY_COLUMNS = ("image", "lesion_id")


@dataclass(frozen=True, kw_only=True)
class ISIC2019(PublishedDataset):
    """ISIC 2019 in the layout of its archives; images of one lesion are one group.

    An image without a lesion id is its own group, and a note counts them: two of them may show
    one lesion all the same. Metadata columns with a missing value are text, in which it is
    ``unknown``.
    """

    name: str | None = "isic2019"
    classes: list[str] = field(
        default_factory=lambda: ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
    )

    def load(self) -> Dataset:
        """Read both tables and find every image; none is decoded.

        Raises:
            DatasetError: If files are missing or damaged, or contradict each other.
        """
        folder = find_dataset_folder(self.path, LAYOUT, self.obtain)
        labels = _read_labels(read_table(folder / LABELS_FILE, required=("image",), key="image"))
        facts = read_table(
            folder / METADATA_FILE, required=(*KEY_COLUMNS, *METADATA_COLUMNS), key="image"
        )
        _check_metadata(labels, facts)
        place = _find_images_folder(folder)
        found = find_images_by_name(folder, [place])
        return build_classification_dataset(
            folder,
            _build_images(labels, facts, found, PurePosixPath(place)),
            self,
            classes=self.classes,
            grouped=True,
            notes=tuple(_notes(labels, facts, found)),
        )


def _find_images_folder(folder: Path) -> str:
    """The folder of the images; some unpackers write it twice, one in the other."""
    nested = f"{IMAGES_FOLDER}/{IMAGES_FOLDER}"
    return nested if (folder / nested).is_dir() else IMAGES_FOLDER


def _read_labels(rows: Sequence[CsvRow]) -> dict[str, str]:
    """The class of every image, by its column with a one."""
    marked = {
        row["image"]: [name for name, cell in row.items() if name != "image" and _is_one(cell)]
        for row in rows
    }
    unclear = [image for image, names in marked.items() if len(names) != 1]
    if unclear:
        raise DatasetError(
            f"{len(unclear)} of {len(rows)} images in {LABELS_FILE} have no class or several: "
            f"{shorten_list(unclear)}.",
            fix="get the file again; every line has a single 1 and zeros",
        )
    return {image: names[0] for image, names in marked.items()}


def _is_one(cell: str) -> bool:
    try:
        return float(cell) == 1
    except ValueError:
        return False


def _check_metadata(labels: Mapping[str, str], facts: Sequence[CsvRow]) -> None:
    lost = find_unlisted(labels, (row["image"] for row in facts))
    if lost:
        raise DatasetError(
            f"{len(lost)} of {len(labels)} images of {LABELS_FILE} are not in {METADATA_FILE}: {shorten_list(lost)}.",
            fix=f"get both files again; without {METADATA_FILE} nobody knows which images show one lesion",
        )


def _build_images(
    labels: Mapping[str, str],
    facts: Sequence[CsvRow],
    found: Mapping[str, PurePosixPath],
    place: PurePosixPath,
) -> list[LabelledImage]:
    used = [row for row in facts if row["image"] in labels]
    return [
        LabelledImage(
            case_id=row["image"],
            file=found.get(row["image"])
            or place / parse_relative_path(f"{row['image']}.jpg", LABELS_FILE),
            label=labels[row["image"]],
            group=row["lesion_id"] or row["image"],
            metadata=own,
        )
        for row, own in zip(used, extract_metadata(used, METADATA_COLUMNS), strict=True)
    ]


def _notes(
    labels: Mapping[str, str], facts: Sequence[CsvRow], found: Mapping[str, PurePosixPath]
) -> Iterator[str]:
    single = [row["image"] for row in facts if row["image"] in labels and not row["lesion_id"]]
    yield from note_excluded("Images without a lesion id, each of which is its own group", single)
    extra = find_unlisted(found, labels)
    yield from note_excluded(f"Images that {LABELS_FILE} does not list, which were left out", extra)
    lines = find_unlisted((row["image"] for row in facts), labels)
    yield from note_excluded(
        f"Lines of {METADATA_FILE} without a label, which were left out", lines
    )
    unknown = find_unlisted(facts[0], (*KEY_COLUMNS, *METADATA_COLUMNS))
    yield from note_excluded(f"Columns of {METADATA_FILE} that were not read", unknown)

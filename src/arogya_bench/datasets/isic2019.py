"""Read the training images of ISIC 2019: dermoscopy of eight kinds of lesions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from arogya_bench.datasets.classification import LabelledImage, build_classification_dataset
from arogya_bench.datasets.csv_tables import CsvRow, extract_metadata, names_nobody, read_table
from arogya_bench.datasets.group_patterns import note_excluded, note_unlisted_images, note_unread_columns, shorten_list
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
    """ISIC 2019 in the layout of its archives, grouped by lesion.

    An image without a lesion id is its own group, although two of them may show the same lesion. Metadata columns with
    missing values are text, with ``unknown`` for them.
    """

    name: str | None = "isic2019"
    classes: list[str] = field(default_factory=lambda: ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"])

    def load(self) -> Dataset:
        """Read both tables and find every image; no image is decoded."""
        folder = find_dataset_folder(self.path, LAYOUT, self.obtain)
        labels = _read_labels(read_table(folder / LABELS_FILE, required=("image",), key="image"))
        facts = read_table(folder / METADATA_FILE, required=(*KEY_COLUMNS, *METADATA_COLUMNS), key="image")
        _check_metadata(labels, facts)
        # Some unpackers nest the images in a folder of the same name.
        nested = f"{IMAGES_FOLDER}/{IMAGES_FOLDER}"
        image_folder = nested if (folder / nested).is_dir() else IMAGES_FOLDER
        files = find_images_by_name(folder, [image_folder])
        return build_classification_dataset(
            folder,
            _build_images(labels, facts, files, image_folder),
            self,
            classes=self.classes,
            grouped=True,
            notes=tuple(_notes(labels, facts, files)),
        )


def _read_labels(rows: Sequence[CsvRow]) -> dict[str, str]:
    """Map each image to the column that holds a 1 for it."""
    marked = {row["image"]: [name for name, cell in row.items() if name != "image" and _is_one(cell)] for row in rows}
    unclear = [image for image, names in marked.items() if len(names) != 1]
    if unclear:
        raise DatasetError(
            f"{len(unclear)} of {len(rows)} images in {LABELS_FILE} have no class or several: {shorten_list(unclear)}.",
            fix="get the file again; every line has exactly one 1",
        )
    return {image: names[0] for image, names in marked.items()}


def _is_one(cell: str) -> bool:
    try:
        return float(cell) == 1
    except ValueError:
        return False


def _check_metadata(labels: Mapping[str, str], facts: Sequence[CsvRow]) -> None:
    missing = find_unlisted(labels, (row["image"] for row in facts))
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(labels)} images of {LABELS_FILE} are not in {METADATA_FILE}: "
            f"{shorten_list(missing)}.",
            fix=f"get both files again; only {METADATA_FILE} identifies images of the same lesion",
        )


def _build_images(
    labels: Mapping[str, str], facts: Sequence[CsvRow], files: Mapping[str, PurePosixPath], image_folder: str
) -> list[LabelledImage]:
    used = [row for row in facts if row["image"] in labels]
    return [
        LabelledImage(
            case_id=row["image"],
            file=files.get(row["image"])
            or PurePosixPath(image_folder, parse_relative_path(f"{row['image']}.jpg", LABELS_FILE)),
            label=labels[row["image"]],
            group=row["image"] if names_nobody(row["lesion_id"]) else row["lesion_id"],
            metadata=values,
        )
        for row, values in zip(used, extract_metadata(used, METADATA_COLUMNS), strict=True)
    ]


def _notes(labels: Mapping[str, str], facts: Sequence[CsvRow], files: Mapping[str, PurePosixPath]) -> Iterator[str]:
    single = [row["image"] for row in facts if row["image"] in labels and names_nobody(row["lesion_id"])]
    yield from note_excluded("Images without a lesion id, each its own group", single)
    yield from note_unlisted_images(LABELS_FILE, files, labels)
    lines = find_unlisted((row["image"] for row in facts), labels)
    yield from note_excluded(f"Lines of {METADATA_FILE} without a label, excluded", lines)
    yield from note_unread_columns(METADATA_FILE, facts[0], (*KEY_COLUMNS, *METADATA_COLUMNS))

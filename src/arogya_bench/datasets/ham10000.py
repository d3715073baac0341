"""Read HAM10000: dermoscopy images of pigmented lesions, with their masks if present."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.classification import LabelledImage, build_classification_dataset
from arogya_bench.datasets.csv_tables import CsvRow, extract_metadata, names_nobody, read_table
from arogya_bench.datasets.group_patterns import note_unlisted_images, note_unread_columns, shorten_list
from arogya_bench.datasets.published import PublishedDataset
from arogya_bench.errors import DatasetError
from arogya_bench.images.discovery import find_images_by_name
from arogya_bench.images.files import find_case, find_dataset_folder, parse_relative_path
from arogya_bench.images.masks import check_mask_fits, decode_mask
from arogya_bench.types import Case, Dataset, Mask

IMAGE_FOLDERS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
MERGED_IMAGE_FOLDERS = ("images",)
TABLE_NAMES = ("HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata")
MASKS_FOLDER = "HAM10000_segmentations_lesion_tschandl"
LAYOUT = f"{IMAGE_FOLDERS[0]}/, {IMAGE_FOLDERS[1]}/ (or images/) and {TABLE_NAMES[0]}"
REQUIRED_COLUMNS = ("lesion_id", "image_id", "dx")
METADATA_COLUMNS = ("dx_type", "age", "sex", "localization", "dataset")


@dataclass(frozen=True, kw_only=True)
class HAM10000(PublishedDataset):
    """HAM10000 in the layout of its archives, grouped by lesion.

    Metadata columns with missing values, such as ``age``, are text, with ``unknown`` for them.
    """

    name: str | None = "ham10000"
    classes: list[str] = field(default_factory=lambda: ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"])

    def load(self) -> Dataset:
        """Read the table and find every image; no image is decoded."""
        folder = find_dataset_folder(self.path, LAYOUT, self.obtain)
        table = next((folder / name for name in TABLE_NAMES if (folder / name).is_file()), None)
        table = table or folder / TABLE_NAMES[0]
        rows = read_table(table, required=REQUIRED_COLUMNS, key="image_id")
        _check_lesion_ids(rows, table.name)
        separate = any((folder / name).is_dir() for name in IMAGE_FOLDERS)
        image_folders = IMAGE_FOLDERS if separate else MERGED_IMAGE_FOLDERS
        files = find_images_by_name(folder, image_folders)
        dataset = build_classification_dataset(
            folder,
            _build_images(rows, files, image_folders[0], table.name),
            self,
            classes=self.classes,
            grouped=True,
            notes=(
                *note_unlisted_images(table.name, files, (row["image_id"] for row in rows)),
                *note_unread_columns(table.name, rows[0], (*REQUIRED_COLUMNS, *METADATA_COLUMNS)),
            ),
        )
        masks = _find_masks(folder, dataset)
        return replace(dataset, read_mask=partial(read_mask, dataset.files, masks) if masks else None)


def read_mask(files: Mapping[str, Path], masks: Mapping[str, Path], case: Case) -> Mask:
    """Decode the mask of a case: 1 inside the lesion, 0 outside."""
    image, mask = find_case(files, case), find_case(masks, case)
    check_mask_fits(image, mask)
    return decode_mask(mask, 0, ("background", "lesion"), "auto")


def _check_lesion_ids(rows: Sequence[CsvRow], table: str) -> None:
    missing = [row["image_id"] for row in rows if names_nobody(row["lesion_id"])]
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(rows)} images have no lesion_id in {table}: "
            f"{shorten_list(missing)}. Images of one lesion could be in both train and test.",
            fix="get the table again from the source of the dataset",
        )


def _build_images(
    rows: Sequence[CsvRow], files: Mapping[str, PurePosixPath], folder: str, table: str
) -> list[LabelledImage]:
    metadata = extract_metadata(rows, [name for name in METADATA_COLUMNS if name in rows[0]])
    return [
        LabelledImage(
            case_id=row["image_id"],
            file=files.get(row["image_id"])
            or PurePosixPath(folder, parse_relative_path(f"{row['image_id']}.jpg", table)),
            label=row["dx"],
            group=row["lesion_id"],
            metadata=values,
        )
        for row, values in zip(rows, metadata, strict=True)
    ]


def _find_masks(folder: Path, dataset: Dataset) -> dict[str, Path]:
    """Mask files by case id; empty without the folder of masks."""
    if not (folder / MASKS_FOLDER).is_dir():
        return {}
    names = {case: f"{case}_segmentation.png" for case in dataset.files}
    missing = [name for name in names.values() if not (folder / MASKS_FOLDER / name).is_file()]
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(names)} images have no mask in {MASKS_FOLDER}: {shorten_list(missing)}.",
            fix=f"unpack the complete archive of masks, or remove the folder {MASKS_FOLDER}",
        )
    return {case: folder / MASKS_FOLDER / name for case, name in names.items()}

"""Reads HAM10000: dermoscopy images of pigmented lesions, with masks where they are there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.classification import Labelled, dataset_of, file_of, folder_of, left_out
from arogya_bench.datasets.csv_tables import Row, columns_of, table_of
from arogya_bench.datasets.group_patterns import few
from arogya_bench.datasets.published import Published
from arogya_bench.errors import DatasetError
from arogya_bench.images.discovery import images_by_name, unlisted
from arogya_bench.images.files import below
from arogya_bench.images.masks import mask_of, require_fit
from arogya_bench.types import Case, Dataset, Mask

PARTS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
TOGETHER = ("images",)
TABLES = ("HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata")
MASKS = "HAM10000_segmentations_lesion_tschandl"
LAYOUT = f"{PARTS[0]}/, {PARTS[1]}/ (or images/) and {TABLES[0]}"
REQUIRED = ("lesion_id", "image_id", "dx")
METADATA = ("dx_type", "age", "sex", "localization", "dataset")


@dataclass(frozen=True, kw_only=True)
class HAM10000(Published):
    """HAM10000 in the layout of its archives; every image belongs to a lesion.

    Metadata are the columns of the table. One with a missing value, such as ``age``, is text, in
    which the missing value is ``unknown``.
    """

    name: str | None = "ham10000"
    classes: list[str] = field(
        default_factory=lambda: ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
    )

    def load(self) -> Dataset:
        """Read the table and find every image; none is decoded.

        Raises:
            DatasetError: If files are missing or damaged, or an image has no lesion.
        """
        folder = folder_of(self, LAYOUT)
        table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
        table = table or folder / TABLES[0]
        rows = table_of(table, required=REQUIRED, key="image_id")
        _refuse_no_lesion(rows, table.name)
        places = PARTS if any((folder / place).is_dir() for place in PARTS) else TOGETHER
        found = images_by_name(folder, places)
        dataset = dataset_of(
            folder,
            _images(rows, found, PurePosixPath(places[0]), table.name),
            self,
            classes=self.classes,
            grouped=True,
            notes=tuple(_notes(rows, found, table.name)),
        )
        masks = _masks(folder, dataset)
        return replace(
            dataset, read_mask=partial(read_mask, dataset.files, masks) if masks else None
        )


def read_mask(files: Mapping[str, Path], masks: Mapping[str, Path], case: Case) -> Mask:
    """Decode the mask of a case: 1 inside the lesion, 0 outside.

    Args:
        files: Case id to image.
        masks: Case id to mask.
        case: One of the dataset.

    Raises:
        DatasetError: If the mask is damaged, or not of the size of its image.
    """
    image, mask = file_of(files, case), file_of(masks, case)
    require_fit(image, mask)
    return mask_of(mask, 0, ("background", "lesion"), "auto")


def _refuse_no_lesion(rows: Sequence[Row], table: str) -> None:
    lost = [row["image_id"] for row in rows if not row["lesion_id"]]
    if lost:
        raise DatasetError(
            f"{len(lost)} of {len(rows)} images have no lesion_id in {table}: {few(lost)}. "
            "Photographs of one lesion could then be learned from and tested on.",
            fix="get the table again from the source of the dataset",
        )


def _images(
    rows: Sequence[Row], found: Mapping[str, PurePosixPath], place: PurePosixPath, table: str
) -> list[Labelled]:
    metadata = columns_of(rows, [name for name in METADATA if name in rows[0]])
    return [
        Labelled(
            case_id=row["image_id"],
            file=found.get(row["image_id"]) or place / below(f"{row['image_id']}.jpg", table),
            label=row["dx"],
            group=row["lesion_id"],
            metadata=own,
        )
        for row, own in zip(rows, metadata, strict=True)
    ]


def _notes(rows: Sequence[Row], found: Mapping[str, PurePosixPath], table: str) -> Iterator[str]:
    extra = unlisted(found, (row["image_id"] for row in rows))
    yield from left_out(f"Images that {table} does not list, which were left out", extra)
    unknown = unlisted(rows[0], (*REQUIRED, *METADATA))
    yield from left_out(f"Columns of {table} that were not read", unknown)


def _masks(folder: Path, dataset: Dataset) -> dict[str, Path]:
    """The mask of every case, or nothing without the folder of masks."""
    if not (folder / MASKS).is_dir():
        return {}
    names = {case: f"{case}_segmentation.png" for case in dataset.files}
    lost = [name for name in names.values() if not (folder / MASKS / name).is_file()]
    if lost:
        raise DatasetError(
            f"{len(lost)} of {len(names)} images have no mask in {MASKS}: {few(lost)}.",
            fix=f"unpack the whole archive of masks, or take the folder {MASKS} away",
        )
    return {case: folder / MASKS / name for case, name in names.items()}

"""Reads images with boxes in the format of COCO: one JSON file for all, or one for each split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.coco_json import CocoListing, JsonRecord, get_number, read_coco_json
from arogya_bench.datasets.detection import (
    BoxedImage,
    build_detection_dataset,
    check_image_size,
    split_by_file,
)
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.files import find_dataset_folder, inspect_image, parse_relative_path
from arogya_bench.types import Dataset


@dataclass(frozen=True, kw_only=True)
class COCO(GroupedDatasetOptions):
    """Images with boxes in the format of COCO.

    Crowds (``iscrowd``), and boxes with a flag ``ignore``, stay in the truth as boxes in which a
    detection is not counted.

    Attributes:
        annotations: A JSON file without splits, below ``path``.
        train: The JSON file of a split, below ``path``; so ``validation`` and ``test``.
        images: Folders below ``path`` in which the images lie; a name may be in one of them only.
        metadata: Fields of the images that become columns, such as a site.
    """

    annotations: str | None = None
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    images: list[str] = field(default_factory=lambda: ["images"])
    metadata: list[str] = field(default_factory=list)

    def load(self) -> Dataset:
        """Read every JSON file and look at every image; none is decoded.

        Raises:
            ConfigError: If it is not said which JSON files to read, or said twice.
            DatasetError: If files are missing, damaged, or contradict each other.
        """
        named = _annotation_files(self)
        folder = find_dataset_folder(self.path, "the JSON files and the images")
        listings = {
            split: read_coco_json(folder / parse_relative_path(file, f"dataset.{split}"))
            for split, file in named.items()
        }
        categories = _shared_categories(list(listings.values()))
        places = {split: _locate_images(self, folder, each) for split, each in listings.items()}
        splits = split_by_file({split: map(str, own) for split, own in places.items()})
        return build_detection_dataset(
            folder,
            [
                _build_boxed_image(self, folder, each, record, file, splits[str(file)])
                for split, each in listings.items()
                for record, file in zip(each.images, places[split], strict=True)
            ],
            self,
            source_classes=categories,
            default_source="files in the format of COCO",
        )


def _annotation_files(options: COCO) -> dict[str, str]:
    """The JSON files: by split, or the one without splits under ``annotations``."""
    split = {part: file for part in PARTS if (file := getattr(options, part))}
    if bool(split) == bool(options.annotations):
        raise ConfigError(
            "dataset.annotations and dataset.train are both set."
            if split
            else "It is not said which JSON files to read.",
            fix="set dataset.annotations to one file without splits, or dataset.train, "
            "dataset.validation and dataset.test to one file each",
        )
    return split or {"annotations": str(options.annotations)}


def _shared_categories(listings: Sequence[CocoListing]) -> tuple[str, ...]:
    first = listings[0]
    for other in listings[1:]:
        if other.categories != first.categories:
            raise DatasetError(
                f"The categories of {other.name} ({', '.join(other.categories)}) are not those of "
                f"{first.name} ({', '.join(first.categories)}).",
                fix="write the same categories, in the same order of ids, into both",
            )
    return first.categories


def _locate_images(options: COCO, folder: Path, listed: CocoListing) -> list[PurePosixPath]:
    return [
        _locate_image(options.images, folder, parse_relative_path(record["file_name"], listed.name))
        for record in listed.images
    ]


def _locate_image(folders: Sequence[str], root: Path, name: PurePosixPath) -> PurePosixPath:
    candidates = [parse_relative_path(folder, "dataset.images") / name for folder in folders]
    found = [place for place in candidates if (root / place).is_file()]
    if len(found) != 1:
        looked = ", ".join(map(str, found or candidates)) or "no folder"
        raise DatasetError(
            f"The image {name} was {'found twice' if found else 'not found'}: {looked}.",
            fix="unpack the images, and list in dataset.images the folders, below dataset.path, "
            "that hold them, such as [train2017,val2017]; each name in one of them",
        )
    return found[0]


def _build_boxed_image(
    options: COCO,
    folder: Path,
    listed: CocoListing,
    record: JsonRecord,
    file: PurePosixPath,
    split: str | None,
) -> BoxedImage:
    where = f"{listed.name}, image {record['id']},"
    facts = inspect_image(folder, file)
    check_image_size(
        facts, get_number(record, "width", where), get_number(record, "height", where), where
    )
    return BoxedImage(
        case_id=str(file.with_suffix("")),
        file=file,
        facts=facts,
        raw_boxes=listed.raw_boxes[record["id"]],
        split=split,
        metadata=_select_metadata(record, options.metadata, where),
    )


def _select_metadata(
    record: JsonRecord, wanted: Sequence[str], where: str
) -> Mapping[str, str | float]:
    lacking = [key for key in wanted if not isinstance(record.get(key), str | int | float)]
    if lacking:
        raise DatasetError(
            f"{where} has no text or number in its field {lacking[0]!r}.",
            fix="fill the field for every image, or take it out of dataset.metadata",
        )
    return {key: record[key] for key in wanted}

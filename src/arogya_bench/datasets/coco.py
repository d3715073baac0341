"""Read images with boxes in COCO format: one JSON file, or one per part of the split."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.coco_images import locate_image
from arogya_bench.datasets.coco_json import CocoListing, JsonRecord, get_number, read_coco_json
from arogya_bench.datasets.detection import BoxedImage, build_detection_dataset, check_image_size, split_by_file
from arogya_bench.datasets.exclusion import count_left_out, find_excluded
from arogya_bench.datasets.group_patterns import note_excluded
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.datasets.split_checks import PARTS
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.files import find_dataset_folder, inspect_image, parse_relative_path
from arogya_bench.types import Dataset


@dataclass(frozen=True, kw_only=True)
class COCO(GroupedDatasetOptions):
    """Images with boxes in COCO format.

    Boxes flagged ``iscrowd`` or ``ignore`` are kept, but detections in them are ignored. The default order of the
    classes is that of the category ids.

    Attributes:
        annotations: JSON file without a split, relative to ``path``.
        train: JSON file of the training images, relative to ``path``.
        validation: JSON file of the validation images.
        test: JSON file of the test images.
        images: Folders with the images, relative to ``path``. A file name that is in several of them is that beside its
            JSON file, or that in the folder of its part, such as ``val2017``.
        train_images: Folders with the training images, if others than ``images``.
        validation_images: Folders with the validation images, if others than ``images``.
        test_images: Folders with the test images, if others than ``images``.
        metadata: Fields of the image records that become metadata columns, such as a site.
    """

    annotations: str | None = None
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    images: list[str] = field(default_factory=lambda: ["images"])
    train_images: list[str] = field(default_factory=list)
    validation_images: list[str] = field(default_factory=list)
    test_images: list[str] = field(default_factory=list)
    metadata: list[str] = field(default_factory=list)

    def load(self) -> Dataset:
        """Read every JSON file and the header of every image; no image is decoded."""
        json_files = _annotation_files(self)
        folder = find_dataset_folder(self.path, "the JSON files and the images")
        listings = {
            split: read_coco_json(folder, parse_relative_path(file, f"dataset.{split}"))
            for split, file in json_files.items()
        }
        categories, grouping = _shared_categories(list(listings.values()))
        files = {
            part: [
                locate_image(folder, record["file_name"], listing.name, part, _image_folders(self, part))
                for record in listing.images
            ]
            for part, listing in listings.items()
        }
        splits = split_by_file({part: map(str, paths) for part, paths in files.items()})
        excluded = find_excluded(self.exclude, folder, set(map(_case_id, chain(*files.values()))))
        dataset = build_detection_dataset(
            folder,
            [
                _build_boxed_image(self, folder, listing, record, file, splits[str(file)])
                for part, listing in listings.items()
                for record, file in zip(listing.images, files[part], strict=True)
                if _case_id(file) not in excluded
            ],
            self,
            source_classes=categories,
            default_source="files in COCO format",
            notes=() if self.classes else tuple(_notes(grouping)),
        )
        return count_left_out(dataset, excluded)


def _case_id(file: PurePosixPath) -> str:
    return str(file.with_suffix(""))


def _annotation_files(options: COCO) -> dict[str, str]:
    """The JSON files by part of the split, or the only one under ``annotations``."""
    split = {part: file for part in PARTS if (file := getattr(options, part))}
    if bool(split) == bool(options.annotations):
        raise ConfigError(
            "dataset.annotations and dataset.train are both set." if split else "No JSON file is configured.",
            fix="set dataset.annotations to one file without splits, or dataset.train, "
            "dataset.validation and dataset.test to one file each",
        )
    return split or {"annotations": str(options.annotations)}


def _image_folders(options: COCO, part: str) -> Sequence[str]:
    return getattr(options, f"{part}_images", None) or options.images


def _shared_categories(listings: Sequence[CocoListing]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes, and the categories that only group them, which every file must have alike."""
    first = listings[0]
    for other in listings[1:]:
        if other.categories != first.categories:
            raise DatasetError(
                f"The categories of {other.name} ({', '.join(other.categories)}) are not those of "
                f"{first.name} ({', '.join(first.categories)}).",
                fix="write the same categories, in the same order of ids, into both",
            )
    grouping = frozenset.intersection(*(listing.grouping for listing in listings))
    kept = [name for index, name in enumerate(first.categories) if index not in grouping]
    return tuple(kept), tuple(first.categories[index] for index in sorted(grouping))


def _notes(grouping: Sequence[str]) -> Iterator[str]:
    yield from note_excluded("Categories without a box that group others or name the background, excluded", grouping)


def _build_boxed_image(
    options: COCO, folder: Path, listed: CocoListing, record: JsonRecord, file: PurePosixPath, split: str | None
) -> BoxedImage:
    where = f"{listed.name}, image {record['id']},"
    facts = inspect_image(folder, file)
    check_image_size(facts, get_number(record, "width", where), get_number(record, "height", where), where)
    return BoxedImage(
        case_id=_case_id(file),
        file=file,
        facts=facts,
        raw_boxes=listed.raw_boxes[record["id"]],
        split=split,
        metadata=_select_metadata(record, options.metadata, where),
    )


def _select_metadata(record: JsonRecord, wanted: Sequence[str], where: str) -> Mapping[str, str | float]:
    missing = [key for key in wanted if not isinstance(record.get(key), str | int | float)]
    if missing:
        raise DatasetError(
            f"{where} has no text or number in its field {missing[0]!r}.",
            fix="fill the field for every image, or remove it from dataset.metadata",
        )
    return {key: record[key] for key in wanted}

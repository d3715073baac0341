"""Read images with masks: two folders with the same file names, or nnU-Net format."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

from arogya_bench.datasets import mask_folders, nnunet
from arogya_bench.datasets.exclusion import leave_out
from arogya_bench.datasets.group_patterns import extract_groups, note_excluded
from arogya_bench.datasets.mask_cases import (
    MaskLocation,
    find_empty_slices,
    get_case_files,
    locate_cases,
    read_image,
    read_mask,
)
from arogya_bench.datasets.nnunet import ImageMaskListing
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.file_hashes import digest_records, hash_files
from arogya_bench.images.files import find_dataset_folder
from arogya_bench.images.masks import check_value_mode, is_binary, read_mask_values
from arogya_bench.images.windowing import parse_window
from arogya_bench.types import Case, Dataset

LAYOUT = f"images/ and masks/ with the same names, or {nnunet.LAYOUT}"
DEFAULT_CLASSES = ("background", "foreground")
EMPTY_SLICE_CHOICES = ("keep", "drop")
MAX_SAMPLED_MASKS = 20  # masks read to see whether 255 is the foreground


@dataclass(frozen=True, kw_only=True)
class ImageMaskPairs(GroupedDatasetOptions):
    """Images or volumes with masks, for the segmentation task.

    A mask has the name of its image, optionally with a suffix. A folder ``imagesTr`` marks the layout of nnU-Net. Every
    slice of a NIfTI volume is a case ``<volume>#<slice>``, and the volume is its group unless ``group`` is set.

    Attributes:
        classes: Class names, the background first; by default those of ``dataset.json``, else background and
            foreground.
        images: Folder of the images, relative to ``path``.
        masks: Folder of the masks, relative to ``path``; may be the same as ``images``.
        suffixes: Suffixes that may be appended to the name of an image in that of its mask.
        values: Meaning of the mask values: ``index`` into the classes; ``binary``: 0 and 255; ``threshold``: foreground
            from 128, for JPEG; ``auto``: binary for two classes and a mask with only 0 and 255, else index.
        empty_slices: Whether to ``keep`` or ``drop`` slices of volumes without foreground.
        channel: Index of the channel to read, for nnU-Net datasets with several. By default three channels of 2-D
            images become RGB, and any other number is an error.
        window: Two stored values that become black and white, for 16-bit images, DICOM and NIfTI.
        obtain: Instructions for obtaining the dataset.
    """

    images: str = "images"
    masks: str = "masks"
    suffixes: list[str] = field(default_factory=lambda: ["", "_mask", "_segmentation"])
    values: str = "auto"
    empty_slices: str = "keep"
    channel: int | None = None
    window: list[float] | None = None
    obtain: str = ""

    def load(self) -> Dataset:
        """Pair the files and compare their headers; of the pixels only masks of volumes are read."""
        if self.empty_slices not in EMPTY_SLICE_CHOICES:
            raise ConfigError(
                f"dataset.empty_slices={self.empty_slices!r} is unknown.",
                fix="choose dataset.empty_slices=keep or drop",
            )
        window = parse_window(self.window)
        folder = find_dataset_folder(self.path, LAYOUT, self.obtain)
        listing = list_pairs(self, folder)
        classes = tuple(self.classes) or listing.classes or DEFAULT_CLASSES
        check_value_mode(self.values, classes)
        pairs = sorted(listing.pairs, key=lambda pair: pair.name)
        groups = extract_groups([pair.name for pair in pairs], self.group)
        located = locate_cases(folder, pairs, self.channel)
        empty = find_empty_slices(located)
        locations = _select_slices(folder, located, empty, self.empty_slices)
        cases = tuple(
            Case(case_id=case, group_id=groups[location.pair.name], target=None, split=location.pair.split)
            for case, location in locations.items()
        )
        dataset = Dataset(
            name=self.name or folder.name,
            task="segmentation",
            classes=classes,
            cases=cases,
            grouped=self.group is not None or any(location.is_slice for location in locations.values()),
            digest=_digest(self, folder, classes, cases, locations),
            licence=self.licence,
            source=self.source or "images and masks of the user",
            version=self.version,
            read=partial(read_image, locations, window),
            notes=(
                *listing.notes,
                *_notes_on_slices(empty, self.empty_slices),
                *_notes_on_values(locations, classes, self.values),
            ),
            citation=self.citation,
            files=get_case_files(locations),
            read_mask=partial(read_mask, locations, classes, self.values),
        )
        return leave_out(dataset, self.exclude, folder)


def list_pairs(options: ImageMaskPairs, folder: Path) -> ImageMaskListing:
    """Pair the images and masks of a folder by their names; no file is opened."""
    if nnunet.is_nnunet(folder):
        return nnunet.list_pairs(folder)
    return mask_folders.list_pairs(folder, images=options.images, masks=options.masks, suffixes=options.suffixes)


def _select_slices(
    folder: Path, located: Mapping[str, MaskLocation], empty: Sequence[str], choice: str
) -> Mapping[str, MaskLocation]:
    if choice == "keep":
        return located
    dropped = set(empty)
    locations = {case: location for case, location in located.items() if case not in dropped}
    if not locations:
        raise DatasetError(
            f"None of the {len(located)} slices in {folder} has foreground.",
            fix="check that the masks belong to this dataset, or set dataset.empty_slices=keep",
        )
    return locations


def _notes_on_slices(empty: Sequence[str], choice: str) -> Iterator[str]:
    action = "excluded" if choice == "drop" else "kept; overlap is undefined if a model finds none"
    yield from note_excluded(f"Slices without foreground, {action}", empty)


def _notes_on_values(locations: Mapping[str, MaskLocation], classes: Sequence[str], values: str) -> Iterator[str]:
    if values != "auto" or len(classes) != 2:
        return
    flat = (location for location in locations.values() if not location.is_slice)
    for location in islice(flat, MAX_SAMPLED_MASKS):
        try:
            numbers = read_mask_values(location.mask, location.index)
        except DatasetError:
            continue  # reported with all others when it is read
        if numbers.any():
            if is_binary(numbers):
                yield "Masks with only 0 and 255 are read as background and foreground."
            return


def _digest(
    options: ImageMaskPairs,
    folder: Path,
    classes: Sequence[str],
    cases: Sequence[Case],
    locations: Mapping[str, MaskLocation],
) -> str:
    # Names and bytes rather than paths, so that the folder may move, and the options that decide
    # how the bytes are read.
    files = {
        case: [PurePosixPath(file.relative_to(folder)) for file in (*location.channels, location.mask)]
        for case, location in locations.items()
    }
    hashes = hash_files(folder, sorted({file for paths in files.values() for file in paths}))
    records = ([case.case_id, case.group_id, *(hashes[file] for file in files[case.case_id])] for case in cases)
    return digest_records([[list(classes), options.values, options.window], *records])

"""Reads images with masks: two folders with the same names, or the layout of nnU-Net."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

from arogya_bench.datasets import mask_folders, nnunet
from arogya_bench.datasets.group_patterns import extract_groups, shorten_list
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
from arogya_bench.images.file_hashes import hash_files
from arogya_bench.images.files import find_dataset_folder
from arogya_bench.images.masks import check_value_mode, is_binary, read_mask_values
from arogya_bench.images.windowing import parse_window
from arogya_bench.types import Case, Dataset

LAYOUT = f"images/ and masks/ with the same names, or {nnunet.LAYOUT}"
DEFAULT_CLASSES = ("background", "foreground")
EMPTY_SLICE_CHOICES = ("keep", "drop")
MAX_SAMPLED_MASKS = 20  # masks that are looked at to see whether white stands for the foreground


@dataclass(frozen=True, kw_only=True)
class ImageMaskPairs(GroupedDatasetOptions):
    """Images and volumes with a mask each, of the segmentation task.

    A mask has the name of its image, perhaps with a suffix; or the layout is that of nnU-Net,
    which a folder ``imagesTr`` announces. Every slice of a NIfTI volume is a case
    ``<volume>#<slice>``, and the volume is its group. Masks hold indices into the classes.

    Attributes:
        classes: Class names, the background first; by default those of ``dataset.json``, else
            background and foreground.
        images: Folder of the images, relative to ``path``.
        masks: Folder of the masks, relative to ``path``; may be the same as ``images``.
        suffixes: Suffixes that may be appended to the name of an image in that of its mask.
        values: Meaning of the mask values: ``index`` into the classes; ``binary``: 0 and 255;
            ``threshold``: foreground from 128, for JPEG; ``auto``: binary for two classes and a
            mask with only 0 and 255, else index.
        empty_slices: Whether to ``keep`` or ``drop`` slices of volumes without foreground.
        channel: Index of the channel to read, for nnU-Net datasets with several. By default three
            channels of 2-D images become RGB, and any other number is an error.
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
        """Pair the files and compare their headers; masks of volumes are read, images are not.

        Raises:
            ConfigError: If an option is out of range.
            DatasetError: If files are missing, or an image and its mask do not fit.
            MissingExtra: If a file needs a library that is not installed.
        """
        if self.empty_slices not in EMPTY_SLICE_CHOICES:
            raise ConfigError(
                f"dataset.empty_slices={self.empty_slices!r} is unknown.",
                fix="choose dataset.empty_slices=keep or drop",
            )
        window = parse_window(self.window)
        folder = find_dataset_folder(self.path, LAYOUT, self.obtain)
        found = _list_pairs(self, folder)
        classes = tuple(self.classes) or found.classes or DEFAULT_CLASSES
        check_value_mode(self.values, classes)
        pairs = sorted(found.pairs, key=lambda pair: pair.name)
        groups = extract_groups([pair.name for pair in pairs], self.group)
        places = locate_cases(folder, pairs, self.channel)
        empty = find_empty_slices(places)
        dropped = empty if self.empty_slices == "drop" else []
        kept = {case: place for case, place in places.items() if case not in set(dropped)}
        if not kept:
            raise DatasetError(
                f"No slice of {len(pairs)} volumes in {folder} has any foreground.",
                fix="look whether the masks belong to this dataset, or set "
                "dataset.empty_slices=keep",
            )
        notes = (
            *found.notes,
            *_notes_on_slices(empty, self.empty_slices),
            *_notes_on_values(kept, classes, self.values),
        )
        cases = tuple(
            Case(
                case_id=case,
                group_id=groups[place.pair.name],
                target=None,
                split=place.pair.split,
            )
            for case, place in kept.items()
        )
        return Dataset(
            name=self.name or folder.name,
            task="segmentation",
            classes=classes,
            cases=cases,
            grouped=self.group is not None or any(place.is_slice for place in kept.values()),
            digest=_digest(self, folder, classes, cases, kept),
            licence=self.licence,
            source=self.source or "images and masks of the user",
            version=self.version,
            read=partial(read_image, kept, window),
            notes=notes,
            citation=self.citation,
            files=get_case_files(kept),
            read_mask=partial(read_mask, kept, classes, self.values),
        )


def _list_pairs(options: ImageMaskPairs, folder: Path) -> ImageMaskListing:
    if nnunet.is_nnunet(folder):
        return nnunet.list_pairs(folder)
    return mask_folders.list_pairs(
        folder, images=options.images, masks=options.masks, suffixes=options.suffixes
    )


def _notes_on_slices(empty: Sequence[str], choice: str) -> Iterator[str]:
    if empty:
        what = "left out" if choice == "drop" else "kept; overlap is undefined where a model agrees"
        yield f"Slices without foreground, {what}: {len(empty)}: {shorten_list(empty)}."


def _notes_on_values(
    places: Mapping[str, MaskLocation], classes: Sequence[str], values: str
) -> Iterator[str]:
    if values != "auto" or len(classes) != 2:
        return
    for place in islice(
        (place for place in places.values() if not place.is_slice), MAX_SAMPLED_MASKS
    ):
        try:
            numbers = read_mask_values(place.mask, place.index)
        except DatasetError:
            continue  # found when it is read, and reported with all others
        if numbers.any():
            if is_binary(numbers):
                yield "Masks with just 0 and 255 are taken as background and foreground."
            return


def _digest(
    options: ImageMaskPairs,
    folder: Path,
    classes: Sequence[str],
    cases: Sequence[Case],
    places: Mapping[str, MaskLocation],
) -> str:
    # Names and bytes, not places: the folder may move. And the options that decide what is read
    # from the bytes.
    files = {
        case: [PurePosixPath(file.relative_to(folder)) for file in (*place.channels, place.mask)]
        for case, place in places.items()
    }
    hashes = hash_files(folder, sorted({file for own in files.values() for file in own}))
    head = [list(classes), options.values, options.window]
    digest = hashlib.sha256(json.dumps(head).encode())
    for case in cases:
        said = [case.case_id, case.group_id, *(hashes[file] for file in files[case.case_id])]
        digest.update(f"\n{json.dumps(said)}".encode())
    return digest.hexdigest()[:32]

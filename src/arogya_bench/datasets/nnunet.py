"""Read the layout of nnU-Net: dataset.json, imagesTr with one file per channel, and labelsTr."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from arogya_bench.datasets.group_patterns import note_excluded, shorten_list
from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import image_stem, list_files
from arogya_bench.images.files import SUFFIXES
from arogya_bench.images.safe_errors import describe_read_error
from arogya_bench.runtime.console import plural

HEADER_FILE = "dataset.json"
TRAIN_FOLDERS = ("imagesTr", "labelsTr")
TEST_FOLDERS = ("imagesTs", "labelsTs")
LAYOUT = "dataset.json, imagesTr/<case>_0000.nii.gz and labelsTr/<case>.nii.gz"
CHANNEL_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class ImageMaskPair:
    """An image or volume and its mask.

    Attributes:
        name: Unique name; the case id or its first part.
        channels: Image files relative to the folder of the dataset: one, or one per channel.
        mask: Mask file relative to the folder of the dataset.
        split: ``train`` or ``test``; None without an official split.
    """

    name: str
    channels: tuple[PurePosixPath, ...]
    mask: PurePosixPath
    split: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImageMaskListing:
    """Pairs of images and masks in a folder.

    Attributes:
        pairs: Pairs in any order.
        classes: Class names in the order of their values, the background first; may be empty.
        notes: Notes on excluded files.
    """

    pairs: tuple[ImageMaskPair, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...]


def is_nnunet(folder: Path) -> bool:
    """Whether a folder has the layout of nnU-Net."""
    return (folder / TRAIN_FOLDERS[0]).is_dir()


def list_pairs(folder: Path) -> ImageMaskListing:
    """List the pairs of a folder in the layout of nnU-Net; no image is opened."""
    header = _read_header(folder)
    classes = _parse_classes(header)
    channel_names = header.get("channel_names", header.get("modality"))
    n_channels = len(channel_names) if isinstance(channel_names, dict) and channel_names else None
    train, notes = _find_pairs(folder, TRAIN_FOLDERS, "train")
    test, more = _find_pairs(folder, TEST_FOLDERS, "test")
    stated = header.get("numTraining")
    if isinstance(stated, int) and stated not in (len(train), len(train) + _count_hidden(folder / TRAIN_FOLDERS[1])):
        raise DatasetError(
            f"{HEADER_FILE} states {plural(stated, 'training case')}, and {TRAIN_FOLDERS[0]} with "
            f"{TRAIN_FOLDERS[1]} holds {len(train)}.",
            fix=f"unpack the complete archive, or correct numTraining in {HEADER_FILE}",
        )
    for pair in (*train, *test):
        _check_channels(pair, n_channels)
    # A source with a single part has no split.
    pairs = [*train, *test] if test else [replace(pair, split=None) for pair in train]
    return ImageMaskListing(pairs=tuple(pairs), classes=classes, notes=(*notes, *more))


def _read_header(folder: Path) -> Mapping[str, Any]:
    try:
        content = json.loads((folder / HEADER_FILE).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder} has imagesTr and no {HEADER_FILE}, which names the classes.",
            fix=f"set dataset.path to a folder with {LAYOUT}",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(
            f"{HEADER_FILE} cannot be read: {describe_read_error(error)}.", fix="write it as JSON, or get it again"
        ) from error
    if not isinstance(content, dict):
        raise DatasetError(f"{HEADER_FILE} is not a JSON object.", fix="write it as nnU-Net does: {...labels...}")
    return content


def _parse_classes(header: Mapping[str, Any]) -> tuple[str, ...]:
    labels = header.get("labels")
    if not isinstance(labels, dict):
        raise DatasetError(
            f"{HEADER_FILE} has no labels.", fix='name the classes there: "labels": {"background": 0, "tumor": 1}'
        )
    # The first version of nnU-Net wrote number to name, the second writes name to number.
    numbered = all(str(key).isdigit() and isinstance(value, str) for key, value in labels.items())
    pairs = {int(k): v for k, v in labels.items()} if numbered else _invert_labels(labels)
    if sorted(pairs) != list(range(len(labels))) or len(pairs) < 2:
        raise DatasetError(
            f"The labels of {HEADER_FILE} are not numbered 0, 1, 2 and so on: {json.dumps(labels)}.",
            fix="number them without gaps from 0 for the background, in the masks as well",
        )
    return tuple(pairs[number] for number in range(len(pairs)))


def _invert_labels(labels: Mapping[str, Any]) -> dict[int, str]:
    regions = [name for name, number in labels.items() if type(number) is not int]
    if regions or "ignore" in labels:
        problem = "does not have one number" if regions else "marks pixels to ignore"
        raise DatasetError(
            f"The label {(regions or ['ignore'])[0]!r} of {HEADER_FILE} {problem}, but every pixel "
            "needs exactly one class.",
            fix="write masks with one class per pixel, and list these classes in dataset.json",
        )
    return {number: str(name) for name, number in labels.items()}


def _find_pairs(folder: Path, subfolders: tuple[str, str], split: str) -> tuple[list[ImageMaskPair], list[str]]:
    image_folder, mask_folder = subfolders
    images = _group_by_case(folder, image_folder)
    masks = {image_stem(str(file)): mask_folder / file for file in _find_images(folder / mask_folder)}
    orphans = sorted(masks.keys() - images.keys())
    if orphans:
        raise DatasetError(
            f"There is no image in {image_folder} for {plural(len(orphans), 'mask')} of {mask_folder}: "
            f"{shorten_list(orphans)}.",
            fix="unpack the images, named <case>_0000 and so on, or remove the masks",
        )
    unmatched = sorted(images.keys() - masks.keys())
    notes = list(note_excluded(f"Images of {image_folder} without a mask, excluded", unmatched))
    pairs = [
        ImageMaskPair(name=name, channels=tuple(images[name]), mask=mask, split=split) for name, mask in masks.items()
    ]
    return pairs, notes


def _group_by_case(folder: Path, subfolder: str) -> dict[str, list[PurePosixPath]]:
    """Files of each case in the order of their channels."""
    cases: defaultdict[str, dict[int, PurePosixPath]] = defaultdict(dict)
    for file in _find_images(folder / subfolder):
        case, _, channel = image_stem(str(file)).rpartition("_")
        if not case or len(channel) != CHANNEL_DIGITS or not channel.isdecimal():
            raise DatasetError(
                f"The name {subfolder}/{file} does not end in a channel number.",
                fix=f"name it <case>_0000{file.suffix}, as nnU-Net does",
            )
        if int(channel) in cases[case]:
            raise DatasetError(f"{subfolder} has two files for channel {channel} of {case}.", fix="keep one of them")
        cases[case][int(channel)] = subfolder / file
    for case, channels in cases.items():
        if sorted(channels) != list(range(len(channels))):
            raise DatasetError(
                f"The channels of {case} in {subfolder} are {', '.join(map(str, sorted(channels)))}.",
                fix="unpack every channel; they are numbered from _0000 without gaps",
            )
    return {case: [channels[number] for number in sorted(channels)] for case, channels in cases.items()}


def _count_hidden(folder: Path) -> int:
    """Number of files that a Mac leaves; scripts that write the header count them as cases."""
    return len(list(folder.glob("._*")))


def _find_images(folder: Path) -> list[PurePosixPath]:
    return [file for file in list_files(folder) if is_image(file.name)] if folder.is_dir() else []


def _check_channels(pair: ImageMaskPair, n_channels: int | None) -> None:
    # An ordinary colour image holds its three channels in one file.
    in_one_file = len(pair.channels) == 1 and pair.channels[0].name.lower().endswith(SUFFIXES)
    if n_channels is not None and len(pair.channels) != n_channels and not in_one_file:
        raise DatasetError(
            f"{pair.name} has {plural(len(pair.channels), 'channel')}, and {HEADER_FILE} names {n_channels}.",
            fix=f"unpack every channel, or correct channel_names in {HEADER_FILE}",
        )

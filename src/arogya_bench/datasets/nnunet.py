"""Reads the layout of nnU-Net: dataset.json, imagesTr with one file a channel, and labelsTr."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import image_stem, list_files
from arogya_bench.images.files import SUFFIXES

HEADER_FILE = "dataset.json"
TRAIN_FOLDERS = ("imagesTr", "labelsTr")
TEST_FOLDERS = ("imagesTs", "labelsTs")
LAYOUT = "dataset.json, imagesTr/<case>_0000.nii.gz and labelsTr/<case>.nii.gz"
CHANNEL_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class ImageMaskPair:
    """An image, or a volume, and its mask.

    Attributes:
        name: Unique; the case id, or its beginning.
        channels: The files of the image below the folder of the dataset: one, or one a channel.
        mask: Below the folder of the dataset.
        split: ``train`` or ``test``, or None if the source fixes none.
    """

    name: str
    channels: tuple[PurePosixPath, ...]
    mask: PurePosixPath
    split: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImageMaskListing:
    """What lies in a folder.

    Attributes:
        pairs: In any order.
        classes: In the order of their numbers, the background first; empty if the source names
            none.
        notes: What was left out.
    """

    pairs: tuple[ImageMaskPair, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...]


def is_nnunet(folder: Path) -> bool:
    """Whether a folder has the layout of nnU-Net."""
    return (folder / TRAIN_FOLDERS[0]).is_dir()


def list_pairs(folder: Path) -> ImageMaskListing:
    """List the cases of a folder in the layout of nnU-Net; no image is opened.

    Raises:
        DatasetError: If files are missing or damaged, or ``dataset.json`` contradicts them.
    """
    header = _read_header(folder)
    classes = _parse_classes(header)
    channels = _count_channels(header)
    train, notes = _find_pairs(folder, TRAIN_FOLDERS, "train")
    test, more = _find_pairs(folder, TEST_FOLDERS, "test")
    stated = header.get("numTraining")
    if isinstance(stated, int) and stated != len(train):
        raise DatasetError(
            f"{HEADER_FILE} states {stated} training cases, and {TRAIN_FOLDERS[0]} with {TRAIN_FOLDERS[1]} holds "
            f"{len(train)}.",
            fix=f"unpack the whole archive, or correct numTraining in {HEADER_FILE}",
        )
    for pair in (*train, *test):
        _check_channels(pair, channels)
    # A source with one part divides nothing.
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
            f"{HEADER_FILE} cannot be read: {error}.", fix="write it as JSON, or get it again"
        ) from error
    if not isinstance(content, dict):
        raise DatasetError(
            f"{HEADER_FILE} holds no object.", fix="write it as nnU-Net does: {...labels...}"
        )
    return content


def _parse_classes(header: Mapping[str, Any]) -> tuple[str, ...]:
    labels = header.get("labels")
    if not isinstance(labels, dict):
        raise DatasetError(
            f"{HEADER_FILE} has no object of labels.",
            fix='name the classes there: "labels": {"background": 0, "tumor": 1}',
        )
    # The first version of nnU-Net wrote number to name, the second writes name to number.
    numbered = all(str(key).isdigit() and isinstance(each, str) for key, each in labels.items())
    pairs = {int(k): v for k, v in labels.items()} if numbered else _invert_labels(labels)
    if sorted(pairs) != list(range(len(labels))) or len(pairs) < 2:
        raise DatasetError(
            f"The labels of {HEADER_FILE} do not have the numbers 0, 1, 2 and so on, once each: "
            f"{json.dumps(labels)}.",
            fix="number them without gaps, the background 0, in the masks as well",
        )
    return tuple(pairs[number] for number in range(len(pairs)))


def _invert_labels(labels: Mapping[str, Any]) -> dict[int, str]:
    odd = [name for name, number in labels.items() if type(number) is not int]
    if odd or "ignore" in labels:
        kind = "stands for several numbers, or for none" if odd else "marks pixels to leave out"
        raise DatasetError(
            f"The label {(odd or ['ignore'])[0]!r} of {HEADER_FILE} {kind}, and a mask here gives "
            "every pixel one class.",
            fix="write masks in which every pixel has one class, and list those in dataset.json",
        )
    return {number: str(name) for name, number in labels.items()}


def _count_channels(header: Mapping[str, Any]) -> int | None:
    """How many channels a case has, if the header says so."""
    named = header.get("channel_names", header.get("modality"))
    return len(named) if isinstance(named, dict) and named else None


def _find_pairs(
    folder: Path, places: tuple[str, str], split: str
) -> tuple[list[ImageMaskPair], list[str]]:
    images = _group_by_case(folder, places[0])
    masks = {image_stem(str(file)): places[1] / file for file in _find_images(folder / places[1])}
    lost = sorted(masks.keys() - images.keys())
    if lost:
        raise DatasetError(
            f"{len(lost)} masks of {places[1]} have no image in {places[0]}: {shorten_list(lost)}.",
            fix="unpack the images, named <case>_0000 and so on, or remove the masks",
        )
    bare = sorted(images.keys() - masks.keys())
    notes = [f"Images of {places[0]} without a mask, excluded: {len(bare)}: {shorten_list(bare)}."]
    pairs = [
        ImageMaskPair(name=name, channels=tuple(images[name]), mask=mask, split=split)
        for name, mask in masks.items()
    ]
    return pairs, notes if bare else []


def _group_by_case(folder: Path, place: str) -> dict[str, list[PurePosixPath]]:
    """The files of every case, in the order of their channels."""
    found: defaultdict[str, dict[int, PurePosixPath]] = defaultdict(dict)
    for file in _find_images(folder / place):
        case, _, channel = image_stem(str(file)).rpartition("_")
        if not case or len(channel) != CHANNEL_DIGITS or not channel.isdecimal():
            raise DatasetError(
                f"{place}/{file} does not end in the number of a channel.",
                fix=f"name it <case>_0000{file.suffix}, as nnU-Net does",
            )
        if int(channel) in found[case]:
            raise DatasetError(
                f"{place} has two files for channel {channel} of {case}.", fix="keep one of them"
            )
        found[case][int(channel)] = place / file
    for case, own in found.items():
        if sorted(own) != list(range(len(own))):
            raise DatasetError(
                f"The channels of {case} in {place} are {', '.join(map(str, sorted(own)))}.",
                fix="unpack every channel; they count from _0000 without gaps",
            )
    return {case: [own[number] for number in sorted(own)] for case, own in found.items()}


def _find_images(folder: Path) -> list[PurePosixPath]:
    return [file for file in list_files(folder) if is_image(file.name)] if folder.is_dir() else []


def _check_channels(pair: ImageMaskPair, channels: int | None) -> None:
    # The colours of an ordinary image lie in one file, and are three channels all the same.
    colours = len(pair.channels) == 1 and pair.channels[0].name.lower().endswith(SUFFIXES)
    if channels is not None and len(pair.channels) != channels and not colours:
        raise DatasetError(
            f"{pair.name} has {len(pair.channels)} channels, and {HEADER_FILE} names {channels}.",
            fix=f"unpack every channel, or correct channel_names in {HEADER_FILE}",
        )

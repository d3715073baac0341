"""Reads the layout of nnU-Net: dataset.json, imagesTr with one file a channel, and labelsTr."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from arogya_bench.datasets.group_patterns import few
from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import files_below, stem_of
from arogya_bench.images.files import SUFFIXES

HEADER = "dataset.json"
TRAIN = ("imagesTr", "labelsTr")
TEST = ("imagesTs", "labelsTs")
LAYOUT = "dataset.json, imagesTr/<case>_0000.nii.gz and labelsTr/<case>.nii.gz"
CHANNEL_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Pair:
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
class Listing:
    """What lies in a folder.

    Attributes:
        pairs: In any order.
        classes: In the order of their numbers, the background first; empty if the source names
            none.
        notes: What was left out.
    """

    pairs: tuple[Pair, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...]


def is_nnunet(folder: Path) -> bool:
    """Whether a folder has the layout of nnU-Net."""
    return (folder / TRAIN[0]).is_dir()


def listing(folder: Path) -> Listing:
    """List the cases of a folder in the layout of nnU-Net; no image is opened.

    Raises:
        DatasetError: If files are missing or damaged, or ``dataset.json`` contradicts them.
    """
    header = _header(folder)
    classes = _classes(header)
    channels = _channels(header)
    train, notes = _pairs(folder, TRAIN, "train")
    test, more = _pairs(folder, TEST, "test")
    stated = header.get("numTraining")
    if isinstance(stated, int) and stated != len(train):
        raise DatasetError(
            f"{HEADER} states {stated} training cases, and {TRAIN[0]} with {TRAIN[1]} holds "
            f"{len(train)}.",
            fix=f"unpack the whole archive, or correct numTraining in {HEADER}",
        )
    for pair in (*train, *test):
        _refuse_lacking(pair, channels)
    # A source with one part divides nothing.
    pairs = [*train, *test] if test else [replace(pair, split=None) for pair in train]
    return Listing(pairs=tuple(pairs), classes=classes, notes=(*notes, *more))


def _header(folder: Path) -> Mapping[str, Any]:
    try:
        content = json.loads((folder / HEADER).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder} has imagesTr and no {HEADER}, which names the classes.",
            fix=f"set dataset.path to a folder with {LAYOUT}",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(
            f"{HEADER} cannot be read: {error}.", fix="write it as JSON, or get it again"
        ) from error
    if not isinstance(content, dict):
        raise DatasetError(
            f"{HEADER} holds no object.", fix="write it as nnU-Net does: {...labels...}"
        )
    return content


def _classes(header: Mapping[str, Any]) -> tuple[str, ...]:
    labels = header.get("labels")
    if not isinstance(labels, dict):
        raise DatasetError(
            f"{HEADER} has no object of labels.",
            fix='name the classes there: "labels": {"background": 0, "tumor": 1}',
        )
    # The first version of nnU-Net wrote number to name, the second writes name to number.
    numbered = all(str(key).isdigit() and isinstance(each, str) for key, each in labels.items())
    pairs = {int(k): v for k, v in labels.items()} if numbered else _turned(labels)
    if sorted(pairs) != list(range(len(labels))) or len(pairs) < 2:
        raise DatasetError(
            f"The labels of {HEADER} do not have the numbers 0, 1, 2 and so on, once each: "
            f"{json.dumps(labels)}.",
            fix="number them without gaps, the background 0, in the masks as well",
        )
    return tuple(pairs[number] for number in range(len(pairs)))


def _turned(labels: Mapping[str, Any]) -> dict[int, str]:
    odd = [name for name, number in labels.items() if type(number) is not int]
    if odd or "ignore" in labels:
        kind = "stands for several numbers, or for none" if odd else "marks pixels to leave out"
        raise DatasetError(
            f"The label {(odd or ['ignore'])[0]!r} of {HEADER} {kind}, and a mask here gives "
            "every pixel one class.",
            fix="write masks in which every pixel has one class, and list those in dataset.json",
        )
    return {number: str(name) for name, number in labels.items()}


def _channels(header: Mapping[str, Any]) -> int | None:
    """How many channels a case has, if the header says so."""
    named = header.get("channel_names", header.get("modality"))
    return len(named) if isinstance(named, dict) and named else None


def _pairs(folder: Path, places: tuple[str, str], split: str) -> tuple[list[Pair], list[str]]:
    images = _by_case(folder, places[0])
    masks = {stem_of(str(file)): places[1] / file for file in _files(folder / places[1])}
    lost = sorted(masks.keys() - images.keys())
    if lost:
        raise DatasetError(
            f"{len(lost)} masks of {places[1]} have no image in {places[0]}: {few(lost)}.",
            fix="unpack the images, named <case>_0000 and so on, or remove the masks",
        )
    bare = sorted(images.keys() - masks.keys())
    notes = [
        f"Images of {places[0]} without a mask, which were left out: {len(bare)}: {few(bare)}."
    ]
    pairs = [
        Pair(name=name, channels=tuple(images[name]), mask=mask, split=split)
        for name, mask in masks.items()
    ]
    return pairs, notes if bare else []


def _by_case(folder: Path, place: str) -> dict[str, list[PurePosixPath]]:
    """The files of every case, in the order of their channels."""
    found: defaultdict[str, dict[int, PurePosixPath]] = defaultdict(dict)
    for file in _files(folder / place):
        case, _, channel = stem_of(str(file)).rpartition("_")
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


def _files(folder: Path) -> list[PurePosixPath]:
    return [file for file in files_below(folder) if is_image(file.name)] if folder.is_dir() else []


def _refuse_lacking(pair: Pair, channels: int | None) -> None:
    # The colours of an ordinary image lie in one file, and are three channels all the same.
    colours = len(pair.channels) == 1 and pair.channels[0].name.lower().endswith(SUFFIXES)
    if channels is not None and len(pair.channels) != channels and not colours:
        raise DatasetError(
            f"{pair.name} has {len(pair.channels)} channels, and {HEADER} names {channels}.",
            fix=f"unpack every channel, or correct channel_names in {HEADER}",
        )

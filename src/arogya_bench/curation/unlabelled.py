"""Lists sources with one case per file: unlabelled images, and images with a mask each."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from arogya_bench.datasets.group_patterns import extract_groups, note_excluded, shorten_list
from arogya_bench.datasets.image_mask_pairs import DEFAULT_CLASSES, ImageMaskPairs, list_pairs
from arogya_bench.datasets.nnunet import ImageMaskPair
from arogya_bench.datasets.published import GroupedDatasetOptions
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.companions import find_companions
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import find_unlisted, image_stem, list_files
from arogya_bench.images.masks import check_value_mode
from arogya_bench.images.windowing import parse_window
from arogya_bench.types import Case, Dataset, Image


class DatasetWithMasks(NamedTuple):
    """A dataset, and the mask file of each case id."""

    dataset: Dataset
    masks: dict[str, Path]


def list_image_mask_pairs(folder: Path, options: ImageMaskPairs) -> DatasetWithMasks:
    """List images and volumes with their masks; a volume is one case, unlike in evaluations.

    Raises:
        ConfigError: If an option is out of range.
        DatasetError: If a mask is missing, has no image, or an image has several files.
    """
    parse_window(options.window)
    listing = list_pairs(options, folder)
    classes = tuple(options.classes) or listing.classes or DEFAULT_CLASSES
    check_value_mode(options.values, classes)
    pairs = sorted(listing.pairs, key=lambda pair: pair.name)
    dataset = _build_dataset(
        options, {pair.name: folder / _channel_file(pair, options.channel) for pair in pairs}, listing.notes
    )
    cases = [replace(case, split=pair.split) for case, pair in zip(dataset.cases, pairs, strict=True)]
    source = options.source or "images and masks of the user"
    dataset = replace(dataset, task="segmentation", classes=classes, cases=tuple(cases), source=source)
    return DatasetWithMasks(dataset, {pair.name: folder / pair.mask for pair in pairs})


def _channel_file(pair: ImageMaskPair, channel: int | None) -> Path:
    if channel is None and len(pair.channels) > 1:
        raise DatasetError(
            f"{pair.name} has {len(pair.channels)} channels, and a curated image is one file.",
            fix="choose the channel to keep: dataset.channel=0",
        )
    if not 0 <= (channel or 0) < len(pair.channels):
        raise ConfigError(
            f"dataset.channel={channel}: {pair.name} has {len(pair.channels)} channels, starting at 0.",
            fix=f"choose one of {', '.join(map(str, range(len(pair.channels))))}",
        )
    return Path(pair.channels[channel or 0])


def list_unlabelled(folder: Path, options: GroupedDatasetOptions) -> Dataset:
    """List every image in a folder.

    Raises:
        ConfigError: If ``group`` matches no name.
        DatasetError: If there is none, or two have the same name.
    """
    all_files = list_files(folder)
    found = [file for file in all_files if is_image(file.name)]
    companions = find_companions({image_stem(str(file)): "" for file in found})
    images = [file for file in found if image_stem(str(file)) not in companions]
    files = {image_stem(str(file)): folder / file for file in images}
    if not files:
        raise DatasetError(f"{folder} holds no image.", fix="name the folder that holds images")
    if len(files) < len(images):
        duplicates = find_unlisted(map(str, images), (str(file.relative_to(folder)) for file in files.values()))
        raise DatasetError(
            f"{len(duplicates)} of {len(images)} images have the name of another one with another suffix: "
            f"{shorten_list(duplicates)}.",
            fix="give every image a unique name",
        )
    notes = [
        *note_excluded("Files without an image suffix, excluded", find_unlisted(map(str, all_files), map(str, found))),
        *note_excluded("Files that belong to another image, such as masks, excluded", sorted(companions)),
    ]
    return _build_dataset(options, files, notes)


def _build_dataset(options: GroupedDatasetOptions, files: Mapping[str, Path], notes: Iterable[str]) -> Dataset:
    groups = extract_groups(list(files), options.group)
    return Dataset(
        name=str(options.name),
        task="classification",
        classes=(),
        cases=tuple(Case(case_id=name, group_id=groups[name], target=None) for name in files),
        grouped=options.group is not None,
        digest="",
        licence=options.licence,
        source=options.source or "image files of the user",
        version=options.version,
        read=_refuse_read,
        notes=tuple(notes),
        citation=options.citation,
        files=files,
    )


def _refuse_read(case: Case) -> Image:
    raise DatasetError(f"Curation does not decode the image of {case.case_id}.", fix="read its file")

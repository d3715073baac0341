"""Images of which only the files are known, and images with a mask each: a case for each file."""

from pathlib import Path
from typing import NamedTuple

from arogya_bench.curation.layouts import Unlabelled
from arogya_bench.datasets import mask_folders, nnunet
from arogya_bench.datasets.classification import left_out
from arogya_bench.datasets.group_patterns import few, groups_of
from arogya_bench.datasets.image_mask_pairs import DEFAULT_CLASSES, ImageMaskPairs
from arogya_bench.datasets.nnunet import Pair
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import files_below, stem_of, unlisted
from arogya_bench.images.masks import require_values
from arogya_bench.images.windowing import window_of
from arogya_bench.types import Case, Dataset, Image


class Paired(NamedTuple):
    """A dataset, and case id to the file of its mask."""

    dataset: Dataset
    masks: dict[str, Path]


def paired(folder: Path, options: ImageMaskPairs) -> Paired:
    """List images and volumes with their masks; unlike for a model, a volume is one case.

    Raises:
        ConfigError: If an option is out of range.
        DatasetError: If a mask is missing, has no image, or an image has several files.
    """
    window_of(options.window)
    if nnunet.is_nnunet(folder):
        found = nnunet.listing(folder)
    else:
        found = mask_folders.listing(
            folder, images=options.images, masks=options.masks, suffixes=options.suffixes
        )
    classes = tuple(options.classes) or found.classes or DEFAULT_CLASSES
    require_values(options.values, classes)
    pairs = sorted(found.pairs, key=lambda pair: pair.name)
    groups = groups_of([pair.name for pair in pairs], options.group)
    dataset = Dataset(
        name=str(options.name),
        task="segmentation",
        classes=classes,
        cases=tuple(
            Case(case_id=pair.name, group_id=groups[pair.name], target=None, split=pair.split)
            for pair in pairs
        ),
        grouped=options.group is not None,
        digest="",
        licence=options.licence,
        source=options.source or "images and masks of the user",
        version=options.version,
        read=_unread,
        notes=found.notes,
        citation=options.citation,
        files={pair.name: folder / _channel(pair, options.channel) for pair in pairs},
    )
    return Paired(dataset, {pair.name: folder / pair.mask for pair in pairs})


def _channel(pair: Pair, channel: int | None) -> Path:
    if channel is None and len(pair.channels) > 1:
        raise DatasetError(
            f"{pair.name} has {len(pair.channels)} channels, and a curated image is one file.",
            fix="choose the one to keep: dataset.channel=0",
        )
    if not 0 <= (channel or 0) < len(pair.channels):
        raise ConfigError(
            f"dataset.channel={channel}: {pair.name} has {len(pair.channels)} channels, from 0.",
            fix=f"choose one of {', '.join(map(str, range(len(pair.channels))))}",
        )
    return Path(pair.channels[channel or 0])


def unlabelled(folder: Path, options: Unlabelled) -> Dataset:
    """List every image of a folder.

    Raises:
        ConfigError: If ``group`` fits no name.
        DatasetError: If there is none, or two have one name.
    """
    every = files_below(folder)
    images = [file for file in every if is_image(file.name)]
    files = {stem_of(str(file)): folder / file for file in images}
    if not files:
        raise DatasetError(f"No image lies in {folder}.", fix="name the folder that holds images")
    if len(files) < len(images):
        twins = unlisted(
            map(str, images), (str(file.relative_to(folder)) for file in files.values())
        )
        raise DatasetError(
            f"{len(twins)} of {len(images)} images have the name of another one, the suffix "
            f"aside: {few(twins)}.",
            fix="give every image a name of its own",
        )
    groups = groups_of(list(files), options.group)
    rest = unlisted(map(str, every), map(str, images))
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
        read=_unread,
        notes=tuple(left_out("Files that are not named as images, which were left out", rest)),
        citation=options.citation,
        files=files,
    )


def _unread(case: Case) -> Image:
    raise DatasetError(f"The image of {case.case_id} is not read here.", fix="read the file")

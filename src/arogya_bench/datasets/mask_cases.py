"""The cases in pairs of images and masks: one for each image, or for each slice of a volume."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arogya_bench.datasets.nnunet import ImageMaskPair
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images import nifti
from arogya_bench.images.decoding import decode
from arogya_bench.images.masks import (
    check_mask_fits,
    check_same_geometry,
    decode_mask,
    is_nifti,
    read_geometry,
)
from arogya_bench.images.windowing import Window
from arogya_bench.types import Case, Image, Mask

RGB_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class MaskLocation:
    """Where a case lies.

    Attributes:
        pair: Its image and mask, below the folder of the dataset.
        channels: The files to read; one, or red, green and blue.
        mask: A file.
        index: Of the slice; 0 for images.
        is_slice: Whether the file holds other cases as well.
    """

    pair: ImageMaskPair
    channels: tuple[Path, ...]
    mask: Path
    index: int
    is_slice: bool


def locate_cases(
    folder: Path, pairs: Sequence[ImageMaskPair], channel: int | None
) -> dict[str, MaskLocation]:
    """Say where every case lies, going by the headers of the files.

    Args:
        folder: Of the dataset.
        pairs: In the order of the cases.
        channel: The one to read where a pair has several.

    Returns:
        Case id to its place: the name of an image, or ``<volume>#<slice>``.

    Raises:
        ConfigError: If there is no such channel.
        DatasetError: If an image and its mask do not fit, or there are too many channels.
    """
    places: dict[str, MaskLocation] = {}
    for pair in pairs:
        channels = _select_channels(folder, pair, channel)
        mask = folder / pair.mask
        slices = _count_slices(channels, mask)
        for index in range(slices):
            case = f"{pair.name}#{index}" if slices > 1 else pair.name
            places[case] = MaskLocation(
                pair=pair, channels=channels, mask=mask, index=index, is_slice=slices > 1
            )
    return places


def _select_channels(folder: Path, pair: ImageMaskPair, channel: int | None) -> tuple[Path, ...]:
    files = tuple(folder / file for file in pair.channels)
    if channel is not None:
        if not 0 <= channel < len(files):
            raise ConfigError(
                f"dataset.channel={channel}: {pair.name} has {len(files)} channels, from 0.",
                fix=f"choose one of {', '.join(map(str, range(len(files))))}",
            )
        return (files[channel],)
    flat = not is_nifti(files[0])
    if len(files) == 1 or (len(files) == RGB_CHANNELS and flat):
        return files
    raise DatasetError(
        f"{pair.name} has {len(files)} channels{'' if flat else ' of a volume'}, and an image is "
        "grey or has three: red, green and blue.",
        fix="choose the one to read: dataset.channel=0",
    )


def _count_slices(channels: Sequence[Path], mask: Path) -> int:
    """How many slices a pair has; what the headers say must agree."""
    try:
        drawn = read_geometry(mask)
        looks = {file.name: read_geometry(file) for file in channels}
    except DatasetError:
        if is_nifti(mask):  # without its header nobody knows how many cases it holds
            raise
        return 1  # a damaged image is found when it is read, and reported with all others
    for name, own in looks.items():
        check_same_geometry(own, drawn, name, mask.name)
    return drawn.slices


def find_empty_slices(locations: Mapping[str, MaskLocation]) -> list[str]:
    """Find the slices of volumes without any foreground; reads their masks.

    Raises:
        DatasetError: If a mask is damaged.
    """
    by_mask: dict[Path, dict[int, str]] = {}
    for case, place in locations.items():
        if place.is_slice:
            by_mask.setdefault(place.mask, {})[place.index] = case
    return [
        cases[index]
        for mask, cases in by_mask.items()
        for index, drawn in enumerate((nifti.read_volume(mask) != 0).any(axis=(0, 1)))
        if not drawn
    ]


def read_image(locations: Mapping[str, MaskLocation], window: Window | None, case: Case) -> Image:
    """Decode the image of a case.

    Raises:
        DatasetError: If it is of another dataset, or its file is damaged.
    """
    place = _get_location(locations, case)
    if place.is_slice:
        return nifti.decode_slice(place.channels[0], place.index, window)
    images = [decode(file, window=window) for file in place.channels]
    if len({image.shape for image in images}) > 1:
        raise DatasetError(
            f"The channels of {case.case_id} differ in size.", fix="get the files again"
        )
    return np.stack([image[..., 0] for image in images], axis=-1) if images[1:] else images[0]


def read_mask(
    locations: Mapping[str, MaskLocation], classes: tuple[str, ...], values: str, case: Case
) -> Mask:
    """Decode the mask of a case, of the size of its image.

    Raises:
        DatasetError: If it is of another dataset, its file is damaged, or does not fit.
    """
    place = _get_location(locations, case)
    if not place.is_slice:  # the headers of volumes were compared when they were loaded
        check_mask_fits(place.channels[0], place.mask)
    return decode_mask(place.mask, place.index, classes, values)


def _get_location(locations: Mapping[str, MaskLocation], case: Case) -> MaskLocation:
    if case.case_id not in locations:
        raise DatasetError(
            f"No image belongs to case {case.case_id!r}.", fix="ask for a case of this dataset"
        )
    return locations[case.case_id]


def get_case_files(locations: Mapping[str, MaskLocation]) -> dict[str, Path]:
    """Name the file of each image; none where one file holds many cases, which are then arrays."""
    if any(place.is_slice for place in locations.values()):
        return {}
    return {case: place.channels[0] for case, place in locations.items()}

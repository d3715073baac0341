"""Cases of image and mask pairs: one per image, or one per slice of a volume."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arogya_bench.datasets.nnunet import ImageMaskPair
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images import nifti
from arogya_bench.images.decoding import decode
from arogya_bench.images.files import find_case
from arogya_bench.images.masks import check_mask_fits, check_same_geometry, decode_mask, is_nifti, read_geometry
from arogya_bench.images.windowing import Window
from arogya_bench.runtime.console import plural
from arogya_bench.types import Case, Image, Mask

RGB_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class MaskLocation:
    """Files of a case.

    Attributes:
        pair: Image and mask relative to the folder of the dataset.
        channels: Image files to read: one, or red, green and blue.
        mask: Mask file.
        index: Index of the slice; 0 for images.
        is_slice: Whether the case is a slice of a volume.
    """

    pair: ImageMaskPair
    channels: tuple[Path, ...]
    mask: Path
    index: int
    is_slice: bool


def locate_cases(folder: Path, pairs: Sequence[ImageMaskPair], channel: int | None) -> dict[str, MaskLocation]:
    """List the cases from the headers of the files, in the order of the pairs.

    Returns:
        Locations by case id, which is the name of an image or ``<volume>#<slice>``.
    """
    locations: dict[str, MaskLocation] = {}
    for pair in pairs:
        channels = _select_channels(folder, pair, channel)
        mask = folder / pair.mask
        slices = _count_slices(channels, mask)
        for index in range(slices):
            case = f"{pair.name}#{index}" if slices > 1 else pair.name
            locations[case] = MaskLocation(pair=pair, channels=channels, mask=mask, index=index, is_slice=slices > 1)
    return locations


def _select_channels(folder: Path, pair: ImageMaskPair, channel: int | None) -> tuple[Path, ...]:
    files = tuple(folder / file for file in pair.channels)
    if channel is not None:
        if not 0 <= channel < len(files):
            raise ConfigError(
                f"dataset.channel={channel}: {pair.name} has {plural(len(files), 'channel')}, from 0.",
                fix=f"choose one of {', '.join(map(str, range(len(files))))}",
            )
        return (files[channel],)
    flat = not is_nifti(files[0])
    if len(files) == 1 or (len(files) == RGB_CHANNELS and flat):
        return files
    raise DatasetError(
        f"{pair.name} has {len(files)} channels{'' if flat else ' of a volume'}; only grey and RGB "
        "images are supported.",
        fix="choose the one to read: dataset.channel=0",
    )


def _count_slices(channels: Sequence[Path], mask: Path) -> int:
    """Number of slices of a pair, after checking that the headers agree."""
    try:
        mask_geometry = read_geometry(mask)
        geometries = {file.name: read_geometry(file) for file in channels}
    except DatasetError:
        if is_nifti(mask):  # the number of cases depends on its header
            raise
        return 1  # reported with all others when it is read
    for name, geometry in geometries.items():
        check_same_geometry(geometry, mask_geometry, name, mask.name)
    return mask_geometry.slices


def find_empty_slices(locations: Mapping[str, MaskLocation]) -> list[str]:
    """Read the masks of volumes and return the cases without foreground."""
    by_mask: dict[Path, dict[int, str]] = {}
    for case, location in locations.items():
        if location.is_slice:
            by_mask.setdefault(location.mask, {})[location.index] = case
    return [
        cases[index]
        for mask, cases in by_mask.items()
        for index, has_foreground in enumerate((nifti.read_volume(mask) != 0).any(axis=(0, 1)))
        if not has_foreground
    ]


def read_image(locations: Mapping[str, MaskLocation], window: Window | None, case: Case) -> Image:
    """Decode the image of a case."""
    location = find_case(locations, case)
    if location.is_slice:
        return nifti.decode_slice(location.channels[0], location.index, window)
    images = [decode(file, window=window) for file in location.channels]
    if len({image.shape for image in images}) > 1:
        raise DatasetError(f"The channels of {case.case_id} differ in size.", fix="get the files again")
    return np.stack([image[..., 0] for image in images], axis=-1) if images[1:] else images[0]


def read_mask(locations: Mapping[str, MaskLocation], classes: tuple[str, ...], values: str, case: Case) -> Mask:
    """Decode the mask of a case, which has the size of its image."""
    location = find_case(locations, case)
    if not location.is_slice:  # the headers of volumes were compared when they were loaded
        check_mask_fits(location.channels[0], location.mask)
    return decode_mask(location.mask, location.index, classes, values)


def get_case_files(locations: Mapping[str, MaskLocation]) -> dict[str, Path]:
    """Image files by case id; empty for volumes, where one file holds many cases."""
    if any(location.is_slice for location in locations.values()):
        return {}
    return {case: location.channels[0] for case, location in locations.items()}

"""Pairs the images of one folder with the masks of another, or of the same, by their names."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.datasets.nnunet import LAYOUT, ImageMaskListing, ImageMaskPair
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import image_stem, list_files
from arogya_bench.images.files import parse_relative_path
from arogya_bench.images.masks import MASK_SUFFIXES


def list_pairs(
    folder: Path, *, images: str, masks: str, suffixes: Sequence[str]
) -> ImageMaskListing:
    """Pair images and masks; no file is opened.

    Args:
        folder: Of the dataset.
        images: Folder below it; folders in it are looked through, too.
        masks: Folder below it; where it is the same, a suffix tells a mask from an image.
        suffixes: What may stand behind the name of an image in that of its mask.

    Raises:
        ConfigError: If there is no suffix that could tell masks from images.
        DatasetError: If a folder is missing, a mask has no image, or two have one name.
    """
    shared = parse_relative_path(images, "dataset.images") == parse_relative_path(
        masks, "dataset.masks"
    )
    marks = tuple(suffix for suffix in suffixes if suffix)
    if not suffixes or (shared and not marks):
        raise ConfigError(
            f"dataset.suffixes={list(suffixes)} tells no mask from its image.",
            fix="name what stands behind the name of the image, such as ['',_mask]; '' where "
            "both names are equal",
        )
    found = _index_by_stem(folder, images, [masks] if not shared else [])
    drawn = found if shared else _index_by_stem(folder, masks, [images])
    if shared:
        found = {stem: file for stem, file in drawn.items() if not stem.endswith(marks)}
        drawn = {stem: file for stem, file in drawn.items() if stem.endswith(marks)}
        suffixes = marks
    matched = {stem: _matching_masks(stem, drawn, suffixes) for stem in found}
    _check_matches(matched, drawn)
    bare = sorted(stem for stem, own in matched.items() if not own)
    pairs = tuple(
        ImageMaskPair(name=stem, channels=(found[stem],), mask=drawn[own[0]])
        for stem, own in matched.items()
        if own
    )
    if not pairs:
        raise DatasetError(
            f"None of {len(found)} images in {folder / images} has a mask in {folder / masks}.",
            fix="name masks as their images, or say in dataset.suffixes what stands behind the "
            "name, and in dataset.images and dataset.masks where they lie",
        )
    notes = (f"Images without a mask, excluded: {len(bare)}: {shorten_list(bare)}.",)
    return ImageMaskListing(pairs=pairs, classes=(), notes=notes if bare else ())


def _index_by_stem(folder: Path, place: str, others: Iterable[str]) -> dict[str, PurePosixPath]:
    """Every image below a folder, by its path there without suffix."""
    home = folder / parse_relative_path(place, "the place of images and masks")
    if not home.is_dir():
        raise DatasetError(
            f"{folder} holds neither the folder {place} nor imagesTr.",
            fix="set dataset.path to a folder with images/ and masks/ (dataset.images and "
            f"dataset.masks name others), or with {LAYOUT}",
        )
    inside = [folder / other for other in others if (folder / other).is_relative_to(home)]
    found: dict[str, PurePosixPath] = {}
    for file in list_files(home):
        path = home / file
        if not is_image(file.name) or any(path.is_relative_to(other) for other in inside):
            continue
        twin = found.setdefault(image_stem(str(file)), PurePosixPath(path.relative_to(folder)))
        if twin.name != file.name:
            raise DatasetError(
                f"{twin.name} and {file.name} in {home} have the same name.",
                fix="keep one of the two, or give them names of their own, the suffix aside",
            )
    return found


def _matching_masks(
    stem: str, drawn: Mapping[str, PurePosixPath], suffixes: Sequence[str]
) -> list[str]:
    return [stem + suffix for suffix in suffixes if stem + suffix in drawn]


def _check_matches(
    matched: Mapping[str, Sequence[str]], drawn: Mapping[str, PurePosixPath]
) -> None:
    several = [stem for stem, own in matched.items() if len(own) > 1]
    if several:
        names = [drawn[own].name for own in matched[several[0]]]
        raise DatasetError(
            f"{len(several)} images have several masks; {several[0]} has {', '.join(names)}.",
            fix="merge them into one mask, or name one suffix in dataset.suffixes",
        )
    owned = {own for each in matched.values() for own in each}
    lost = [str(drawn[stem]) for stem in sorted(drawn.keys() - owned)]
    if lost:
        raise DatasetError(
            f"{len(lost)} of {len(drawn)} masks have no image: {shorten_list(lost)}.",
            fix="unpack the images, remove the masks, or say in dataset.suffixes what stands "
            "behind the name of an image",
        )
    odd = [str(drawn[stem]) for stem in sorted(owned) if not _is_mask_file(drawn[stem])]
    if odd:
        raise DatasetError(
            f"{len(odd)} masks are of a format that no mask is read from: {shorten_list(odd)}.",
            fix=f"write them as one of {', '.join(MASK_SUFFIXES)}",
        )


def _is_mask_file(file: PurePosixPath) -> bool:
    return file.name.lower().endswith(MASK_SUFFIXES)

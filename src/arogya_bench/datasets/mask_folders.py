"""Pair images with masks by their names, in two folders or in one."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.group_patterns import note_excluded, shorten_list
from arogya_bench.datasets.nnunet import LAYOUT, ImageMaskListing, ImageMaskPair
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import image_stem, list_files
from arogya_bench.images.files import parse_relative_path
from arogya_bench.images.masks import MASK_SUFFIXES


def list_pairs(folder: Path, *, images: str, masks: str, suffixes: Sequence[str]) -> ImageMaskListing:
    """Pair images and masks, searched recursively; no file is opened.

    Args:
        folder: Folder of the dataset.
        images: Folder of the images relative to it.
        masks: Folder of the masks; if it is that of the images, masks need a suffix.
        suffixes: Suffixes that may be appended to the name of an image in that of its mask.
    """
    shared = parse_relative_path(images, "dataset.images") == parse_relative_path(masks, "dataset.masks")
    mask_suffixes = tuple(suffix for suffix in suffixes if suffix)
    if not suffixes or (shared and not mask_suffixes):
        raise ConfigError(
            f"dataset.suffixes={list(suffixes)} does not distinguish masks from images.",
            fix="list the suffixes of the masks, such as ['',_mask]; '' if both names are equal",
        )
    if shared:
        files = _index_by_stem(folder, images, ())
        image_files = {stem: file for stem, file in files.items() if not stem.endswith(mask_suffixes)}
        mask_files = {stem: file for stem, file in files.items() if stem.endswith(mask_suffixes)}
        suffixes = mask_suffixes
    else:
        image_files, mask_files = _index_by_stem(folder, images, [masks]), _index_by_stem(folder, masks, [images])
    matches = {stem: [stem + suffix for suffix in suffixes if stem + suffix in mask_files] for stem in image_files}
    _check_matches(matches, mask_files)
    pairs = tuple(
        ImageMaskPair(name=stem, channels=(image_files[stem],), mask=mask_files[masks_of_image[0]])
        for stem, masks_of_image in matches.items()
        if masks_of_image
    )
    if not pairs:
        raise DatasetError(
            f"None of {len(image_files)} images in {folder / images} has a mask in {folder / masks}.",
            fix="give masks the names of their images, list their suffixes in dataset.suffixes, or "
            "set the folders dataset.images and dataset.masks",
        )
    unmatched = sorted(stem for stem, masks_of_image in matches.items() if not masks_of_image)
    notes = tuple(note_excluded("Images without a mask, excluded", unmatched))
    return ImageMaskListing(pairs=pairs, classes=(), notes=notes)


def _index_by_stem(folder: Path, name: str, others: Iterable[str]) -> dict[str, PurePosixPath]:
    """Map each image below a folder, by its path without suffix, to its file."""
    root = folder / parse_relative_path(name, "dataset.images or dataset.masks")
    if not root.is_dir():
        raise DatasetError(
            f"{folder} holds neither the folder {name} nor imagesTr.",
            fix="set dataset.path to a folder with images/ and masks/ (dataset.images and "
            f"dataset.masks name others), or with {LAYOUT}",
        )
    nested = [folder / other for other in others if (folder / other).is_relative_to(root)]
    files: dict[str, PurePosixPath] = {}
    for file in list_files(root):
        path = root / file
        if not is_image(file.name) or any(path.is_relative_to(other) for other in nested):
            continue
        first = files.setdefault(image_stem(str(file)), PurePosixPath(path.relative_to(folder)))
        if first.name != file.name:
            raise DatasetError(
                f"{first.name} and {file.name} in {root} have the same name.",
                fix="keep one of the two, or give them unique names; the suffix does not count",
            )
    return files


def _check_matches(matches: Mapping[str, Sequence[str]], mask_files: Mapping[str, PurePosixPath]) -> None:
    ambiguous = [stem for stem, masks in matches.items() if len(masks) > 1]
    if ambiguous:
        names = [mask_files[mask].name for mask in matches[ambiguous[0]]]
        raise DatasetError(
            f"{len(ambiguous)} images have several masks; {ambiguous[0]} has {', '.join(names)}.",
            fix="merge them into one mask, or list a single suffix in dataset.suffixes",
        )
    matched = {mask for masks in matches.values() for mask in masks}
    orphans = [str(mask_files[stem]) for stem in sorted(mask_files.keys() - matched)]
    if orphans:
        raise DatasetError(
            f"{len(orphans)} of {len(mask_files)} masks have no image: {shorten_list(orphans)}.",
            fix="unpack the images, remove the masks, or correct dataset.suffixes",
        )
    unreadable = [
        str(mask_files[stem]) for stem in sorted(matched) if not mask_files[stem].name.lower().endswith(MASK_SUFFIXES)
    ]
    if unreadable:
        raise DatasetError(
            f"{len(unreadable)} masks have an unsupported format: {shorten_list(unreadable)}.",
            fix=f"convert them to one of {', '.join(MASK_SUFFIXES)}",
        )

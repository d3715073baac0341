"""Pair images with masks by their names, in two folders or in one."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.group_patterns import note_excluded, shorten_list
from arogya_bench.datasets.nnunet import LAYOUT, ImageMaskListing, ImageMaskPair
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import image_stem, list_files, list_folders
from arogya_bench.images.files import parse_relative_path
from arogya_bench.images.masks import MASK_SUFFIXES
from arogya_bench.runtime.console import plural

SAMPLED_NAMES = 20
SUFFIX = re.compile(r"[_-]?[A-Za-z][A-Za-z0-9_-]*")  # that Hydra takes without quotes


def list_pairs(folder: Path, *, images: str, masks: str, suffixes: Sequence[str]) -> ImageMaskListing:
    """Pair images and masks, searched recursively; no file is opened.

    Where the folder holds one for each part, such as ``train/`` and ``val/``, each with images and masks, the parts are
    the official split.

    Args:
        folder: Folder of the dataset.
        images: Folder of the images relative to it.
        masks: Folder of the masks; if it is that of the images, masks need a suffix.
        suffixes: Suffixes that may be appended to the name of an image in that of its mask.
    """
    part_folders = find_part_folders(folder, images, masks)
    if not part_folders:
        return _list_folder(folder, images, masks, suffixes)
    listings = {part: _list_folder(folder / part, images, masks, suffixes) for part in part_folders}
    notes = [f"{part}: {note}" for part, listing in listings.items() for note in listing.notes]
    others = [name for name in list_folders(folder) if name not in part_folders]
    withheld = [name for name in others if name.lower() in SPLIT_NAMES and (folder / name / images).is_dir()]
    if withheld:
        raise DatasetError(
            f"{folder} holds masks for {', '.join(part_folders)}, and none for {', '.join(withheld)}, so that nothing "
            "of it can be scored.",
            fix=f"put the masks into {withheld[0]}/{masks}, or move the folder {withheld[0]} away: all cases with "
            "masks are then divided anew",
        )
    return ImageMaskListing(
        pairs=tuple(_move_pair(pair, part) for part, listing in listings.items() for pair in listing.pairs),
        classes=(),
        notes=(*notes, *note_excluded("Folders that are no part of a split, excluded", others)),
    )


def find_part_folders(folder: Path, images: str, masks: str) -> list[str]:
    """Names of the folders of parts, if the folder itself has no images."""
    if (folder / images).is_dir() or (folder / masks).is_dir():
        return []
    names = [name for name in list_folders(folder) if name.lower() in SPLIT_NAMES]
    return [name for name in names if (folder / name / images).is_dir() and (folder / name / masks).is_dir()]


def _move_pair(pair: ImageMaskPair, part: str) -> ImageMaskPair:
    return ImageMaskPair(
        name=f"{part}/{pair.name}",
        channels=tuple(part / channel for channel in pair.channels),
        mask=part / pair.mask,
        split=SPLIT_NAMES[part.lower()],
    )


def _list_folder(folder: Path, images: str, masks: str, suffixes: Sequence[str]) -> ImageMaskListing:
    shared = parse_relative_path(images, "dataset.images") == parse_relative_path(masks, "dataset.masks")
    mask_suffixes = tuple(suffix for suffix in suffixes if suffix)
    if not suffixes or (shared and not mask_suffixes):
        raise ConfigError(
            f"dataset.suffixes={list(suffixes)} does not distinguish masks from images.",
            fix="list the suffixes of the masks, such as ['',_mask]; '' if both names are equal",
        )
    if shared:
        files = _index_by_stem(folder, images, ())
        mask_files = {
            stem: file
            for stem, file in files.items()
            if stem.endswith(mask_suffixes) or _named_before_suffix(stem, mask_suffixes, files)
        }
        image_files = {stem: file for stem, file in files.items() if stem not in mask_files}
        suffixes = mask_suffixes
    else:
        image_files, mask_files = _index_by_stem(folder, images, [masks]), _index_by_stem(folder, masks, [images])
    matches = _match_names(image_files, mask_files, suffixes)
    _check_matches(matches, mask_files)
    pairs = tuple(
        ImageMaskPair(name=stem, channels=(image_files[stem],), mask=mask_files[masks_of_image[0]])
        for stem, masks_of_image in matches.items()
        if masks_of_image
    )
    if not pairs:
        raise DatasetError(
            f"There is no mask in {folder / masks} for {plural(len(image_files), 'image')} in {folder / images}.",
            fix=_suggest_suffix(image_files, mask_files)
            or "give masks the names of their images, list their suffixes in dataset.suffixes, or "
            "set the folders dataset.images and dataset.masks",
        )
    unmatched = sorted(stem for stem, masks_of_image in matches.items() if not masks_of_image)
    notes = tuple(note_excluded("Images without a mask, excluded", unmatched))
    return ImageMaskListing(pairs=pairs, classes=(), notes=notes)


def _match_names(images: Iterable[str], masks: Iterable[str], suffixes: Sequence[str]) -> dict[str, list[str]]:
    """The masks of each image: its name with a suffix, also one that goes on, such as ``a_mask_1``."""
    masks = dict.fromkeys(masks)
    matches = {stem: [stem + suffix for suffix in suffixes if stem + suffix in masks] for stem in images}
    matched = {mask for masks_of_image in matches.values() for mask in masks_of_image}
    for stem in masks:
        base = "" if stem in matched else _named_before_suffix(stem, [suffix for suffix in suffixes if suffix], matches)
        if base:
            matches[base].append(stem)
    return matches


def _suggest_suffix(images: Iterable[str], masks: Iterable[str]) -> str:
    """The line that names what masks add to the names of images, if the first of them all add the same; else empty."""
    known = set(images)
    ends = [
        (mask, next((end for end in range(len(mask), 0, -1) if mask[:end] in known), 0))
        for mask in [*masks][:SAMPLED_NAMES]
    ]
    added = {mask[end:] for mask, end in ends if end}
    suffix = next(iter(added), "")
    if len(added) > 1 or not all(end for _, end in ends) or not SUFFIX.fullmatch(suffix):
        return ""
    return f"name what the masks add to the names of their images: dataset.suffixes=[{suffix}]"


def _named_before_suffix(stem: str, suffixes: Sequence[str], images: Container[str]) -> str:
    """The image that a file is named after which goes on after the suffix of a mask; empty if there is none."""
    bases = (stem.rpartition(suffix)[0] for suffix in suffixes)
    return next((base for base in bases if base and base in images), "")


def _index_by_stem(folder: Path, name: str, others: Iterable[str]) -> dict[str, PurePosixPath]:
    """Map each image below a folder, by its path without suffix, to its file."""
    root = folder / parse_relative_path(name, "dataset.images or dataset.masks")
    if not root.is_dir():
        raise DatasetError(
            f"{folder} holds neither the folder {name} nor imagesTr; it holds "
            f"{shorten_list(list_folders(folder)) or 'no folder'}.",
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
            f"There are several masks for {plural(len(ambiguous), 'image')}; {ambiguous[0]} has {', '.join(names)}.",
            fix="merge them into one mask, which marks what any of them does, and move the others away; in one folder "
            "with the images, a single suffix in dataset.suffixes leaves masks with another one out",
        )
    matched = {mask for masks in matches.values() for mask in masks}
    orphans = [str(mask_files[stem]) for stem in sorted(mask_files.keys() - matched)]
    if orphans:
        raise DatasetError(
            f"There is no image for {len(orphans)} of {plural(len(mask_files), 'mask')}: {shorten_list(orphans)}.",
            fix=_suggest_suffix(matches, [stem for stem in mask_files if stem not in matched])
            or "unpack the images, remove the masks, or give both the same names; dataset.suffixes lists what "
            "masks may add at the end",
        )
    unreadable = [
        str(mask_files[stem]) for stem in sorted(matched) if not mask_files[stem].name.lower().endswith(MASK_SUFFIXES)
    ]
    if unreadable:
        raise DatasetError(
            f"The format of {plural(len(unreadable), 'mask')} is not supported: {shorten_list(unreadable)}.",
            fix=f"convert them to one of {', '.join(MASK_SUFFIXES)}",
        )

"""Find the images that a COCO JSON file lists, in several folders that may hold equal file names."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.box_formats import split_from_path
from arogya_bench.errors import DatasetError
from arogya_bench.images.files import parse_relative_path
from arogya_bench.images.similar_files import describe_match, find_similar


def locate_image(root: Path, file_name: str, listing: str, part: str, folders: Sequence[str]) -> PurePosixPath:
    """Find one image.

    Of several files of that name, the one closest to the JSON file is taken, else the one in the folder of its part. An
    image in none of the folders may lie beside the JSON file.

    Args:
        root: Folder of the dataset.
        file_name: As written in the JSON file.
        listing: Path of the JSON file relative to the folder of the dataset.
        part: Part of the split that the file lists, or ``annotations``.
        folders: Where to look, relative to the folder of the dataset.
    """
    name = parse_relative_path(file_name, listing)
    candidates = [parse_relative_path(folder, "dataset.images") / name for folder in folders]
    existing = list(dict.fromkeys(file for file in candidates if (root / file).is_file()))
    beside = PurePosixPath(listing).parent / name
    if not existing and (root / beside).is_file():
        return beside
    if not existing:
        raise _missing_image(root, name, listing, candidates)
    chosen = _closest(existing, PurePosixPath(listing))
    if len(chosen) > 1:
        chosen = [file for file in existing if split_from_path(str(file.parent)) == part]
    if len(chosen) != 1:
        raise DatasetError(
            f"The image {name} of {listing} was found in {len(existing)} folders: {', '.join(map(str, existing))}.",
            fix=f"name the folders of each part relative to dataset.path: {_example(part, existing[0])}",
        )
    return chosen[0]


def _missing_image(root: Path, name: PurePosixPath, listing: str, candidates: Sequence[PurePosixPath]) -> DatasetError:
    """Say where an image was looked for, and which files differ only in suffix, letter case or Unicode form."""
    problem = f"The image {name} of {listing} was not found: {', '.join(map(str, candidates)) or 'no folder'}."
    _, similar = find_similar(root, [name])
    if similar:
        there = ", ".join(describe_match(name, file) for file in similar)
        return DatasetError(
            f"{problem} There are files of that name: {there}.",
            fix=f"write the names of the images in {listing} as the files have them, or list their folders relative to "
            "dataset.path in dataset.images",
        )
    return DatasetError(
        problem,
        fix="unpack the images, and list their folders relative to dataset.path in dataset.images, such as "
        "[train2017,val2017]",
    )


def _closest(files: Sequence[PurePosixPath], listing: PurePosixPath) -> list[PurePosixPath]:
    """The files that share most leading folders with the JSON file."""
    shared = [_count_shared(file.parent.parts, listing.parent.parts) for file in files]
    return [file for file, count in zip(files, shared, strict=True) if count == max(shared)]


def _count_shared(first: Sequence[str], second: Sequence[str]) -> int:
    unequal = (index for index, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1])
    return next(unequal, min(len(first), len(second)))


def _example(part: str, file: PurePosixPath) -> str:
    option = "images" if part == "annotations" else f"{part}_images"
    return f"dataset.{option}=[{file.parent}]"

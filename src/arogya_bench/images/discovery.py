"""Finds the images of a dataset in its folders, and the names that tables give them."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import IMAGE_SUFFIXES, is_image

# What archives made on a Mac bring along: no image, though it is named like one.
IGNORED_FOLDERS = ("__MACOSX",)


def image_stem(name: str) -> str:
    """A path without the suffix of an image; ``a.nii.gz`` is ``a``."""
    suffix = max((s for s in IMAGE_SUFFIXES if name.lower().endswith(s)), key=len, default="")
    return name[: len(name) - len(suffix)]


def list_folders(folder: Path) -> list[str]:
    """The folders in a folder, by name, without hidden ones and what a Mac leaves.

    Raises:
        DatasetError: If it cannot be read.
    """
    try:
        return sorted(
            path.name for path in folder.iterdir() if path.is_dir() and _is_visible(path.name)
        )
    except OSError as error:
        raise _unreadable_error(error) from error


def list_files(folder: Path) -> list[PurePosixPath]:
    """Every file below a folder, by path, without hidden ones and what a Mac leaves.

    Links to folders are followed, each folder once.

    Raises:
        DatasetError: If a folder cannot be read.
    """
    found: list[PurePosixPath] = []
    entered: set[str] = set()
    for here, folders, files in os.walk(folder, onerror=_raise_unreadable, followlinks=True):
        entered.add(os.path.realpath(here))
        folders[:] = [
            name
            for name in folders
            if _is_visible(name) and os.path.realpath(Path(here, name)) not in entered
        ]
        below = PurePosixPath(Path(here).relative_to(folder).as_posix())
        found += [below / name for name in files if _is_visible(name)]
    return sorted(found)


def find_images_by_name(folder: Path, subfolders: Sequence[str]) -> dict[str, PurePosixPath]:
    """Find images by their name without suffix.

    Args:
        folder: Of the dataset.
        subfolders: Folders below it; not those in them. One that is missing holds nothing.

    Raises:
        DatasetError: If two images have one name.
    """
    found: dict[str, PurePosixPath] = {}
    for place in subfolders:
        for name in _list_image_names(folder / place):
            file = PurePosixPath(place, name)
            twin = found.setdefault(image_stem(name), file)
            if twin != file:
                raise DatasetError(
                    f"{twin} and {file} have the same name in {folder}.",
                    fix="keep one of the two",
                )
    return found


def find_unlisted(found: Iterable[str], listed: Iterable[str]) -> list[str]:
    """What was found and stands in no table, by name."""
    return sorted(set(found).difference(listed))


def _list_image_names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if is_image(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable_error(error) from error


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name not in IGNORED_FOLDERS


def _raise_unreadable(error: OSError) -> None:
    raise _unreadable_error(error) from error


def _unreadable_error(error: OSError) -> DatasetError:
    return DatasetError(
        f"The folder {error.filename} cannot be read: {error.strerror}.",
        fix="see that you may read it, or set dataset.path to another one",
    )

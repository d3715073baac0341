"""List the files and images of a dataset folder."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NoReturn

from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import IMAGE_SUFFIXES, is_image

# Folders that systems leave, in lower case, with files that are named like images: archives of macOS, the thumbnails of
# Synology and QNAP, bins and snapshots of Windows and of network drives.
SYSTEM_FOLDERS = (
    *("__macosx", "@eadir", "@tmp", "#recycle", "@recycle", "$recycle.bin", "recycler", "system volume information"),
    *("lost+found", "#snapshot", "~snapshot", "network trash folder", "temporary items", "__pycache__"),
)


def image_stem(name: str) -> str:
    """Remove the image suffix from a path; ``a.nii.gz`` becomes ``a``."""
    suffix = max((s for s in IMAGE_SUFFIXES if name.lower().endswith(s)), key=len, default="")
    return name[: len(name) - len(suffix)]


def is_visible(path: str) -> bool:
    """Whether no part of a relative path is hidden, such as ``._a.jpg``, or left by a system, such as ``__MACOSX``."""
    parts = PurePosixPath(path).parts
    return all(part == ".." or not (part.startswith(".") or part.lower() in SYSTEM_FOLDERS) for part in parts)


def list_folders(folder: Path) -> list[str]:
    """List the names of the subfolders, sorted, except hidden ones and those that systems leave."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_dir() and is_visible(path.name))
    except OSError as error:
        _raise_unreadable(error)


def list_files(folder: Path) -> list[PurePosixPath]:
    """List all files below a folder, sorted, except hidden ones and those in folders that systems leave.

    Symbolic links to folders are followed; each folder is visited once.
    """
    paths: list[PurePosixPath] = []
    visited: set[str] = set()
    for root, folders, files in os.walk(folder, onerror=_raise_unreadable, followlinks=True):
        visited.add(os.path.realpath(root))
        folders[:] = [
            name for name in folders if is_visible(name) and os.path.realpath(Path(root, name)) not in visited
        ]
        relative_root = PurePosixPath(Path(root).relative_to(folder).as_posix())
        paths += [relative_root / name for name in files if is_visible(name)]
    return sorted(paths)


def find_images_by_name(folder: Path, subfolders: Sequence[str]) -> dict[str, PurePosixPath]:
    """Map images by their name without suffix, which must be unique, to their path.

    Subfolders are not searched recursively; missing ones are skipped.
    """
    images: dict[str, PurePosixPath] = {}
    for subfolder in subfolders:
        for name in _list_image_names(folder / subfolder):
            file = PurePosixPath(subfolder, name)
            first = images.setdefault(image_stem(name), file)
            if first != file:
                raise DatasetError(f"{first} and {file} have the same name in {folder}.", fix="keep one of the two")
    return images


def find_unlisted(names: Iterable[str], listed: Iterable[str]) -> list[str]:
    """Return the names that are not listed, sorted."""
    return sorted(set(names).difference(listed))


def _list_image_names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if is_image(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        _raise_unreadable(error)


def _raise_unreadable(error: OSError) -> NoReturn:
    raise DatasetError(
        f"The folder {error.filename} cannot be read: {error.strerror}.",
        fix="check its permissions, or set dataset.path to another folder",
    ) from error

"""A folder of files that is built once, appears as a whole, and is checked at every use."""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import platformdirs

from arogya_bench.errors import DatasetError

MANIFEST_FILE = "manifest.json"
CACHE_VARIABLE = "AROGYA_CACHE"
ABANDONED_AFTER_S = 24 * 3600.0  # nothing was written for so long: the process was killed
PARTIAL_NAME = re.compile(r"\..+-[0-9a-f]{32}")  # how a folder is called while it is built


class CacheWriteError(DatasetError):
    """A cache without space or permission."""


def cache_root(configured: str | None) -> Path:
    """Where cached datasets lie: as chosen, else ``$AROGYA_CACHE``, else the user's cache."""
    place = (
        configured or os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("arogya-bench")
    )
    return Path(place).expanduser().absolute()


def build_and_verify(folder: Path, build: Callable[[Path], None]) -> None:
    """Build ``folder`` if it is not there, then check it against its manifest.

    Args:
        folder: The finished folder.
        build: Writes everything into the empty folder that it is given.

    Raises:
        Unwritable: If the folder cannot be written.
        DatasetError: If its files are not those that were built.
    """
    build_once(folder, build)
    verify(folder)


def build_once(folder: Path, build: Callable[[Path], None]) -> None:
    """Build ``folder`` if it is not there; one that is there is not read.

    Several processes may do so at once: each builds its own copy, and the first one stays.

    Raises:
        Unwritable: If the folder cannot be written.
    """
    try:
        if not folder.exists():
            _build(folder, build)
    except OSError as error:
        raise CacheWriteError(
            f"The dataset cannot be written to {folder.parent}: {error}",
            fix=f"set dataset.cache=/a/folder/with/space, or the variable {CACHE_VARIABLE}",
        ) from error


def verify(folder: Path) -> None:
    """Compare every file with the manifest.

    Raises:
        DatasetError: If a file is missing or differs, with the first one.
    """
    listed = _read_manifest(folder)
    bad = [name for name, digest in listed.items() if _sha256_hex(folder / name) != digest]
    if bad:
        raise DatasetError(
            f"{len(bad)} of {len(listed)} files in {folder} are missing or differ from the "
            f"manifest, first: {bad[0]}.",
            fix=f"delete the folder {folder} and run again",
        )


def remove_abandoned_builds(parent: Path, name: str = "*") -> None:
    """Remove what builds left that were killed.

    Args:
        parent: Holds finished and unfinished folders.
        name: Of those that were built; ``*`` only where nobody else keeps folders.
    """
    for left in parent.glob(f".{name}-*"):
        with suppress(OSError):  # another process clears as well
            if PARTIAL_NAME.fullmatch(left.name) and _seconds_since_write(left) > ABANDONED_AFTER_S:
                shutil.rmtree(left, ignore_errors=True)


def _seconds_since_write(folder: Path) -> float:
    """Seconds since something was written in it."""
    return time.time() - max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned_builds(folder.parent, folder.name)
    partial = folder.with_name(f".{folder.name}-{uuid4().hex}")
    partial.mkdir()
    try:
        build(partial)
        _write_manifest(partial)
        _move_into_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _move_into_place(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        # Another process was first; its copy has the same content.
        if not folder.is_dir():
            raise


def _write_manifest(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = {path.relative_to(folder).as_posix(): _sha256_hex(path) for path in files}
    (folder / MANIFEST_FILE).write_text(json.dumps({"sha256": listed}, indent=1), encoding="utf-8")


def _read_manifest(folder: Path) -> Mapping[str, str]:
    try:
        listed = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))["sha256"]
        return {str(name): str(digest) for name, digest in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{folder / MANIFEST_FILE} cannot be read: {error}",
            fix=f"delete the folder {folder} and run again",
        ) from error


def _sha256_hex(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None

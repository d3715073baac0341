"""Cache folders that are built once, appear complete, and are verified at every use."""

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
from arogya_bench.runtime.home_folder import expand_home

MANIFEST_FILE = "manifest.json"
CACHE_VARIABLE = "AROGYA_CACHE"
ABANDONED_AFTER_S = 24 * 3600.0  # without a write for so long, the building process was killed
PARTIAL_NAME = re.compile(r"\..+-[0-9a-f]{32}")  # of a folder while it is built


class CacheWriteError(DatasetError):
    """The cache folder is full or not writable."""


def cache_root(configured: str | None) -> Path:
    """The cache folder: as configured, else ``$AROGYA_CACHE``, else the user's cache."""
    folder = configured or os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("arogya-bench")
    return expand_home(folder).absolute()


def build_and_verify(folder: Path, build: Callable[[Path], None]) -> None:
    """Build ``folder`` if it does not exist, then verify it against its manifest.

    Args:
        folder: The finished folder.
        build: Writes all files into the empty folder that it is given.

    Raises:
        CacheWriteError: If the folder cannot be written.
        DatasetError: If its files are not those that were built.
    """
    build_once(folder, build)
    verify(folder)


def build_once(folder: Path, build: Callable[[Path], None]) -> None:
    """Build ``folder`` if it does not exist, without verifying it.

    Several processes may do so at once: each builds a copy, and the first one is kept.
    """
    try:
        if not folder.exists():
            _build(folder, build)
    except OSError as error:
        raise CacheWriteError(
            f"The dataset cannot be written to {folder.parent}: {error.strerror or error}.",
            fix=f"set dataset.cache=/path/to/a/writable/folder, or the environment variable {CACHE_VARIABLE}",
        ) from error


def verify(folder: Path) -> None:
    """Raise a DatasetError if a file is missing or differs from the manifest."""
    manifest = _read_manifest(folder)
    damaged = [name for name, digest in manifest.items() if _sha256_hex(folder / name) != digest]
    if damaged:
        raise DatasetError(
            f"{len(damaged)} of {len(manifest)} files in {folder} are missing or differ from the "
            f"manifest, first: {damaged[0]}.",
            fix=f"delete the folder {folder} and run again",
        )


def remove_abandoned_builds(parent: Path, name: str = "*") -> None:
    """Remove the unfinished folders of builds of ``name`` that were killed; ``*`` only where all folders are caches."""
    for folder in parent.glob(f".{name}-*"):
        if not PARTIAL_NAME.fullmatch(folder.name):
            continue
        with suppress(OSError):  # another process may remove it, too
            last_write = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
            if time.time() - last_write > ABANDONED_AFTER_S:
                shutil.rmtree(folder, ignore_errors=True)


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned_builds(folder.parent, folder.name)
    partial = folder.with_name(f".{folder.name}-{uuid4().hex}")
    partial.mkdir()
    try:
        build(partial)
        _write_manifest(partial)
        partial.rename(folder)
    except OSError:
        # Another process may have been faster; its copy has the same content.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_manifest(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {path.relative_to(folder).as_posix(): _sha256_hex(path) for path in files}
    (folder / MANIFEST_FILE).write_text(json.dumps({"sha256": digests}, indent=1), encoding="utf-8")


def _read_manifest(folder: Path) -> Mapping[str, str]:
    try:
        digests = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))["sha256"]
        return {str(name): str(digest) for name, digest in digests.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{folder / MANIFEST_FILE} cannot be read: {error}", fix=f"delete the folder {folder} and run again"
        ) from error


def _sha256_hex(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None

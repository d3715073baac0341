"""A folder of files that is built once, appears as a whole, and is checked at every use."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

import platformdirs

from arogya_bench.errors import DatasetError

MANIFEST = "manifest.json"
VARIABLE = "AROGYA_CACHE"
ABANDONED_S = 24 * 3600.0  # no build takes so long: its process was killed


def root(chosen: str | None) -> Path:
    """Where cached datasets lie: as chosen, else ``$AROGYA_CACHE``, else the user's cache."""
    place = chosen or os.environ.get(VARIABLE) or platformdirs.user_cache_dir("arogya-bench")
    return Path(place).expanduser().absolute()


def ensure(folder: Path, build: Callable[[Path], None]) -> None:
    """Build ``folder`` if it is not there, then check it against its manifest.

    Args:
        folder: The finished folder.
        build: Writes everything into the empty folder that it is given.

    Raises:
        DatasetError: If the folder cannot be written, or its files are not those that were built.
    """
    provide(folder, build)
    verify(folder)


def provide(folder: Path, build: Callable[[Path], None]) -> None:
    """Build ``folder`` if it is not there; one that is there is not read.

    Several processes may do so at once: each builds its own copy, and the first one stays.

    Raises:
        DatasetError: If the folder cannot be written.
    """
    try:
        if not folder.exists():
            _build(folder, build)
    except OSError as error:
        raise DatasetError(
            f"The dataset cannot be written to {folder.parent}: {error}",
            fix=f"set dataset.cache=/a/folder/with/space, or the variable {VARIABLE}",
        ) from error


def verify(folder: Path) -> None:
    """Compare every file with the manifest.

    Raises:
        DatasetError: If a file is missing or differs, with the first one.
    """
    listed = _manifest(folder)
    bad = [name for name, digest in listed.items() if _digest(folder / name) != digest]
    if bad:
        raise DatasetError(
            f"{len(bad)} of {len(listed)} files in {folder} are missing or differ from the "
            f"manifest, first: {bad[0]}.",
            fix=f"delete the folder {folder} and run again",
        )


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    for old in folder.parent.glob(f".{folder.name}-*"):
        if time.time() - old.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(old, ignore_errors=True)
    partial = folder.with_name(f".{folder.name}-{uuid4().hex}")
    partial.mkdir()
    try:
        build(partial)
        _write_manifest(partial)
        _publish(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _publish(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        # Another process was first; its copy has the same content.
        if not folder.is_dir():
            raise


def _write_manifest(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = {path.relative_to(folder).as_posix(): _digest(path) for path in files}
    (folder / MANIFEST).write_text(json.dumps({"sha256": listed}, indent=1), encoding="utf-8")


def _manifest(folder: Path) -> Mapping[str, str]:
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"]
        return {str(name): str(digest) for name, digest in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{folder / MANIFEST} cannot be read: {error}",
            fix=f"delete the folder {folder} and run again",
        ) from error


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None

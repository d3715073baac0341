"""Cache of decoded images, shared by all jobs: one memory-mapped file per dataset."""

import json
import os
import shutil
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import reader_identity
from arogya_bench.images.file_hashes import fingerprints, modified_files
from arogya_bench.runtime.cache import (
    CACHE_VARIABLE,
    PARTIAL_NAME,
    CacheWriteError,
    build_once,
    cache_root,
    remove_abandoned_builds,
)
from arogya_bench.runtime.console import echo, plural
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.progress import track
from arogya_bench.types import Case, Dataset, Image

VERSION = 1  # increase it when the decoded pixels or the format of the cache change
GB = 1e9
PIXELS_FILE, INDEX_FILE = "pixels.bin", "index.json"
SAMPLE_SIZE = 32  # images decoded to estimate the size of all
MAX_OPEN_SETS = 2  # per process; disk space of a removed set is freed only when it is closed


class ImageLocation(NamedTuple):
    """Byte offset of an image, its size in pixels, and the CRC-32 of its pixels."""

    offset: int
    height: int
    width: int
    checksum: int


class DecodedImages(NamedTuple):
    """A set of decoded images; ``pixels`` has shape (bytes,)."""

    pixels: NDArray[np.uint8]
    locations: Mapping[str, ImageLocation]


def with_decoded_cache(dataset: Dataset, *, limit_gb: float) -> Dataset:
    """Return the dataset with images read from the cache of decoded images.

    The cache key consists of the content of the dataset, its cases and its reader options. The least recently used sets
    are evicted. If the cache cannot be written or is too small, images are decoded by every job, with a message.

    Args:
        dataset: Dataset; returned unchanged if its images are already arrays.
        limit_gb: Maximum size of all sets in 10^9 bytes; 0 disables the cache.
    """
    if not dataset.files or not limit_gb:
        return dataset
    try:
        folder = _ensure_cached(dataset, limit_gb)
    except CacheWriteError as error:
        _echo_once(
            f"Images are decoded again by every job. {error.problem} Set the variable {CACHE_VARIABLE} "
            "to a folder with space, or image_cache_gb=0."
        )
        return dataset
    if folder is None:
        return dataset
    with suppress(FileNotFoundError):  # another job has just evicted it
        _map_pixels(folder)
    with suppress(OSError):  # owned by another user or removed; still readable
        os.utime(folder)
    return replace(dataset, read=partial(_read_cached, folder, dataset.read))


def _ensure_cached(dataset: Dataset, limit_gb: float) -> Path | None:
    """Build the set unless it exists; None if it exceeds the limit."""
    home = cache_root(None) / "decoded"
    identity = {
        "dataset": dataset.digest,
        "cases": [case.case_id for case in dataset.cases],
        "read": reader_identity(dataset.read),
        "version": VERSION,
    }
    folder = home / digest_of(identity)
    if os.path.exists(folder):  # noqa: PTH110 - Path.exists raises without permission
        return folder
    need = _estimate_bytes(dataset)
    if need > limit_gb * GB:
        _echo_once(
            f"Images of {dataset.name} are decoded again by every job: decoded they take about "
            f"{need / GB:.2g} GB, more than image_cache_gb={limit_gb:g}."
        )
        return None
    _evict_least_recently_used(home, limit_gb * GB - need)
    build_once(folder, partial(_write_images, dataset))
    return folder


def _estimate_bytes(dataset: Dataset) -> float:
    """Estimate the decoded size of all images in bytes from a sample."""
    step = max(1, len(dataset.cases) // SAMPLE_SIZE)
    sizes = [dataset.read(case).nbytes for case in dataset.cases[::step]]
    return float(np.mean(sizes)) * len(dataset.cases)


def _write_images(dataset: Dataset, folder: Path) -> None:
    locations: dict[str, ImageLocation] = {}
    before = fingerprints({dataset.files[case.case_id] for case in dataset.cases if case.case_id in dataset.files})
    with (folder / PIXELS_FILE).open("wb") as file:
        for case in track(dataset.cases, "decoding", len(dataset.cases)):
            image = np.ascontiguousarray(dataset.read(case))
            height, width = image.shape[:2]
            locations[case.case_id] = ImageLocation(file.tell(), height, width, zlib.crc32(image.data))
            file.write(image.data)
        index = {"bytes": file.tell(), "places": locations}
    files = modified_files(before)
    if files:  # the pixels would be cached under the digest of other content
        raise DatasetError(
            f"{plural(len(files), 'file')} of {dataset.name} changed after the dataset was loaded, first: "
            f"{min(files).name}.",
            fix="run again when no process is writing to the folder of the dataset",
        )
    (folder / INDEX_FILE).write_text(json.dumps(index), encoding="utf-8")


def _evict_least_recently_used(home: Path, budget: float) -> None:
    """Remove the least recently used sets until the others fit."""
    remove_abandoned_builds(home)
    kept = 0.0
    for _, folder in sorted(((_last_used(path), path) for path in home.glob("*")), reverse=True):
        kept += _folder_bytes(folder)
        if kept > budget and not PARTIAL_NAME.fullmatch(folder.name):
            _remove_set(folder)


def _last_used(folder: Path) -> float:
    """Time of the last use; a set under construction counts as used now."""
    try:
        return float("inf") if PARTIAL_NAME.fullmatch(folder.name) else folder.stat().st_mtime
    except OSError:
        return 0.0


def _folder_bytes(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except OSError:  # removed by another job
        return 0


def _remove_set(folder: Path) -> None:
    # Renamed first, so that no other job sees a partial set.
    with suppress(OSError):
        shutil.rmtree(folder.rename(folder.with_name(f".{folder.name}-{uuid4().hex}")), ignore_errors=True)


@cache
def _echo_once(text: str) -> None:
    echo(text)


def _read_cached(folder: Path, original: Callable[[Case], Image], case: Case) -> Image:
    try:
        opened = _open_cached(folder)
    except FileNotFoundError:  # evicted by another job: decode instead
        return original(case)
    location = opened.locations.get(case.case_id)
    if location is None:
        raise _damaged_error(folder, f"case {case.case_id!r} is not among them")
    size = location.height * location.width * 3
    # A copy, so that callers may modify it.
    pixels = np.array(opened.pixels[location.offset : location.offset + size])
    if zlib.crc32(pixels.data) != location.checksum:
        raise _damaged_error(folder, "pixels are not those that were written")
    return pixels.reshape(location.height, location.width, 3)


def _map_pixels(folder: Path) -> DecodedImages:
    """Map the pixels and check their length; raises FileNotFoundError if the set was removed."""
    try:
        index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        pixels = np.memmap(folder / PIXELS_FILE, dtype=np.uint8, mode="r")
        locations = {name: ImageLocation(*location) for name, location in index["places"].items()}
        expected = index["bytes"]
    except FileNotFoundError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _damaged_error(folder, repr(error)) from error
    if pixels.size != expected:
        raise _damaged_error(folder, f"{PIXELS_FILE} has {pixels.size} bytes, not {expected}")
    return DecodedImages(pixels, locations)


_open_cached = lru_cache(maxsize=MAX_OPEN_SETS)(_map_pixels)


def _damaged_error(folder: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"The decoded images in {folder} cannot be read: {reason}.", fix=f"delete the folder {folder} and run again"
    )

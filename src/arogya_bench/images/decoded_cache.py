"""Images decoded once for all jobs: one file of pixels, mapped into memory by whoever reads."""

import json
import os
import shutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import told
from arogya_bench.images.file_hashes import changed, stamps
from arogya_bench.runtime.cache import (
    UNFINISHED,
    VARIABLE,
    Unwritable,
    clear_abandoned,
    provide,
    root,
)
from arogya_bench.runtime.console import counted, say, watched
from arogya_bench.runtime.digests import digest_of
from arogya_bench.types import Case, Dataset, Image

VERSION = 1  # raise it when the same files give other pixels, or these lie in another way
GB = 1e9
PIXELS, INDEX = "pixels.bin", "index.json"
SAMPLED = 32  # images, to guess how much room all of them take
OPEN = 2  # sets that one process keeps open; the room of a removed one is free only then


class Place(NamedTuple):
    """Where the pixels of one image begin, in bytes, its size in pixels, and their CRC-32."""

    offset: int
    height: int
    width: int
    checksum: int


class Opened(NamedTuple):
    """A set of decoded images; ``pixels`` has shape (bytes,)."""

    pixels: NDArray[np.uint8]
    places: Mapping[str, Place]


def with_decoded(dataset: Dataset, *, room_gb: float) -> Dataset:
    """The same dataset, whose images come decoded from the cache folder.

    What lies there is keyed by the content of the dataset, by its cases and by how they are read.
    The sets that were used longest ago make room for a new one. A cache that cannot be written,
    or has too little room, costs time and no result: it is told, and done without.

    Args:
        dataset: One whose images are arrays already is given back as it is.
        room_gb: The most that all decoded sets may take, in 10^9 bytes; 0 keeps none.

    Returns:
        A dataset that reads from the cache, or ``dataset`` itself.

    Raises:
        DatasetError: If an image cannot be decoded, a file is not what was loaded, or what lies in
            the cache is damaged.
    """
    if not dataset.files or not room_gb:
        return dataset
    try:
        folder = _provided(dataset, room_gb)
    except Unwritable as error:
        _say_once(
            f"Images are decoded again by every job. {error.problem} Set the variable {VARIABLE} "
            "to a folder with space, or decoded_gb=0."
        )
        return dataset
    if folder is None:
        return dataset
    with suppress(FileNotFoundError):  # another job just took its room
        _open(folder)
    _mark_used(folder)
    return replace(dataset, read=partial(_read, folder, dataset.read))


def _provided(dataset: Dataset, room_gb: float) -> Path | None:
    """Build the set unless it is there; None if it needs too much room."""
    home = root(None) / "decoded"
    folder = home / _key(dataset)
    if os.path.exists(folder):  # noqa: PTH110 - Path.exists raises where it may not look
        return folder
    need = _estimate(dataset)
    if need > room_gb * GB:
        _say_once(
            f"Images of {dataset.name} are decoded again by every job: decoded they take about "
            f"{need / GB:.2g} GB, more than decoded_gb={room_gb:g}."
        )
        return None
    _make_room(home, room_gb * GB - need)
    provide(folder, partial(_write, dataset))
    return folder


def _key(dataset: Dataset) -> str:
    return digest_of(
        {
            "dataset": dataset.digest,
            "cases": [case.case_id for case in dataset.cases],
            "read": told(dataset.read),
            "version": VERSION,
        }
    )


def _estimate(dataset: Dataset) -> float:
    """Bytes that all images take, from some of them."""
    step = max(1, len(dataset.cases) // SAMPLED)
    sample = dataset.cases[::step]
    sizes = [dataset.read(case).nbytes for case in sample]
    return float(np.mean(sizes)) * len(dataset.cases)


def _write(dataset: Dataset, folder: Path) -> None:
    places: dict[str, Place] = {}
    cases: Sequence[Case] = dataset.cases
    before = stamps(
        {dataset.files[case.case_id] for case in cases if case.case_id in dataset.files}
    )
    with (folder / PIXELS).open("wb") as file:
        for case in watched(cases, "decoding", len(cases)):
            image = np.ascontiguousarray(dataset.read(case))
            height, width = image.shape[:2]
            places[case.case_id] = Place(file.tell(), height, width, zlib.crc32(image.data))
            file.write(image.data)
        index = {"bytes": file.tell(), "places": places}
    _refuse_changed(dataset.name, changed(before))
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")


def _refuse_changed(name: str, files: Sequence[Path]) -> None:
    """Pixels must never lie under the digest of other content: nobody would notice."""
    if files:
        raise DatasetError(
            f"{counted(len(files), 'file')} of {name} changed after the dataset was loaded, "
            f"first: {min(files).name}.",
            fix="run again when nothing writes to the folder of the dataset any more",
        )


def _make_room(home: Path, budget: float) -> None:
    """Remove the sets that were used longest ago, until the others fit."""
    clear_abandoned(home)
    kept = 0.0
    for _, folder in sorted(((_used(path), path) for path in home.glob("*")), reverse=True):
        kept += _bytes(folder)
        if kept > budget and not UNFINISHED.fullmatch(folder.name):
            _remove(folder)


def _used(folder: Path) -> float:
    """When a set was used last; what others are building counts as used now."""
    try:
        return float("inf") if UNFINISHED.fullmatch(folder.name) else folder.stat().st_mtime
    except OSError:
        return 0.0


def _bytes(folder: Path) -> int:
    total = 0
    with suppress(OSError):  # another job removes it
        for file in folder.iterdir():
            total += file.stat().st_size
    return total


def _remove(folder: Path) -> None:
    # In one step, so that nobody finds half of a set.
    gone = folder.with_name(f".{folder.name}-{uuid4().hex}")
    with suppress(OSError):
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _mark_used(folder: Path) -> None:
    with suppress(OSError):  # of somebody else, or removed: it is read all the same
        os.utime(folder)


@cache
def _say_once(text: str) -> None:
    say(text)


def _read(folder: Path, original: Callable[[Case], Image], case: Case) -> Image:
    try:
        opened = _opened(folder)
    except FileNotFoundError:  # another job took the room: what follows is slower, and the same
        return original(case)
    place = opened.places.get(case.case_id)
    if place is None:
        raise _damaged(folder, f"case {case.case_id!r} is not among them")
    size = place.height * place.width * 3
    # A copy, so that whoever changes an image does not change the next one's.
    pixels = np.array(opened.pixels[place.offset : place.offset + size])
    if zlib.crc32(pixels.data) != place.checksum:
        raise _damaged(folder, "pixels are not those that were written")
    return pixels.reshape(place.height, place.width, 3)


@lru_cache(maxsize=OPEN)
def _opened(folder: Path) -> Opened:
    return _open(folder)


def _open(folder: Path) -> Opened:
    """Map the pixels and check their length.

    Raises:
        FileNotFoundError: If the set was removed.
        DatasetError: If it is damaged.
    """
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        pixels = np.memmap(folder / PIXELS, dtype=np.uint8, mode="r")
        places = {name: Place(*place) for name, place in index["places"].items()}
        expected = index["bytes"]
    except FileNotFoundError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _damaged(folder, repr(error)) from error
    if pixels.size != expected:
        raise _damaged(folder, f"{PIXELS} has {pixels.size} bytes, not {expected}")
    return Opened(pixels, places)


def _damaged(folder: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"The decoded images in {folder} cannot be read: {reason}.",
        fix=f"delete the folder {folder} and run again",
    )

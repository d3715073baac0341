"""Images decoded once for all jobs: one file of pixels, mapped into memory by whoever reads."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.datasets.cache import provide, root
from arogya_bench.errors import DatasetError
from arogya_bench.progress import watched
from arogya_bench.types import Case, Dataset, Image

GB = 1e9
PIXELS, INDEX = "pixels.bin", "index.json"
SAMPLED = 32  # images, to guess how much room all of them take


class Place(NamedTuple):
    """Where the pixels of one image begin, in bytes, and its size in pixels."""

    offset: int
    height: int
    width: int


def with_decoded(dataset: Dataset, *, room_gb: float) -> Dataset:
    """The same dataset, whose images come decoded from the cache folder.

    What lies there is keyed by the content of the dataset and by its cases. The sets that were
    used longest ago make room for a new one.

    Args:
        dataset: One whose images are arrays already is given back as it is.
        room_gb: The most that all decoded sets may take, in 10^9 bytes; 0 keeps none.

    Returns:
        A dataset that reads from the cache, or ``dataset`` itself if it needs too much room.

    Raises:
        DatasetError: If an image cannot be decoded, or the cache cannot be written.
    """
    if not dataset.files or not room_gb:
        return dataset
    home = root(None) / "decoded"
    folder = home / _key(dataset)
    if not folder.exists():
        need = _estimate(dataset)
        if need > room_gb * GB:
            return dataset
        _make_room(home, room_gb * GB - need)
        provide(folder, partial(_write, dataset))
    _mark_used(folder)
    return replace(dataset, read=partial(_read, folder))


def _key(dataset: Dataset) -> str:
    ids = json.dumps([dataset.digest, [case.case_id for case in dataset.cases]])
    return hashlib.sha256(ids.encode()).hexdigest()[:32]


def _estimate(dataset: Dataset) -> float:
    """Bytes that all images take, from some of them."""
    step = max(1, len(dataset.cases) // SAMPLED)
    sample = dataset.cases[::step]
    sizes = [dataset.read(case).nbytes for case in sample]
    return float(np.mean(sizes)) * len(dataset.cases)


def _write(dataset: Dataset, folder: Path) -> None:
    index: dict[str, Place] = {}
    cases: Sequence[Case] = dataset.cases
    with (folder / PIXELS).open("wb") as file:
        for case in watched(cases, "decoding", len(cases)):
            image = dataset.read(case)
            index[case.case_id] = Place(file.tell(), *image.shape[:2])
            file.write(np.ascontiguousarray(image).data)
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")


def _make_room(home: Path, budget: float) -> None:
    """Remove the sets that were used longest ago, until the others fit."""
    kept = 0.0
    found = [path for path in home.glob("*") if path.is_dir() and not path.name.startswith(".")]
    for folder in sorted(found, key=lambda path: -path.stat().st_mtime):
        kept += sum(file.stat().st_size for file in folder.iterdir())
        if kept > budget:
            shutil.rmtree(folder, ignore_errors=True)


def _mark_used(folder: Path) -> None:
    try:
        os.utime(folder)
    except OSError:  # of somebody else: it is read all the same
        return


def _read(folder: Path, case: Case) -> Image:
    try:
        pixels, index = _opened(folder)
        place = index[case.case_id]
        size = place.height * place.width * 3
        stretch = pixels[place.offset : place.offset + size]
        # A copy, so that whoever changes an image does not change the next one's.
        return np.array(stretch).reshape(place.height, place.width, 3)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"The decoded images in {folder} cannot be read: {error!r}",
            fix=f"delete the folder {folder} and run again",
        ) from error


@cache
def _opened(folder: Path) -> tuple[NDArray[np.uint8], dict[str, Place]]:
    places = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    pixels = np.memmap(folder / PIXELS, dtype=np.uint8, mode="r")
    return pixels, {name: Place(*place) for name, place in places.items()}

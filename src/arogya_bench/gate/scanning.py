"""One pass over all images: each is opened, decoded and measured once, several at a time."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np

from arogya_bench.errors import DatasetError
from arogya_bench.gate.headers import Header, Problem, header, is_floating, pixel_problem, quiet
from arogya_bench.gate.image_facts import ImageFacts, measured
from arogya_bench.images.file_hashes import stamp
from arogya_bench.images.files import UNREADABLE
from arogya_bench.runtime.console import watched
from arogya_bench.types import Case, Image

Read = Callable[[Case], Image]
GONE = Problem("AB210", "no such file")
ALTERED = Problem("AB201", "it changed while it was read; run again when nothing writes to it")


def scanned(
    cases: Sequence[Case], files: Mapping[str, Path], read: Read, workers: int | None
) -> list[ImageFacts]:
    """Look at the images of some cases.

    Threads, not processes: decoding and hashing leave the interpreter free, and a reader may hold
    all its images in memory, which nobody wants to send to processes.

    Args:
        cases: Any of one dataset.
        files: Case id to file; empty where the images are arrays.
        read: Decodes the image of a case.
        workers: Threads; as many as processors if None.

    Returns:
        In the order of ``cases``.

    Raises:
        MissingExtra: If a file needs a library that is not installed.
    """

    def one(case: Case) -> ImageFacts:
        return facts_of(case, files.get(case.case_id), read)

    with quiet(), ThreadPoolExecutor(workers or joblib.cpu_count()) as pool:
        return list(watched(pool.map(one, cases), "gate: images", len(cases)))


def facts_of(case: Case, file: Path | None, read: Read) -> ImageFacts:
    """Look at one image; what cannot be read has a problem and no pixels.

    Raises:
        MissingExtra: If the file needs a library that is not installed.
    """
    known = ImageFacts(case_id=case.case_id)
    if file is None:
        return _seen(known, None, None, case, read)
    before = stamp(file)
    stated = header(file)
    if before is None or isinstance(stated, Problem):
        return _broken(known, stated if isinstance(stated, Problem) else GONE)
    known = replace(known, file_bytes=before.size, **stated._asdict())
    damage = pixel_problem(file) if is_floating(stated) else None
    seen = _broken(known, damage) if damage else _seen(known, file, stated, case, read)
    after = stamp(file)
    if after is None:
        return _broken(known, GONE)
    return seen if after == before else _broken(known, ALTERED)


def _seen(
    known: ImageFacts, file: Path | None, stated: Header | None, case: Case, read: Read
) -> ImageFacts:
    try:
        image = read(case)
    except (DatasetError, *UNREADABLE) as error:
        return _broken(known, _diagnosis(file, stated, error))
    strange = _strangeness(image)
    if strange:
        return _broken(known, strange)
    height, width = image.shape[:2]
    return replace(known, width=width, height=height, pixels=measured(image))


def _diagnosis(file: Path | None, stated: Header | None, error: Exception) -> Problem:
    said = error.problem if isinstance(error, DatasetError) else str(error)
    if file is None or stated is None:
        return Problem("AB201", said)
    if stated.frames > 1:
        return Problem("AB208", said)
    damage = pixel_problem(file)
    if damage:
        return damage
    # The pixels are sound, and yet the reader refuses them.
    return Problem("AB207" if stated.bits > 8 else "AB201", said)


def _strangeness(image: Image) -> Problem | None:
    values = np.asarray(image)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        return Problem("AB209", f"{bad} of {values.size} values are NaN or infinite")
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[2] != 3 or not values.size:
        shape = " x ".join(map(str, values.shape))
        return Problem("AB201", f"it is read as {values.dtype} of shape {shape}, not 8-bit RGB")
    return None


def _broken(known: ImageFacts, problem: Problem) -> ImageFacts:
    return replace(known, problem=problem.code, reason=problem.reason)

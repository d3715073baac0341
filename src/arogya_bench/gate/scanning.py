"""One pass over all images: each is opened, decoded and measured once, several at a time."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np

from arogya_bench.errors import DatasetError
from arogya_bench.gate.headers import (
    ImageHeader,
    ImageProblem,
    is_floating,
    pixel_problem,
    read_header,
    suppress_decoder_warnings,
)
from arogya_bench.gate.image_facts import ImageFacts, measure_pixels
from arogya_bench.images.file_hashes import fingerprint
from arogya_bench.images.files import DECODE_ERRORS
from arogya_bench.runtime.console import track
from arogya_bench.types import Case, Image

ReadImage = Callable[[Case], Image]
MISSING_FILE = ImageProblem("AB210", "no such file")
MODIFIED_FILE = ImageProblem(
    "AB201", "it changed while it was read; run again when nothing writes to it"
)


def scan_images(
    cases: Sequence[Case], files: Mapping[str, Path], read: ReadImage, workers: int | None
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

    def scan_case(case: Case) -> ImageFacts:
        return scan_image(case, files.get(case.case_id), read)

    with suppress_decoder_warnings(), ThreadPoolExecutor(workers or joblib.cpu_count()) as pool:
        return list(track(pool.map(scan_case, cases), "gate: images", len(cases)))


def scan_image(case: Case, file: Path | None, read: ReadImage) -> ImageFacts:
    """Look at one image; what cannot be read has a problem and no pixels.

    Raises:
        MissingExtra: If the file needs a library that is not installed.
    """
    known = ImageFacts(case_id=case.case_id)
    if file is None:
        return _decode_and_measure(known, None, None, case, read)
    before = fingerprint(file)
    stated = read_header(file)
    if before is None or isinstance(stated, ImageProblem):
        return _with_problem(known, stated if isinstance(stated, ImageProblem) else MISSING_FILE)
    known = replace(known, file_bytes=before.size, **stated._asdict())
    damage = pixel_problem(file) if is_floating(stated) else None
    seen = (
        _with_problem(known, damage)
        if damage
        else _decode_and_measure(known, file, stated, case, read)
    )
    after = fingerprint(file)
    if after is None:
        return _with_problem(known, MISSING_FILE)
    return seen if after == before else _with_problem(known, MODIFIED_FILE)


def _decode_and_measure(
    known: ImageFacts, file: Path | None, stated: ImageHeader | None, case: Case, read: ReadImage
) -> ImageFacts:
    try:
        image = read(case)
    except (DatasetError, *DECODE_ERRORS) as error:
        return _with_problem(known, _diagnose(file, stated, error))
    strange = _find_array_problem(image)
    if strange:
        return _with_problem(known, strange)
    height, width = image.shape[:2]
    return replace(known, width=width, height=height, pixels=measure_pixels(image))


def _diagnose(file: Path | None, stated: ImageHeader | None, error: Exception) -> ImageProblem:
    said = error.problem if isinstance(error, DatasetError) else str(error)
    if file is None or stated is None:
        return ImageProblem("AB201", said)
    if stated.frames > 1:
        return ImageProblem("AB208", said)
    damage = pixel_problem(file)
    if damage:
        return damage
    # The pixels are sound, and yet the reader refuses them.
    return ImageProblem("AB207" if stated.bits > 8 else "AB201", said)


def _find_array_problem(image: Image) -> ImageProblem | None:
    values = np.asarray(image)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        return ImageProblem("AB209", f"{bad} of {values.size} values are NaN or infinite")
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[2] != 3 or not values.size:
        shape = " x ".join(map(str, values.shape))
        return ImageProblem(
            "AB201", f"it is read as {values.dtype} of shape {shape}, not 8-bit RGB"
        )
    return None


def _with_problem(known: ImageFacts, problem: ImageProblem) -> ImageFacts:
    return replace(known, problem=problem.code, reason=problem.reason)

"""Scans all images once: opens, decodes and measures each, in several threads."""

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
    non_finite_problem,
    pixel_problem,
    read_header,
    suppress_decoder_warnings,
)
from arogya_bench.gate.image_facts import ImageFacts, measure_pixels
from arogya_bench.images.file_hashes import fingerprint
from arogya_bench.images.files import DECODE_ERRORS
from arogya_bench.images.safe_errors import describe_decode_error
from arogya_bench.runtime.progress import track
from arogya_bench.types import Case, Image

ReadImage = Callable[[Case], Image]
MISSING_FILE = ImageProblem("AB210", "no such file")
MODIFIED_FILE = ImageProblem("AB201", "it changed while it was read; run again when no process is writing to it")


def scan_images(
    cases: Sequence[Case], files: Mapping[str, Path], read: ReadImage, workers: int | None
) -> list[ImageFacts]:
    """Collect the facts of the images of some cases, in the same order.

    Uses threads, since decoding and hashing release the interpreter lock, and a reader that holds all images in memory
    would be copied to each process.

    Args:
        cases: Cases of one dataset.
        files: File by case id; empty for images in arrays.
        read: Decodes the image of a case.
        workers: Number of threads; None for the number of processors.
    """

    def scan_case(case: Case) -> ImageFacts:
        return scan_image(case, files.get(case.case_id), read)

    with suppress_decoder_warnings(), ThreadPoolExecutor(workers or joblib.cpu_count()) as pool:
        return list(track(pool.map(scan_case, cases), "gate: images", len(cases)))


def scan_image(case: Case, file: Path | None, read: ReadImage) -> ImageFacts:
    """Collect the facts of one image; an unreadable image has a problem instead of pixels."""
    facts = ImageFacts(case_id=case.case_id)
    if file is None:
        return _decode_and_measure(facts, None, None, case, read)
    before = fingerprint(file)
    header = read_header(file)
    if isinstance(header, ImageProblem):
        return _with_problem(facts, header)
    if before is None:
        return _with_problem(facts, MISSING_FILE)
    facts = replace(facts, file_bytes=before.size, **header._asdict())
    problem = pixel_problem(file) if is_floating(header) else None
    scanned = _with_problem(facts, problem) if problem else _decode_and_measure(facts, file, header, case, read)
    after = fingerprint(file)
    if after != before:
        return _with_problem(facts, MODIFIED_FILE if after else MISSING_FILE)
    return scanned


def _decode_and_measure(
    facts: ImageFacts, file: Path | None, header: ImageHeader | None, case: Case, read: ReadImage
) -> ImageFacts:
    try:
        image = read(case)
    except (DatasetError, *DECODE_ERRORS) as error:
        return _with_problem(facts, _diagnose(file, header, error))
    problem = _find_array_problem(image)
    if problem:
        return _with_problem(facts, problem)
    height, width = image.shape[:2]
    return replace(facts, width=width, height=height, pixels=measure_pixels(image))


def _diagnose(file: Path | None, header: ImageHeader | None, error: Exception) -> ImageProblem:
    reason = error.problem if isinstance(error, DatasetError) else describe_decode_error(error)
    if file is None or header is None:
        return ImageProblem("AB201", reason)
    if header.frames > 1:
        return ImageProblem("AB208", reason)
    # If the stored pixels are intact, the reader refused them, for example without a window.
    return pixel_problem(file) or ImageProblem("AB207" if header.bits > 8 else "AB201", reason)


def _find_array_problem(image: Image) -> ImageProblem | None:
    values = np.asarray(image)
    problem = non_finite_problem(values)
    if problem:
        return problem
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[2] != 3 or not values.size:
        shape = " x ".join(map(str, values.shape))
        reason = f"it is read as {values.dtype} of shape {shape}, not 8-bit RGB"
        return ImageProblem("AB201", reason)
    return None


def _with_problem(facts: ImageFacts, problem: ImageProblem) -> ImageFacts:
    return replace(facts, problem=problem.code, reason=problem.reason)

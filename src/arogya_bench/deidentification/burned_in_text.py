"""Looks for rows of text in pixels: burned-in names and dates; a warning, not a proof."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import needs_extra

MAX_STROKE_WIDTH = 7  # pixels; wider than the strokes of a small letter
MIN_CONTRAST = 40  # of 255, between a stroke and its ground
MAX_SIDE = 1024  # pixels; larger images are searched at half their size, and so on
LETTER_HEIGHT = (5, 60)  # pixels
EDGE_THRESHOLD = 25  # of 255, between neighbours in a row
CELL_WIDTH, WINDOW_CELLS = (
    12,
    4,
)  # pixels of a row, and how many such make the window that is looked at
MIN_TEXT_EDGES, MAX_BACKGROUND_EDGES = 7, 2  # edges in a window: where text runs, and beside it
ROW_STEP = 2  # every second one is enough to see whether there are bands
MIN_TOTAL_EDGES = 30  # of four letters, 5 pixels high, with three edges in each row
MIN_LETTERS = 4
BATCH_SIZE, MAX_LETTERS = 200, 1000  # letters that are compared with each other, and in all
MAX_EDGE_FRACTION = 0.08  # share of edges among all pixels; so much is no text, and hides it
MIN_OCR_CONFIDENCE = 0.6  # confidence of a recognised line

Grey = NDArray[np.uint8]


def count_text_rows(grey: Grey) -> int:
    """Count rows of four or more marks that look like letters: thin, high, and side by side.

    Args:
        grey: Shape (height, width); may be a view of one channel.
    """
    while max(grey.shape) > MAX_SIDE:
        grey = np.asarray(cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    if not _has_text_bands(np.ascontiguousarray(grey[::ROW_STEP])):
        return 0
    grey = np.ascontiguousarray(grey)
    kernel = np.ones((MAX_STROKE_WIDTH, MAX_STROKE_WIDTH), np.uint8)
    return sum(
        _count_rows(np.asarray(cv2.morphologyEx(grey, operation, kernel)))
        for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)
    )


def _has_text_bands(grey: Grey) -> bool:
    """Whether a band of rows is full of edges somewhere, and quiet above or below: costs little.

    Texture has edges everywhere, and smooth images have none; the search proper is for the rest.
    """
    across = (grey.shape[1] - 1) // CELL_WIDTH
    if across < WINDOW_CELLS:
        return False
    _, edges = cv2.threshold(
        cv2.absdiff(grey[:, 1:], grey[:, :-1]), EDGE_THRESHOLD, 255, cv2.THRESH_BINARY
    )
    many = int(cv2.countNonZero(edges))
    if not MIN_TOTAL_EDGES <= many <= MAX_EDGE_FRACTION * edges.size:
        return False
    size = (across, len(edges))
    cells = cv2.resize(edges[:, : across * CELL_WIDTH], size, interpolation=cv2.INTER_AREA)
    shares = np.lib.stride_tricks.sliding_window_view(cells, WINDOW_CELLS, axis=1).sum(
        -1, dtype=np.int32
    )
    counts = shares * CELL_WIDTH / 255
    busy, quiet = counts >= MIN_TEXT_EDGES, counts <= MAX_BACKGROUND_EDGES
    if not busy.any():
        return False
    # A quiet row on the other side of a short busy stretch.
    reach = min(LETTER_HEIGHT[1] // ROW_STEP, len(counts) - 1)
    near = np.asarray(cv2.dilate(quiet.view(np.uint8), np.ones((2 * reach + 1, 1), np.uint8)))
    rows = (busy & (near > 0)).sum(axis=0)
    return bool((rows >= LETTER_HEIGHT[0] // ROW_STEP).any())


def _count_rows(strokes: Grey) -> int:
    marks = (strokes > MIN_CONTRAST).view(np.uint8)
    if int(cv2.countNonZero(marks)) < 4 * LETTER_HEIGHT[0]:
        return 0
    _, _, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8, ltype=cv2.CV_32S)
    letters = _select_letters(stats[1:])
    letters = letters[np.argsort(letters[:, 1] + letters[:, 3])]
    parts = range(0, min(len(letters), MAX_LETTERS), BATCH_SIZE)
    return sum(_count_letter_rows(letters[start : start + BATCH_SIZE]) for start in parts)


def _select_letters(stats: NDArray[np.int32]) -> NDArray[np.int32]:
    wide, high, area = stats[:, 2], stats[:, 3], stats[:, 4]
    low, top = LETTER_HEIGHT
    share = area / (wide * high)
    keep = (high >= low) & (high <= top) & (wide <= 2 * high) & (high <= 8 * wide) & (share > 0.15)
    return stats[keep]


def _count_letter_rows(letters: NDArray[np.int32]) -> int:
    """Count the letters that begin a row: three more follow, and none comes before."""
    left, top, wide, high = letters[:, :4].astype(np.float32).T
    bottom = top + high
    tall = np.maximum(high[:, None], high)
    gap = left - (left + wide)[:, None]
    near = (np.abs(bottom[:, None] - bottom) <= 0.25 * tall) & (gap <= 0.9 * tall)
    near &= (gap > -0.3 * tall) & (left > left[:, None])
    near &= np.minimum(high[:, None], high) >= 0.6 * tall
    goes_on = near.any(axis=1)
    for _ in range(MIN_LETTERS - 2):
        goes_on = near[:, goes_on].any(axis=1)
    return int((goes_on & ~near.any(axis=0)).sum())


def count_ocr_lines(grey: Grey) -> int:
    """Count the lines of text that RapidOCR reads; what they say is not kept.

    Raises:
        MissingExtra: If the extra ``ocr`` is not installed.
    """
    found, _ = _load_ocr()(grey)
    return sum(float(score) >= MIN_OCR_CONFIDENCE for *_, score in found or ())


@lru_cache(maxsize=1)
def _load_ocr() -> Callable[[Grey], tuple[list[tuple[object, str, float]] | None, object]]:
    with needs_extra("ocr"):
        from rapidocr_onnxruntime import RapidOCR

    reader: Callable[[Grey], tuple[list[tuple[object, str, float]] | None, object]] = RapidOCR()
    return reader

"""Detects rows of text burned into pixels, such as names and dates; a warning, not a proof."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from arogya_bench.errors import needs_extra

MAX_STROKE_WIDTH = 7  # pixels; more than the strokes of a small letter
MIN_CONTRAST = 40  # of 255, between a stroke and its background
MAX_SIDE = 1024  # pixels; larger images are halved until they fit
LETTER_HEIGHT = (5, 60)  # pixels, smallest and largest
EDGE_THRESHOLD = 25  # of 255, between neighbouring pixels in a row
CELL_WIDTH, WINDOW_CELLS = 12, 4  # pixels per cell, and cells per window
MIN_TEXT_EDGES, MAX_BACKGROUND_EDGES = 7, 2  # edges per window in a row of text, and beside it
ROW_STEP = 2  # every second row suffices to find bands
MIN_TOTAL_EDGES = 30  # four letters, 5 pixels high, with three edges in each row
MIN_LETTERS = 4
BATCH_SIZE, MAX_LETTERS = 200, 1000  # letters compared with each other, and in total
MAX_EDGE_FRACTION = 0.08  # of all pixels; an image with more edges is texture, which hides text
MIN_OCR_CONFIDENCE = 0.6

Grey = NDArray[np.uint8]


def count_text_rows(grey: Grey) -> int:
    """Count rows of at least four marks shaped like letters: thin, tall and side by side.

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
    """Cheaply check for bands of rows with many edges, next to rows with few.

    Texture has edges everywhere, and smooth images have none; only the others are searched.
    """
    n_cells = (grey.shape[1] - 1) // CELL_WIDTH
    if n_cells < WINDOW_CELLS:
        return False
    _, edges = cv2.threshold(cv2.absdiff(grey[:, 1:], grey[:, :-1]), EDGE_THRESHOLD, 255, cv2.THRESH_BINARY)
    n_edges = int(cv2.countNonZero(edges))
    if not MIN_TOTAL_EDGES <= n_edges <= MAX_EDGE_FRACTION * edges.size:
        return False
    size = (n_cells, len(edges))
    cells = cv2.resize(edges[:, : n_cells * CELL_WIDTH], size, interpolation=cv2.INTER_AREA)
    windows = np.lib.stride_tricks.sliding_window_view(cells, WINDOW_CELLS, axis=1)
    counts = windows.sum(-1, dtype=np.int32) * CELL_WIDTH / 255
    busy, quiet = counts >= MIN_TEXT_EDGES, counts <= MAX_BACKGROUND_EDGES
    if not busy.any():
        return False
    # Text has quiet rows within the height of a letter.
    reach = min(LETTER_HEIGHT[1] // ROW_STEP, len(counts) - 1)
    kernel = np.ones((2 * reach + 1, 1), np.uint8)
    near_quiet = np.asarray(cv2.dilate(quiet.view(np.uint8), kernel))
    rows = (busy & (near_quiet > 0)).sum(axis=0)
    return bool((rows >= LETTER_HEIGHT[0] // ROW_STEP).any())


def _count_rows(strokes: Grey) -> int:
    marks = (strokes > MIN_CONTRAST).view(np.uint8)
    if int(cv2.countNonZero(marks)) < 4 * LETTER_HEIGHT[0]:
        return 0
    _, _, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8, ltype=cv2.CV_32S)
    letters = _select_letters(stats[1:])
    letters = letters[np.argsort(letters[:, 1] + letters[:, 3])]
    starts = range(0, min(len(letters), MAX_LETTERS), BATCH_SIZE)
    return sum(_count_letter_rows(letters[start : start + BATCH_SIZE]) for start in starts)


def _select_letters(stats: NDArray[np.int32]) -> NDArray[np.int32]:
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    min_height, max_height = LETTER_HEIGHT
    is_letter = (height >= min_height) & (height <= max_height) & (area > 0.15 * width * height)
    is_letter &= (width <= 2 * height) & (height <= 8 * width)
    return stats[is_letter]


def _count_letter_rows(letters: NDArray[np.int32]) -> int:
    """Count the letters that begin a row: at least three follow, and none precedes."""
    left, top, width, height = letters[:, :4].astype(np.float32).T
    bottom = top + height
    taller = np.maximum(height[:, None], height)
    gap = left - (left + width)[:, None]
    follows = (np.abs(bottom[:, None] - bottom) <= 0.25 * taller) & (gap <= 0.9 * taller)
    follows &= (gap > -0.3 * taller) & (left > left[:, None])
    follows &= np.minimum(height[:, None], height) >= 0.6 * taller
    continues = follows.any(axis=1)
    for _ in range(MIN_LETTERS - 2):
        continues = follows[:, continues].any(axis=1)
    return int((continues & ~follows.any(axis=0)).sum())


def count_ocr_lines(grey: Grey) -> int:
    """Count the lines of text that RapidOCR reads, without keeping the text."""
    lines, _ = _load_ocr()(grey)
    return sum(float(confidence) >= MIN_OCR_CONFIDENCE for *_, confidence in lines or ())


@lru_cache(maxsize=1)
def _load_ocr() -> Any:
    with needs_extra("ocr"):
        from rapidocr_onnxruntime import RapidOCR
    return RapidOCR()

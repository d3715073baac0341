"""The same number of threads for every library, so that no model has an advantage."""

import os
import sys

import cv2
import joblib
from threadpoolctl import threadpool_limits

# Read by libraries that are imported later; those already imported are set directly.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
REQUESTED_THREADS = os.environ.get("OMP_NUM_THREADS", "")  # before we set it ourselves


def available_threads() -> int:
    """Number of threads to use: ``OMP_NUM_THREADS``, else the processors of this process.

    Limits of a container are respected.
    """
    return int(REQUESTED_THREADS) if REQUESTED_THREADS.isdigit() and int(REQUESTED_THREADS) else int(joblib.cpu_count())


def use_threads(count: int | None) -> int:
    """Set the same number of threads for every library, imported or not.

    TensorFlow fixes the number when it first computes; its adapter rejects another one later in
    the same process.

    Args:
        count: At least 1; None means ``available_threads()``, which is then returned.
    """
    chosen = count or available_threads()
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(chosen)))
    cv2.setNumThreads(chosen)
    threadpool_limits(chosen)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(chosen)
    return chosen


def thread_count() -> int:
    """The number that ``use_threads`` set in this process, else ``available_threads()``."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS", available_threads()))

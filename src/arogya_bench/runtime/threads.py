"""The same number of threads for every library, so that no row is favoured."""

import os
import sys

import cv2
import joblib
from threadpoolctl import threadpool_limits

# Read by libraries that are imported later; those that are there already are told directly.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


REQUESTED_THREADS = os.environ.get("OMP_NUM_THREADS", "")  # before we set it ourselves


def available_threads() -> int:
    """How many threads to use: as ``OMP_NUM_THREADS`` says, else the processors we may use.

    The limits of a container count, whatever number of processors the machine has.
    """
    return (
        int(REQUESTED_THREADS)
        if REQUESTED_THREADS.isdigit() and int(REQUESTED_THREADS)
        else int(joblib.cpu_count())
    )


def use_threads(count: int | None) -> int:
    """Give every library, loaded or not, the same number of threads.

    TensorFlow takes a number once in a process, when it first computes; its adapter refuses to
    go on with another one.

    Args:
        count: At least 1; None means one per processor.

    Returns:
        The number in use.
    """
    chosen = count or available_threads()
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(chosen)))
    cv2.setNumThreads(chosen)
    threadpool_limits(chosen)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(chosen)
    return chosen


def thread_count() -> int:
    """The number that ``use_threads`` set in this process, else one per processor."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS", available_threads()))

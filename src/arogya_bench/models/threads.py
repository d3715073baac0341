"""The same number of threads for every library, so that no row is favoured."""

import os
import sys

import cv2
from threadpoolctl import threadpool_limits

# Read by libraries that are imported later; those that are there already are told directly.
VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def available() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_threads(count: int | None) -> int:
    """Give every library, loaded or not, the same number of threads.

    TensorFlow takes a number once in a process, when it first computes; its adapter refuses to
    go on with another one.

    Args:
        count: At least 1; None means one per processor.

    Returns:
        The number in use.
    """
    chosen = count or available()
    os.environ.update(dict.fromkeys(VARIABLES, str(chosen)))
    cv2.setNumThreads(chosen)
    threadpool_limits(chosen)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(chosen)
    return chosen


def threads() -> int:
    """The number that ``use_threads`` set in this process, else one per processor."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS", available()))

"""Seeding of random generators."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def temporary_seed(seed: int) -> Iterator[None]:
    """Seed the global generators of Python and NumPy, and restore their state afterwards.

    Some libraries draw from them; our own code draws from generators that are passed to it.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  (to be restored)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (a library may draw from it)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002  (restored)


def epoch_rng(seed: int, *position: int) -> np.random.Generator:
    """Generator for one position in a training, such as an epoch, or a step of an epoch.

    It depends on seed and position alone, so that a resumed training draws the same numbers.
    """
    # NumPy treats [1, 1] and [1, 1, 0] as the same seed; the length distinguishes them.
    return np.random.default_rng([len(position), seed, *position])

"""One seed for every generator that a framework may draw from, handed back afterwards."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def temporary_seed(seed: int) -> Iterator[None]:
    """Seed the global generators of Python and NumPy, which some libraries draw from.

    Our own code draws from generators that are passed to it. The caller's generators are as
    before once the block ends.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  (to be handed back)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (a library may draw from it)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002  (handed back)


def epoch_rng(seed: int, *position: int) -> np.random.Generator:
    """A generator for one place of a training, such as an epoch, or a step of an epoch.

    It follows from the seed and the place alone, so that a training that was interrupted draws
    what it would have drawn.
    """
    # NumPy takes [1, 1] and [1, 1, 0] for the same seed: the length tells them apart.
    return np.random.default_rng([len(position), seed, *position])

"""Python's cyclic collector out of the way where it only costs time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Leave Python's cyclic collector off while many objects are made that stay.

    It looks at all of them again and again: reading many runs takes three times as long with it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

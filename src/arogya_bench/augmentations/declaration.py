"""The name and version that an augmentation declares, which identify it in the keys of cells."""

from collections.abc import Callable
from typing import TypeVar

from arogya_bench.types import Augment

_NAME, _VERSION = "augmentation_name", "augmentation_version"
_Function = TypeVar("_Function", bound=Augment)


def augmentation(*, version: int, name: str | None = None) -> Callable[[_Function], _Function]:
    """Declare the name and version of an augmentation function; nothing is registered.

    Args:
        version: Increase it with every change that changes images; cells are then recomputed.
        name: Identifies the function in the keys of cells; default: the name of the function.
            Give the old name when you rename the function.
    """

    def declare(function: _Function) -> _Function:
        setattr(function, _NAME, name or function.__name__)
        setattr(function, _VERSION, version)
        return function

    return declare


def augmentation_identity(function: Augment) -> dict[str, object]:
    """The declared name and version of an augmentation function, without its module path.

    A function without a declaration is identified by its own name, as version 1.
    """
    default = getattr(function, "__name__", type(function).__name__)
    return {"augmentation": getattr(function, _NAME, default), "augmentation_version": getattr(function, _VERSION, 1)}

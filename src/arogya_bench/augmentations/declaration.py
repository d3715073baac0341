"""What an augmentation declares: name and version, which identify it in the keys of cells, and what severity means."""

from collections.abc import Callable
from typing import TypeVar

from arogya_bench.types import Augment

_NAME, _VERSION, _SCALE = "augmentation_name", "augmentation_version", "severity_scale"
_Function = TypeVar("_Function", bound=Augment)


def augmentation(*, version: int, name: str | None = None, scale: str = "") -> Callable[[_Function], _Function]:
    """Declare name, version and scale of an augmentation function; nothing is registered.

    Args:
        version: Increase it with every change that changes images; cells are then recomputed.
        name: Identifies the function in the keys of cells; default: the name of the function.
            Give the old name when you rename the function.
        scale: What the severity is, with its unit, such as ``rotation (degrees)``; for axes and tables.
    """

    def declare(function: _Function) -> _Function:
        setattr(function, _NAME, name or function.__name__)
        setattr(function, _VERSION, version)
        setattr(function, _SCALE, scale)
        return function

    return declare


def augmentation_identity(function: Augment) -> dict[str, object]:
    """The declared name and version of an augmentation function, without its module path.

    A function without a declaration is identified by its own name, as version 1.
    """
    default = getattr(function, "__name__", type(function).__name__)
    return {"augmentation": getattr(function, _NAME, default), "augmentation_version": getattr(function, _VERSION, 1)}


def severity_scale(function: Augment) -> str:
    """What the severity of an augmentation is, with its unit; empty if the function does not declare it."""
    return str(getattr(function, _SCALE, ""))

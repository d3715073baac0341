"""Classes and functions that a file of PyTorch names, found without loading it."""

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

PYTHON_2_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}  # as the protocol 2 writes them
LEGACY_PICKLES = 4  # magic number, protocol, system and content, one behind the other


def pickled_globals(file: Path) -> list[str]:
    """Dotted names of all classes and functions that loading the file would import, sorted.

    Raises:
        ValueError: If the file is damaged.
    """
    names: set[str] = set()
    if not zipfile.is_zipfile(file):
        with file.open("rb") as opened:
            for _ in range(LEGACY_PICKLES):
                names.update(_names(opened))
        return sorted(names)
    with zipfile.ZipFile(file) as archive:
        inside = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        with archive.open(inside) as opened:
            names.update(_names(opened))
    return sorted(names)


def _names(opened: IO[bytes]) -> Iterator[str]:
    """Names in one pickle of the protocol 2, which PyTorch writes."""
    for opcode, argument, _ in pickletools.genops(opened):
        if opcode.name == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            yield f"{PYTHON_2_MODULES.get(module, module)}.{name}"

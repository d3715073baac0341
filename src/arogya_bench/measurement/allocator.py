"""What gives a process its memory: the allocator, its settings, and the pages that it had to ask for."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from arogya_bench.measurement.process_tree import read_stat
from arogya_bench.measurement.processor_state import huge_pages
from arogya_bench.runtime.kernel_files import SYSTEM, read_text

SETTINGS = ("MALLOC_", "_RJEM_MALLOC_CONF", "MIMALLOC_", "TCMALLOC_", "GLIBC_TUNABLES", "PYTHONMALLOC")
REPLACEMENTS = ("jemalloc", "tcmalloc", "mimalloc", "tbbmalloc", "hoard")  # in names of preloaded libraries


@dataclass(frozen=True, kw_only=True)
class Allocator:
    """The allocator of a process; page faults alone have doubled a run.

    Attributes:
        name: Such as ``glibc 2.36``, or the replacement that is preloaded; None if unknown.
        settings: Variables of the environment that allocators read; a value with a path is ``(a path)``.
        preloaded: Names of preloaded libraries, without their folders.
        huge_pages: Setting of transparent huge pages: always, madvise or never.
        minor_faults: Pages that the process got so far; None if unknown.
    """

    name: str | None
    settings: Mapping[str, str]
    preloaded: tuple[str, ...]
    huge_pages: str | None
    minor_faults: int | None


def read_allocator(pid: int, *, root: Path = SYSTEM) -> Allocator:
    """Read the allocator of a process of this machine, from outside.

    Args:
        pid: The process.
        root: The folder that holds ``proc`` and ``sys``.
    """
    environment = _environment(pid, root)
    preloads = environment.get("LD_PRELOAD", environment.get("DYLD_INSERT_LIBRARIES", ""))
    preloaded = tuple(PurePosixPath(path).name for path in preloads.replace(":", " ").split())
    replacement = next((name for name in REPLACEMENTS for library in preloaded if name in library), None)
    stat = read_stat(pid, root)
    return Allocator(
        name=replacement or " ".join(platform.libc_ver()).strip() or None,
        settings={name: _without_path(value) for name, value in environment.items() if name.startswith(SETTINGS)},
        preloaded=preloaded,
        huge_pages=huge_pages(root),
        minor_faults=stat and stat.minor_faults,
    )


def _environment(pid: int, root: Path) -> dict[str, str]:
    """The environment that a process was started with, by name in order."""
    entries = (read_text(root / f"proc/{pid}/environ") or "").split("\0")
    return dict(sorted((name, value) for name, equals, value in (e.partition("=") for e in entries) if equals))


def _without_path(value: str) -> str:
    return "(a path)" if "/" in value else value

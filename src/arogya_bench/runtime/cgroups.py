"""Limits that a container or a batch system sets on this process, from cgroups of version 1 and 2."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from arogya_bench.runtime.kernel_files import SYSTEM, read_number, read_table, read_text

NO_LIMIT = 2**60  # bytes; version 1 writes a number near 2**63 where there is no limit
UNIFIED = ""  # version 2 names no controllers in /proc/self/cgroup


class CgroupMount(NamedTuple):
    """A mounted hierarchy: its controllers (none in version 2), the cgroup at its top, and where that is seen."""

    controllers: frozenset[str]
    top: PurePosixPath
    folder: Path


def cpu_quota(root: Path = SYSTEM) -> float | None:
    """Processors that the quota allows, such as 1.5: the lowest on the way up; None without a quota."""
    quotas = [quota for folder in folders("cpu", root) if (quota := _quota_of(folder)) is not None]
    return min(quotas, default=None)


def _quota_of(folder: Path) -> float | None:
    limit, _, period = (read_text(folder / "cpu.max") or "").partition(" ")
    if limit.isdigit():
        return int(limit) / int(period or 100_000)
    quota, period_us = read_number(folder / "cpu.cfs_quota_us"), read_number(folder / "cpu.cfs_period_us")
    return quota / period_us if quota and period_us and quota > 0 else None


def memory_limit(root: Path = SYSTEM) -> float | None:
    """Bytes of memory allowed: the lowest limit on the way up; None without a limit."""
    names = ("memory.max", "memory.limit_in_bytes")
    limits = (read_number(folder / name) for folder in folders("memory", root) for name in names)
    return min((limit for limit in limits if limit is not None and limit < NO_LIMIT), default=None)


def throttled_seconds(root: Path = SYSTEM) -> float | None:
    """Time for which quotas stopped this cgroup and those above it, since they exist; None if unknown."""
    tables = [table for folder in folders("cpu", root) if (table := read_table(folder / "cpu.stat"))]
    if not tables:
        return None
    return sum(table.get("throttled_usec", 0) / 1e6 + table.get("throttled_time", 0) / 1e9 for table in tables)


def folders(controller: str, root: Path = SYSTEM) -> list[Path]:
    """Folders of the cgroup of this process for a controller and of those above it, the innermost first."""
    paths = _paths_of_this_process(root)
    wanted = controller if controller in paths else UNIFIED
    if wanted not in paths:
        return []
    for mount in _mounts(root):
        if (wanted in mount.controllers or not (wanted or mount.controllers)) and mount.folder.is_dir():
            return list(_way_up(mount, paths[wanted]))
    return []


def _paths_of_this_process(root: Path) -> dict[str, PurePosixPath]:
    """Its cgroup by controller; that of version 2 under the empty name."""
    lines = (line.split(":", 2) for line in (read_text(root / "proc/self/cgroup") or "").splitlines())
    rows = [line for line in lines if len(line) == 3]
    return {name: PurePosixPath(path) for _, names, path in rows for name in names.split(",")}


def _mounts(root: Path) -> Iterator[CgroupMount]:
    for line in (read_text(root / "proc/self/mountinfo") or "").splitlines():
        place, _, kind = line.partition(" - ")
        fields, filesystem = place.split(), kind.split()
        if len(fields) < 5 or not filesystem or not filesystem[0].startswith("cgroup"):
            continue
        controllers = filesystem[-1].split(",") if filesystem[0] == "cgroup" else []
        yield CgroupMount(frozenset(controllers), PurePosixPath(fields[3]), root / fields[4].lstrip("/"))


def _way_up(mount: CgroupMount, path: PurePosixPath) -> Iterator[Path]:
    """Folders from the cgroup to the top of what is mounted; a container may see its top only."""
    inside = path.is_relative_to(mount.top) and ".." not in path.parts
    relative = path.relative_to(mount.top) if inside else PurePosixPath()
    for part in (relative, *relative.parents):
        if (mount.folder / part).is_dir():
            yield mount.folder / part

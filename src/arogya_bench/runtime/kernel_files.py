"""Short files of /proc and /sys, which a system may lack or keep to itself."""

from pathlib import Path

SYSTEM = Path("/")  # what `root` stands for outside of tests


def read_text(path: Path) -> str | None:
    """The stripped text of a file; None if it is missing or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\n\0 ")
    except OSError:
        return None


def read_number(path: Path) -> float | None:
    """The number in a file; None if the file is missing, may not be read, or holds something else."""
    try:
        return float(read_text(path) or "")
    except ValueError:
        return None


def read_table(path: Path) -> dict[str, int]:
    """Lines of a name and a whole number, such as ``throttled_usec 12``; empty if there is no such file."""
    rows = (line.split() for line in (read_text(path) or "").splitlines())
    return {row[0].rstrip(":"): int(row[1]) for row in rows if len(row) >= 2 and row[1].isdigit()}

"""Paths that begin with ``~``."""

from pathlib import Path


def expand_home(path: str | Path) -> Path:
    """Replace a leading ``~`` or ``~user`` by the home folder; a name such as ``~old`` of no user stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # there is no such user
        return Path(path)

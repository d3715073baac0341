"""Downloads the public sets that need no account, and checks them against published checksums."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from arogya_bench.datasets.medmnist_files import (
    CITATION,
    FILES,
    HOMEPAGE,
    PUBLISHED,
    SIZES,
    UNSUPPORTED,
    PublishedFiles,
    file_name,
)
from arogya_bench.datasets.resuming import Download, arrived
from arogya_bench.errors import ConfigError, DatasetError, nearest
from arogya_bench.runtime.console import say

VARIABLE = "AROGYA_MEDMNIST_URL"  # another place of the files, such as a mirror in a hospital
PAUSES = (1.0, 4.0, 15.0)  # seconds


def fetch(
    name: str,
    to: Path,
    *,
    size: int = 28,
    base_url: str | None = None,
    pauses: Sequence[float] = PAUSES,
) -> Path:
    """Download a 2-D set of MedMNIST, unless it is there; a broken download goes on.

    Args:
        name: Such as ``pneumoniamnist``.
        to: Folder of the file; made if it is not there.
        size: Pixels of a side: 28, 64, 128 or 224.
        base_url: The folder of the files on another server; by default ``$AROGYA_MEDMNIST_URL``,
            else that of the authors.
        pauses: Seconds between attempts; after the last the download has failed.

    Returns:
        The file, whose md5 is the published one.

    Raises:
        ConfigError: If there is no such set or size, or the address is none.
        DatasetError: If the file cannot be had or written, or is not the published one.
    """
    published = _published(name, size)
    url = _address(base_url or os.environ.get(VARIABLE) or FILES, file_name(name, size))
    goal = to.expanduser().absolute() / file_name(name, size)
    md5 = published.md5[size]
    if goal.exists():
        _require_published(goal, md5)
        return goal
    say(f"{published.title}: {published.licence}. Cite {CITATION}")
    say(f"Cite its own source too, see {HOMEPAGE}. Fetching {url}")
    with _room(goal) as room:
        download = Download(folder=room, pauses=pauses, by_hand=_by_hand(url, goal, md5))
        _retrieve(url, goal, md5, download)
    return goal


def _published(name: str, size: int) -> PublishedFiles:
    if name in UNSUPPORTED:
        raise ConfigError(
            f"{name} is not supported: {UNSUPPORTED[name]}.",
            fix=f"choose one of {', '.join(PUBLISHED)}",
        )
    if name not in PUBLISHED:
        raise ConfigError(
            f"MedMNIST has no set {name!r}.{nearest(name, (*PUBLISHED, *UNSUPPORTED))}",
            fix=f"choose one of {', '.join(PUBLISHED)}",
        )
    if size not in SIZES:
        raise ConfigError(
            f"{name} is not published with {size} pixels a side.",
            fix=f"choose size={', '.join(map(str, SIZES[:-1]))} or {SIZES[-1]}",
        )
    return PUBLISHED[name]


def _address(base: str, file: str) -> str:
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"{base!r} is no address of a folder on a server.",
            fix=f"give one such as {FILES}, or unset {VARIABLE}",
        )
    return f"{base.rstrip('/')}/{file}?download=1"


def _by_hand(url: str, goal: Path, md5: str) -> str:
    return (
        f"get {url} with a browser, put it at {goal} and run the same command again: it checks "
        f"the md5 {md5}; or name a mirror in the variable {VARIABLE}"
    )


def _require_published(file: Path, md5: str) -> None:
    from pooch import file_hash

    try:
        found = str(file_hash(str(file), alg="md5"))
    except OSError as error:
        raise DatasetError(
            f"{file} cannot be read: {error.strerror}.", fix="move it away, and run again"
        ) from error
    if found != md5:
        raise DatasetError(
            f"{file} is there, but it is not the published file: expected the md5 {md5}, found "
            f"{found}. It was left as it is.",
            fix="move it away, or fetch to another folder",
        )


@contextmanager
def _room(goal: Path) -> Iterator[Path]:
    """Make the folder of a download for one process at a time; it stays if it holds a part.

    Raises:
        DatasetError: If it cannot be written, or another process is in there.
    """
    room = goal.with_name(f".{goal.name}.part")
    try:
        room.mkdir(parents=True, exist_ok=True)
        with FileLock(room / "lock", blocking=False):
            try:
                yield room
            finally:
                if not arrived(room):  # all of it is at its goal, or nothing is worth keeping
                    rmtree(room)
    except Timeout as error:
        raise DatasetError(
            f"Another process is fetching {goal}.", fix="wait until it is done, and run again"
        ) from error
    except OSError as error:
        raise DatasetError(
            f"{goal} cannot be written: {error.strerror or error}.",
            fix="make room, or fetch to a folder that you may write to; then run again: what "
            "arrived is kept",
        ) from error


def _retrieve(url: str, goal: Path, md5: str, download: Download) -> None:
    import pooch

    pooch.get_logger().setLevel("WARNING")  # the place that it would name is not the final one
    try:
        whole = pooch.retrieve(
            url, known_hash=f"md5:{md5}", fname=goal.name, path=download.folder, downloader=download
        )
    except ValueError as error:  # the downloader raises none: this is the checksum
        raise DatasetError(
            f"{url} is not the published file. {error}",
            fix="run again; if it stays so, a proxy or a login page may have answered, or the "
            f"mirror is out of date: {download.by_hand}",
        ) from error
    Path(whole).replace(goal)

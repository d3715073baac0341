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
    FILES_URL,
    HOMEPAGE,
    PUBLISHED,
    SIZES,
    UNSUPPORTED,
    PublishedFiles,
    file_name,
)
from arogya_bench.datasets.resuming import Download, arrived
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.runtime.console import echo

URL_VARIABLE = "AROGYA_MEDMNIST_URL"  # another place of the files, such as a mirror in a hospital
RETRY_DELAYS_S = (1.0, 4.0, 15.0)  # seconds


def fetch(
    name: str,
    folder: Path,
    *,
    size: int = 28,
    base_url: str | None = None,
    retry_delays_s: Sequence[float] = RETRY_DELAYS_S,
) -> Path:
    """Download a 2-D set of MedMNIST, unless it is there; a broken download goes on.

    Args:
        name: Such as ``pneumoniamnist``.
        folder: Folder of the file; made if it is not there.
        size: Pixels of a side: 28, 64, 128 or 224.
        base_url: The folder of the files on another server; by default ``$AROGYA_MEDMNIST_URL``,
            else that of the authors.
        retry_delays_s: Seconds between attempts; after the last the download has failed.

    Returns:
        The file, whose md5 is the published one.

    Raises:
        ConfigError: If there is no such set or size, or the address is none.
        DatasetError: If the file cannot be had or written, or is not the published one.
    """
    published = _find_published_files(name, size)
    url = _build_url(base_url or os.environ.get(URL_VARIABLE) or FILES_URL, file_name(name, size))
    goal = folder.expanduser().absolute() / file_name(name, size)
    md5 = published.md5[size]
    if goal.exists():
        _check_md5(goal, md5)
        return goal
    echo(f"{published.title}: {published.licence}. Cite {CITATION}")
    echo(f"Cite its own source too, see {HOMEPAGE}. Fetching {url}")
    with _lock_download_folder(goal) as room:
        download = Download(
            folder=room, pauses=retry_delays_s, by_hand=_manual_instructions(url, goal, md5)
        )
        _retrieve(url, goal, md5, download)
    return goal


def _find_published_files(name: str, size: int) -> PublishedFiles:
    if name in UNSUPPORTED:
        raise ConfigError(
            f"{name} is not supported: {UNSUPPORTED[name]}.",
            fix=f"choose one of {', '.join(PUBLISHED)}",
        )
    if name not in PUBLISHED:
        raise ConfigError(
            f"MedMNIST has no set {name!r}.{did_you_mean(name, (*PUBLISHED, *UNSUPPORTED))}",
            fix=f"choose one of {', '.join(PUBLISHED)}",
        )
    if size not in SIZES:
        raise ConfigError(
            f"{name} is not published with {size} pixels a side.",
            fix=f"choose size={', '.join(map(str, SIZES[:-1]))} or {SIZES[-1]}",
        )
    return PUBLISHED[name]


def _build_url(base: str, file: str) -> str:
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"{base!r} is no address of a folder on a server.",
            fix=f"give one such as {FILES_URL}, or unset {URL_VARIABLE}",
        )
    return f"{base.rstrip('/')}/{file}?download=1"


def _manual_instructions(url: str, goal: Path, md5: str) -> str:
    return (
        f"get {url} with a browser, put it at {goal} and run the same command again: it checks "
        f"the md5 {md5}; or name a mirror in the variable {URL_VARIABLE}"
    )


def _check_md5(file: Path, md5: str) -> None:
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
def _lock_download_folder(goal: Path) -> Iterator[Path]:
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

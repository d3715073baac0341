"""Download public datasets that need no account and verify their published checksums."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
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
from arogya_bench.datasets.resumable_download import ResumableDownload
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.home_folder import expand_home

URL_VARIABLE = "AROGYA_MEDMNIST_URL"  # base URL of a mirror
RETRY_DELAYS_S = (1.0, 4.0, 15.0)


def fetch(
    name: str,
    folder: Path,
    *,
    size: int = 28,
    base_url: str | None = None,
    retry_delays_s: Sequence[float] = RETRY_DELAYS_S,
) -> Path:
    """Download a 2-D dataset of MedMNIST unless it exists; an interrupted download resumes.

    Args:
        name: Name of the dataset, such as ``pneumoniamnist``.
        folder: Target folder; created if needed.
        size: Width and height of the images: 28, 64, 128 or 224 pixels.
        base_url: URL of the folder with the files; by default ``$AROGYA_MEDMNIST_URL``, else Zenodo.
        retry_delays_s: Seconds between attempts; the download fails after the last one.

    Returns:
        The file, whose MD5 is the published one.
    """
    published = _find_dataset(name, size)
    url = _build_url(base_url or os.environ.get(URL_VARIABLE) or FILES_URL, file_name(name, size))
    target = expand_home(folder).absolute() / file_name(name, size)
    md5 = published.md5[size]
    if target.exists():
        _check_md5(target, md5)
        return target
    echo(f"{published.title}: {published.licence}. Cite {CITATION}")
    echo(f"Also cite the source of the images, see {HOMEPAGE}. Downloading {url}")
    with _lock_download_folder(target) as work_folder:
        download = ResumableDownload(partial=work_folder / "bytes", retry_delays_s=retry_delays_s)
        try:
            _retrieve(url, target, md5, download)
        finally:
            if not download.received_bytes:
                rmtree(work_folder)
    return target


def _find_dataset(name: str, size: int) -> PublishedFiles:
    if name in UNSUPPORTED:
        raise ConfigError(f"{name} is not supported: {UNSUPPORTED[name]}.", fix=f"choose one of {', '.join(PUBLISHED)}")
    if name not in PUBLISHED:
        raise ConfigError(
            f"MedMNIST has no dataset {name!r}.{did_you_mean(name, (*PUBLISHED, *UNSUPPORTED))}",
            fix=f"choose one of {', '.join(PUBLISHED)}",
        )
    if size not in SIZES:
        raise ConfigError(
            f"{name} is not published at {size} x {size} pixels.",
            fix=f"choose size={', '.join(map(str, SIZES[:-1]))} or {SIZES[-1]}",
        )
    return PUBLISHED[name]


def _build_url(base: str, file: str) -> str:
    url = urlsplit(base)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ConfigError(
            f"{base!r} is not the URL of a folder on a server.",
            fix=f"use a URL such as {FILES_URL}, or unset {URL_VARIABLE}",
        )
    return f"{base.rstrip('/')}/{file}?download=1"


def _check_md5(file: Path, md5: str) -> None:
    from pooch import file_hash

    try:
        actual = str(file_hash(str(file), alg="md5"))
    except OSError as error:
        raise DatasetError(f"{file} cannot be read: {error.strerror}.", fix="move it away and run again") from error
    if actual != md5:
        raise DatasetError(
            f"{file} exists but is not the published file: expected the MD5 {md5}, found "
            f"{actual}. It was left unchanged.",
            fix="move it away, or download to another folder",
        )


@contextmanager
def _lock_download_folder(target: Path) -> Iterator[Path]:
    """Create the folder for the partial file and lock it."""
    work_folder = target.with_name(f".{target.name}.part")
    try:
        work_folder.mkdir(parents=True, exist_ok=True)
        with FileLock(work_folder / "lock", blocking=False):
            yield work_folder
    except Timeout as error:
        raise DatasetError(
            f"Another process is downloading {target}.", fix="wait until it is done and run again"
        ) from error
    except OSError as error:
        raise DatasetError(
            f"{target} cannot be written: {error.strerror or error}.",
            fix="free some space, or download to a writable folder; then run again: the bytes received so far are kept",
        ) from error


def _retrieve(url: str, target: Path, md5: str, download: ResumableDownload) -> None:
    import pooch
    from requests import RequestException

    manual = (
        f"open {url} in a browser, save it as {target} and run the same command again, which "
        f"verifies the MD5 {md5}; or set the variable {URL_VARIABLE} to a mirror"
    )
    pooch.get_logger().setLevel("WARNING")  # it would name the temporary folder
    retrieve = partial(
        pooch.retrieve,
        url,
        known_hash=f"md5:{md5}",
        fname=target.name,
        path=download.partial.parent,
        downloader=download,
    )
    resumed = download.received_bytes > 0
    try:
        try:
            complete = retrieve()
        except ValueError:  # wrong checksum: the partial file may be of another version
            if not resumed:
                raise
            complete = retrieve()
    except RequestException as error:
        raise _download_error(url, error, download, manual) from error
    except ValueError as error:
        raise DatasetError(
            f"{url} is not the published file. {error}",
            fix="run again; if it happens again, a proxy or a login page may have responded, or "
            f"the mirror is out of date: {manual}",
        ) from error
    Path(complete).replace(target)


def _download_error(url: str, error: Exception, download: ResumableDownload, manual: str) -> DatasetError:
    response = getattr(error, "response", None)
    if response is None:
        reason = _innermost_reason(error)
    else:
        reason = f"the server returned {response.status_code} {response.reason}"
    if download.received_bytes:
        return DatasetError(
            f"{url} stopped after {download.received_bytes / 1e6:,.1f} MB: {reason}.",
            fix=f"run the same command again: it resumes from the bytes kept in {download.partial.parent}",
        )
    return DatasetError(f"{url} cannot be downloaded: {reason}.", fix=manual)


def _innermost_reason(error: BaseException) -> str:
    """The message of the first cause; those of the wrapping errors repeat the URL."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    message = getattr(error, "strerror", None) or str(error)
    return message.rstrip(".") or type(error).__name__

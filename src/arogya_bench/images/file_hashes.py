"""The hashes of many files, computed once: a file is read again only after it changed."""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from arogya_bench.errors import DatasetError
from arogya_bench.runtime import cache
from arogya_bench.runtime.atomic_write import atomic_write
from arogya_bench.runtime.console import track

INDEX_FOLDER = "contents"  # below that of the cache
BATCH_SIZE = 32  # files that one thread takes
MAX_WHOLE_READ_BYTES = 2**24  # bytes
MAX_THREADS = 8
# A file may change again within one tick of the clock of its disk; FAT counts every 2 s.
MTIME_RESOLUTION_NS = 2_000_000_000


class FileStamp(NamedTuple):
    """What the system says of a file; another content has another stamp.

    Attributes:
        size: In bytes.
        mtime_ns: In ns since 1970; a tool may set it back.
        ctime_ns: In ns since 1970; no tool can.
    """

    size: int
    mtime_ns: int
    ctime_ns: int


class HashEntry(NamedTuple):
    """What is remembered of a file.

    Attributes:
        size: See ``FileStamp``; so ``mtime_ns`` and ``ctime_ns``.
        sha256: sha256 of the file.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str


_STAMPS_WHEN_HASHED: dict[Path, FileStamp] = {}  # files as this process knows their content


def hash_files(folder: Path, files: Sequence[PurePosixPath]) -> dict[PurePosixPath, str]:
    """Hash files, or remember what they hashed to when they last changed.

    Args:
        folder: Of the dataset.
        files: Below it.

    Returns:
        File to the 64 hexadecimal characters of its sha256.

    Raises:
        DatasetError: If a file cannot be read.
    """
    index = index_path(folder)
    known = _load_index(index)
    keys = {file: _key(file) for file in files}
    fresh: dict[str, HashEntry] = {}
    unknown = [file for file in files if _needs_hashing(folder / file, known.get(keys[file]))]

    def hash_batch(part: Sequence[PurePosixPath]) -> None:
        for file in part:
            fresh[keys[file]] = _hash_file(folder, file)

    pool = ThreadPoolExecutor(min(MAX_THREADS, 2 * (os.cpu_count() or 1)))
    try:
        # Several at a time: handing over one small file costs as much as reading it.
        parts = [
            unknown[start : start + BATCH_SIZE] for start in range(0, len(unknown), BATCH_SIZE)
        ]
        for _ in track(pool.map(hash_batch, parts), "reading the images", len(parts)):
            pass
    finally:
        # Whoever interrupts the first reading of a large set keeps what was read.
        pool.shutdown(cancel_futures=True)
        if fresh:
            _save_index(index, {**known, **fresh})
    both = {**known, **fresh}
    _STAMPS_WHEN_HASHED.update({folder / file: FileStamp(*both[keys[file]][:3]) for file in files})
    return {file: both[keys[file]].sha256 for file in files}


def fingerprint(file: Path) -> FileStamp | None:
    """Say what a file is now; None if it cannot be looked at."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return FileStamp(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def fingerprints(files: Iterable[Path]) -> dict[Path, FileStamp | None]:
    """Say what files were when this process hashed them, or else what they are now."""
    return {file: _STAMPS_WHEN_HASHED.get(file) or fingerprint(file) for file in files}


def modified(before: Mapping[Path, FileStamp | None]) -> list[Path]:
    """Name the files that are not what they were, going by their stamps."""
    return [file for file, own in before.items() if own is None or fingerprint(file) != own]


def index_path(folder: Path) -> Path:
    """Where the hashes of a folder are remembered; names of files do not stand in it."""
    name = hashlib.sha256(str(folder.absolute()).encode(errors="surrogateescape")).hexdigest()
    return cache.cache_root(None) / INDEX_FOLDER / f"{name[:32]}.json"


def _key(file: PurePosixPath) -> str:
    return hashlib.sha256(str(file).encode(errors="surrogateescape")).hexdigest()[:32]


def _needs_hashing(path: Path, entry: HashEntry | None) -> bool:
    if entry is None:
        return True
    now = fingerprint(path)
    if now is None:
        return True  # and the reading of it says why
    settled = time.time_ns() - now.mtime_ns > MTIME_RESOLUTION_NS
    return not settled or entry[:3] != now


def _hash_file(folder: Path, file: PurePosixPath) -> HashEntry:
    try:
        with (folder / file).open("rb") as stream:
            stat = os.fstat(stream.fileno())
            # At once where it fits: a buffer for each small file takes longer than its hash.
            small = stat.st_size < MAX_WHOLE_READ_BYTES
            digest = (
                hashlib.sha256(stream.read()) if small else hashlib.file_digest(stream, "sha256")
            )
            content = digest.hexdigest()
    except OSError as error:
        raise DatasetError(
            f"The file {file} cannot be read: {error.strerror or error}.",
            fix="unpack it again, and see that you may read it",
        ) from error
    return HashEntry(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, content)


def _load_index(index: Path) -> dict[str, HashEntry]:
    """An index that is missing, damaged or not ours remembers nothing."""
    try:
        digest, _, text = index.read_text(encoding="ascii").partition("\n")
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            return {}
        return {key: HashEntry(*entry) for key, entry in json.loads(text).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _save_index(index: Path, entries: Mapping[str, HashEntry]) -> None:
    text = json.dumps(entries)
    content = f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}"
    # A cache that cannot be written only slows down the next load.
    with suppress(OSError), atomic_write(index) as partial:
        partial.write_text(content, encoding="ascii")

"""Hash files, with a cache: a file is read again only after it changed."""

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
from arogya_bench.runtime.progress import track

INDEX_FOLDER = "contents"  # in the cache folder
BATCH_SIZE = 32  # files per task of a thread
MAX_WHOLE_READ_BYTES = 2**24
MAX_THREADS = 8
# A file may change twice within the resolution of its timestamp; that of FAT is 2 s.
MTIME_RESOLUTION_NS = 2_000_000_000


class FileStamp(NamedTuple):
    """Size in bytes and times in ns since 1970, which change with the content; tools cannot reset the ctime."""

    size: int
    mtime_ns: int
    ctime_ns: int


class HashEntry(NamedTuple):
    """A ``FileStamp`` and the SHA-256 of the file at that time."""

    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str


_STAMPS_WHEN_HASHED: dict[Path, FileStamp] = {}  # stamps of the files hashed by this process


def hash_files(folder: Path, files: Sequence[PurePosixPath]) -> dict[PurePosixPath, str]:
    """Return the SHA-256 of each file of a folder; only new and changed files are read."""
    index = index_path(folder)
    known = _load_index(index)
    keys = {file: _key(file) for file in files}
    fresh: dict[str, HashEntry] = {}
    unknown = [file for file in files if _needs_hashing(folder / file, known.get(keys[file]))]

    def hash_batch(batch: Sequence[PurePosixPath]) -> None:
        for file in batch:
            fresh[keys[file]] = _hash_file(folder, file)

    pool = ThreadPoolExecutor(min(MAX_THREADS, 2 * (os.cpu_count() or 1)))
    try:
        # In batches: scheduling a small file costs as much as reading it.
        batches = [unknown[start : start + BATCH_SIZE] for start in range(0, len(unknown), BATCH_SIZE)]
        for _ in track(pool.map(hash_batch, batches), "reading the images", len(batches)):
            pass
    finally:
        # An interrupted first run over a large dataset keeps its progress.
        pool.shutdown(cancel_futures=True)
        entries = {**known, **fresh}
        if fresh:
            _save_index(index, entries)
    _STAMPS_WHEN_HASHED.update({folder / file: FileStamp(*entries[keys[file]][:3]) for file in files})
    return {file: entries[keys[file]].sha256 for file in files}


def digest_records(records: Iterable[object]) -> str:
    """Hash records that JSON can hold, in their order; 32 hexadecimal characters."""
    text = "\n".join(json.dumps(record, sort_keys=True) for record in records)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def fingerprint(file: Path) -> FileStamp | None:
    """Return the current stamp of a file; None if it is not accessible."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return FileStamp(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def fingerprints(files: Iterable[Path]) -> dict[Path, FileStamp | None]:
    """Return the stamps from when this process hashed the files, else the current ones."""
    return {file: _STAMPS_WHEN_HASHED.get(file) or fingerprint(file) for file in files}


def modified_files(before: Mapping[Path, FileStamp | None]) -> list[Path]:
    """List the files whose stamps have changed."""
    return [file for file, stamp in before.items() if stamp is None or fingerprint(file) != stamp]


def index_path(folder: Path) -> Path:
    """Path of the cached hashes of a folder; the cache contains no file names."""
    name = hashlib.sha256(str(folder.absolute()).encode(errors="surrogateescape")).hexdigest()
    return cache.cache_root(None) / INDEX_FOLDER / f"{name[:32]}.json"


def _key(file: PurePosixPath) -> str:
    return hashlib.sha256(str(file).encode(errors="surrogateescape")).hexdigest()[:32]


def _needs_hashing(path: Path, entry: HashEntry | None) -> bool:
    if entry is None:
        return True
    now = fingerprint(path)
    # An inaccessible file is read, which raises the error.
    return now is None or time.time_ns() - now.mtime_ns <= MTIME_RESOLUTION_NS or entry[:3] != now


def _hash_file(folder: Path, file: PurePosixPath) -> HashEntry:
    try:
        with (folder / file).open("rb") as stream:
            stat = os.fstat(stream.fileno())
            # Small files are read at once: allocating a buffer would take longer than hashing.
            small = stat.st_size < MAX_WHOLE_READ_BYTES
            digest = hashlib.sha256(stream.read()) if small else hashlib.file_digest(stream, "sha256")
            content = digest.hexdigest()
    except OSError as error:
        raise DatasetError(
            f"The file {file} cannot be read: {error.strerror or error}.",
            fix="unpack it again and check its permissions",
        ) from error
    return HashEntry(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, content)


def _load_index(index: Path) -> dict[str, HashEntry]:
    """Load the index; empty if it is missing or damaged."""
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

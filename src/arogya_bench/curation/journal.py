"""The journal of a curated folder: one record per finished case, so that a killed run resumes."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from arogya_bench.errors import DatasetError
from arogya_bench.runtime.atomic_write import atomic_write

JOURNAL_FILE = "journal.jsonl"
PARTIAL_PREFIX = ".partial-"
JOURNAL_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class CaseRecord:
    """The outcome of one case.

    Attributes:
        case_id: Pseudonym of the case.
        source: Keyed digest of its source files and of the options that affect the result.
        files: SHA-256 of each written file by its name relative to the folder; the image first.
        removed: Number of removed metadata items by kind.
        width: Width of the stored original in pixels, likewise ``height``; 0 if unknown.
        orientation: EXIF orientation of the original, 1 to 8.
        text_rows: Number of rows of marks that look like text; None if not searched.
        lines_read: Number of lines that OCR recognised; None if not searched.
        flags: Reasons to review the case.
        reason: Reason for quarantine; None if the case was written.
    """

    case_id: str
    source: str
    files: Mapping[str, str] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    width: int = 0
    height: int = 0
    orientation: int = 1
    text_rows: int | None = None
    lines_read: int | None = None
    flags: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def json_line(self) -> str:
        """The record as a line of the journal."""
        return f"{json.dumps(vars(self), sort_keys=True)}\n"


class Journal:
    """The records of one folder, in the order in which they were written."""

    def __init__(self, folder: Path, key: str) -> None:
        """Read the records of earlier runs, except for an incomplete last line; ``key`` identifies the secret.

        Raises:
            DatasetError: If the folder holds other files, or was curated with another secret.
        """
        self._file = folder / JOURNAL_FILE
        self._header = json.dumps({"curation": JOURNAL_FORMAT, "key": key})
        self.records = dict(_read_records(folder, self._header))

    def add(self, records: Iterable[CaseRecord]) -> None:
        """Append the records of cases whose files are complete."""
        changed = [record for record in records if self.records.get(record.case_id) is not record]
        if changed:
            self.records |= {record.case_id: record for record in changed}
            with self._file.open("a", encoding="utf-8") as stream:
                stream.writelines(record.json_line for record in changed)

    def begin(self) -> None:
        """Write the header and the complete lines, so that records can be appended."""
        self._write(self.records)

    def finish(self, case_ids: Iterable[str]) -> None:
        """Keep only the records of these cases, sorted by id."""
        self._write(sorted(case_ids))

    def _write(self, case_ids: Iterable[str]) -> None:
        lines = (self.records[case_id].json_line for case_id in case_ids)
        write_if_changed(self._file, "".join([f"{self._header}\n", *lines]).encode())


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a folder against other runs; the lock ends with the process.

    Raises:
        DatasetError: If another run holds the lock, or the folder cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise DatasetError(
            f"The folder {folder} cannot be created or read: {error.strerror}.",
            fix="name a folder where you have write permission",
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise DatasetError(
            f"Another process is writing to {folder}.", fix="wait until it has finished, or name another folder"
        ) from error
    finally:
        os.close(handle)


def write_if_changed(file: Path, content: bytes) -> None:
    """Write a file atomically, unless it already has this content."""
    if not file.exists() or file.read_bytes() != content:
        write_atomically(file, content)


def write_atomically(file: Path, content: bytes) -> None:
    """Write a file through a partial one with a known prefix, which a later run deletes."""
    with atomic_write(file, prefix=PARTIAL_PREFIX) as partial:
        partial.write_bytes(content)


def sha256_hex(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_intact(folder: Path, record: CaseRecord) -> bool:
    """Whether the files of a record exist unchanged."""
    try:
        return all(sha256_hex((folder / name).read_bytes()) == digest for name, digest in record.files.items())
    except OSError:
        return False


def _read_records(folder: Path, header: str) -> Iterator[tuple[str, CaseRecord]]:
    try:
        lines = (folder / JOURNAL_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    except (OSError, UnicodeDecodeError) as error:
        raise _foreign_journal_error(folder) from error
    if not lines:
        _check_empty(folder)
        return
    if lines[0] != header:
        raise _foreign_journal_error(folder)
    for line in lines[1:]:
        record = _parse_record(line)
        if record:
            yield record.case_id, record


def _parse_record(line: str) -> CaseRecord | None:
    """Parse a line of the journal; None if incomplete: its case is curated again."""
    try:
        values = json.loads(line)
        return CaseRecord(**{**values, "flags": tuple(values["flags"])})
    except (ValueError, TypeError, KeyError):
        return None


def _check_empty(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir() if path.name != JOURNAL_FILE)
    others = [name for name in names if not name.startswith(PARTIAL_PREFIX)]
    if others:
        raise DatasetError(
            f"The folder {folder} holds files that were not curated there, such as {others[0]}.",
            fix="name a new folder, or an empty one",
        )


def _foreign_journal_error(folder: Path) -> DatasetError:
    return DatasetError(
        f"The folder {folder} was curated with another secret or by another version.",
        fix="use the secret of the first run, or name a new folder: pseudonyms of two secrets must not be mixed",
    )

"""What was done to each case, written down as it is done, so that the next run goes on."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from arogya_bench.errors import DatasetError

JOURNAL_FILE = "journal.jsonl"
PARTIAL_PREFIX = ".partial-"
JOURNAL_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Record:
    """What was done to one case.

    Attributes:
        case_id: Its pseudonym.
        source: Keyed digest of its source files, and of what else decides the result.
        files: Name below the folder to sha256 of what was written; the image first.
        removed: What the files do not hold any more, by kind, and how often.
        width: Of the stored original in pixels; so ``height``. 0 where nobody asked.
        orientation: 1 to 8: how the original was turned.
        text_rows: Rows of marks that look like text; None if nobody looked.
        lines_read: Lines that OCR recognised; None if nobody looked.
        flags: What a person should look at.
        reason: Why the case is quarantined; None if it is not.
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
        """As it stands in the journal."""
        return json.dumps(vars(self), sort_keys=True)


class Journal:
    """The records of one folder, in the order in which they were made."""

    def __init__(self, folder: Path, key: str) -> None:
        """Read what earlier runs left, and leave out a line that a kill cut off.

        Args:
            folder: Of the curated data.
            key: Tells secrets apart.

        Raises:
            DatasetError: If the folder holds something else, or was made with another secret.
        """
        self._file = folder / JOURNAL_FILE
        self._head = json.dumps({"curation": JOURNAL_FORMAT, "key": key})
        self.records = dict(_read_records(folder, self._head))
        self._lines = {name: record.json_line for name, record in self.records.items()}

    def add(self, records: Iterable[Record]) -> None:
        """Note that cases are finished; their files are complete."""
        fresh = [record for record in records if self.records.get(record.case_id) is not record]
        lines = {record.case_id: record.json_line for record in fresh}
        if fresh:
            self.records |= {record.case_id: record for record in fresh}
            self._lines |= lines
            with self._file.open("a", encoding="utf-8") as stream:
                stream.writelines(f"{line}\n" for line in lines.values())

    def begin(self) -> None:
        """Leave a journal that new lines can be added to."""
        text = self._render(self.records)
        if not _has_text(self._file, text):
            write_if_changed(self._file, text.encode())

    def finish(self, case_ids: Iterable[str]) -> None:
        """Keep the records of these cases only, in the order of their ids."""
        write_if_changed(self._file, self._render(sorted(case_ids)).encode())

    def _render(self, case_ids: Iterable[str]) -> str:
        return "".join(f"{line}\n" for line in (self._head, *(self._lines[c] for c in case_ids)))


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; a dead process lets go by itself.

    Raises:
        DatasetError: If another run is at work there, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise DatasetError(
            f"The folder {folder} cannot be made or read: {error.strerror}.",
            fix="name a new folder where you may write",
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise DatasetError(
            f"Another run curates into {folder} at this moment.",
            fix="wait until it has finished, or name another folder",
        ) from error
    finally:
        os.close(handle)


def write_if_changed(file: Path, content: bytes) -> bool:
    """Write a file that appears as a whole, unless it is there with this content already.

    Returns:
        Whether it was written.
    """
    try:
        if file.read_bytes() == content:
            return False
    except FileNotFoundError:
        pass
    write_atomically(file, content)
    return True


def write_atomically(file: Path, content: bytes) -> None:
    """Write a file that appears as a whole."""
    whole = str(file)
    # Not by way of Path and open: this is done for every image, and costs half as much so.
    partial = f"{whole[: whole.rindex(os.sep) + 1]}{PARTIAL_PREFIX}{os.urandom(16).hex()}"
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)
    os.replace(partial, whole)  # noqa: PTH105


def sha256_hex(content: bytes) -> str:
    """The sha256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_intact(folder: Path, record: Record) -> bool:
    """Whether the files of a record are there, as they were written."""
    try:
        return all(
            sha256_hex((folder / name).read_bytes()) == d for name, d in record.files.items()
        )
    except OSError:
        return False


def _read_records(folder: Path, head: str) -> Iterator[tuple[str, Record]]:
    try:
        lines = (folder / JOURNAL_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    except (OSError, UnicodeDecodeError) as error:
        raise _foreign_journal_error(folder) from error
    if not lines:
        _require_empty(folder)
        return
    if lines[0] != head:
        raise _foreign_journal_error(folder)
    for line in lines[1:]:
        record = _parse_record(line)
        if record:
            yield record.case_id, record


def _parse_record(line: str) -> Record | None:
    """A line of the journal; None for one that was cut off: its case is done again."""
    try:
        values = json.loads(line)
        return Record(**{**values, "flags": tuple(values["flags"])})
    except (ValueError, TypeError, KeyError):
        return None


def _require_empty(folder: Path) -> None:
    others = sorted(p.name for p in folder.iterdir() if not p.name.startswith(PARTIAL_PREFIX))
    others = [name for name in others if name != JOURNAL_FILE]
    if others:
        raise DatasetError(
            f"The folder {folder} holds files that were not curated there, such as {others[0]}.",
            fix="name a new folder, or an empty one",
        )


def _foreign_journal_error(folder: Path) -> DatasetError:
    return DatasetError(
        f"The folder {folder} was curated with another secret or by another version.",
        fix="use the secret of the first run, or name a new folder: ids under two secrets would "
        "mix",
    )


def _has_text(file: Path, text: str) -> bool:
    try:
        return file.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False

"""Downloads one file over HTTP, and goes on where an earlier attempt stopped."""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from arogya_bench.errors import DatasetError
from arogya_bench.runtime.console import stderr_console

if TYPE_CHECKING:
    from requests import Response

BYTES = "bytes"  # the file of what arrived
BLOCK = 1 << 16  # bytes that are written at once
PATIENCE_S = (10.0, 60.0)  # for a connection, and for the next bytes
OK, PARTIAL, RANGE_REFUSED, BUSY, BROKEN = 200, 206, 416, 429, 500


class _Cut(Exception):
    """An attempt that may go better next time; its message is the reason."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """A downloader as pooch takes it; what arrived is kept in a folder until it is complete.

    Attributes:
        folder: Holds ``bytes`` (what arrived) and ``version`` (of which file on the server).
        pauses: Seconds between attempts; that many attempts in a row may bring nothing new.
        by_hand: What a person can do instead, for the advice.
    """

    folder: Path
    pauses: Sequence[float]
    by_hand: str

    def __call__(self, url: str, output_file: str, _: object) -> None:
        """Fetch ``url`` and move it to ``output_file``.

        Raises:
            DatasetError: If the server refuses, is gone, or the disk is too small.
        """
        most, failures = self._arrived, 0
        while True:
            try:
                self._attempt(url)
            except _Cut as cut:
                if self._arrived > most:
                    most, failures = self._arrived, 0
                if failures == len(self.pauses):
                    self._give_up(url, str(cut))
                time.sleep(self.pauses[failures])
                failures += 1
            else:
                break
        self._bytes.replace(output_file)
        self._version.unlink(missing_ok=True)

    @property
    def _bytes(self) -> Path:
        return self.folder / BYTES

    @property
    def _version(self) -> Path:
        return self.folder / "version"

    @property
    def _arrived(self) -> int:
        return arrived(self.folder)

    def _attempt(self, url: str) -> None:
        import requests

        wanted = {"Accept-Encoding": "identity", **self._rest()}
        try:
            with requests.get(url, headers=wanted, stream=True, timeout=PATIENCE_S) as answer:
                if not self._is_complete(answer):
                    self._receive(answer)
        except requests.exceptions.ChunkedEncodingError as error:
            raise _Cut("the connection broke off") from error
        except requests.RequestException as error:
            raise _Cut(_reason(error)) from error

    def _rest(self) -> Mapping[str, str]:
        """Ask for what is missing, of the same version; without a version the checksum decides."""
        if not self._arrived:
            return {}
        version = self._version.read_text(encoding="latin-1") if self._version.exists() else ""
        rest = {"Range": f"bytes={self._arrived}-"}
        return {**rest, "If-Range": version} if version.isprintable() and version else rest

    def _is_complete(self, answer: "Response") -> bool:
        """Whether there is nothing left to receive.

        Raises:
            DatasetError: If the server refuses the file.
            _Cut: If it is busy, or sent something that does not fit what is here.
        """
        status = answer.status_code
        start, total = _span(answer)
        if status == OK or (status == PARTIAL and start == self._arrived):
            return False
        if status == RANGE_REFUSED and total == self._arrived > 0:
            return True
        if status in (RANGE_REFUSED, PARTIAL):
            self._bytes.unlink(missing_ok=True)
            raise _Cut("the server has another file than the one of which a part is here")
        if status == BUSY or status >= BROKEN:
            raise _Cut(f"the server answered {status} {answer.reason}")
        raise DatasetError(
            f"The server answered {status} {answer.reason} for {answer.url}", fix=self.by_hand
        )

    def _receive(self, answer: "Response") -> None:
        if answer.status_code == OK:
            self._bytes.write_bytes(b"")  # before the version: bytes never belong to another one
            self._version.write_text(_version(answer), encoding="latin-1")
        total = _total(answer)
        self._require_space(total)
        with self._bytes.open("ab") as file, _downloading(total, self._arrived) as advance:
            for block in answer.iter_content(BLOCK):
                file.write(block)
                advance(len(block))
        if total is not None and self._arrived != total:
            raise _Cut(f"{self._arrived:,} of {total:,} bytes arrived")

    def _require_space(self, total: int | None) -> None:
        missing = (total or 0) - self._arrived
        free = shutil.disk_usage(self.folder).free
        if missing > free:
            raise DatasetError(
                f"{missing / 1e6:,.1f} MB are missing, and the disk of {self.folder.parent} has "
                f"{free / 1e6:,.1f} MB left.",
                fix="make room, or fetch to a folder on another disk",
            )

    def _give_up(self, url: str, reason: str) -> NoReturn:
        if self._arrived:
            raise DatasetError(
                f"{url} stopped after {self._arrived / 1e6:,.1f} MB: {reason}.",
                fix="run the same command again: it goes on from there, since what arrived is "
                f"kept in {self.folder}",
            )
        raise DatasetError(f"{url} cannot be reached: {reason}.", fix=self.by_hand)


def arrived(folder: Path) -> int:
    """How many bytes of a download lie in its folder."""
    file = folder / BYTES
    return file.stat().st_size if file.exists() else 0


def _reason(error: BaseException) -> str:
    """The innermost cause; what is wrapped around it repeats the address."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    said = getattr(error, "strerror", None) or str(error)
    return said.rstrip(".") or type(error).__name__


def _version(answer: "Response") -> str:
    """What If-Range takes: a strong ETag, else the date; empty if the server names neither."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")


def _span(answer: "Response") -> tuple[int | None, int | None]:
    """First byte of a partial answer, and the size of the whole file, where they are stated."""
    stated = re.fullmatch(
        r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", answer.headers.get("Content-Range", "").strip()
    )
    if stated is None:
        return None, None
    first, total = stated.groups()
    return int(first) if first else None, int(total) if total != "*" else None


def _total(answer: "Response") -> int | None:
    """Bytes of the whole file; None if the server does not say, or packs what it sends."""
    if answer.status_code == PARTIAL:
        return _span(answer)[1]
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdigit() and "Content-Encoding" not in answer.headers else None


@contextmanager
def _downloading(total: int | None, arrived: int) -> Iterator[Callable[[int], None]]:
    """Show how many bytes arrived, where somebody can see it; gives what counts more of them."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, console=stderr_console, transient=True, disable=not stderr_console.is_terminal
    ) as bar:
        task = bar.add_task("", total=total, completed=arrived)
        yield lambda more: bar.advance(task, more)

"""A downloader for pooch that resumes partial files with HTTP range requests."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from arogya_bench.errors import DatasetError
from arogya_bench.runtime.progress import track

if TYPE_CHECKING:
    from requests import Response

BLOCK = 1 << 16  # bytes written at once
TIMEOUT_S = (10.0, 60.0)  # to connect, and between two blocks
PARTIAL, RANGE_NOT_SATISFIABLE = 206, 416  # HTTP status codes


@dataclass(frozen=True, kw_only=True)
class ResumableDownload:
    """Download one file; pooch's own downloader always starts from the first byte.

    Attributes:
        partial: The bytes received so far; kept when a download fails.
        retry_delays_s: Seconds between attempts. The count starts again after every attempt that received something.
    """

    partial: Path
    retry_delays_s: Sequence[float]

    @property
    def received_bytes(self) -> int:
        """Number of bytes received so far, in this or an earlier process."""
        return self.partial.stat().st_size if self.partial.exists() else 0

    def __call__(self, url: str, output_file: str, _: object) -> None:
        """Download ``url`` to ``output_file``, as pooch calls it.

        Raises:
            requests.RequestException: If the server refuses, or the last attempt failed.
            DatasetError: If the disk is too small.
        """
        from requests import HTTPError, RequestException

        most, failures = self.received_bytes, 0
        while True:
            try:
                self._receive(url)
                break
            except RequestException as error:
                if self.received_bytes > most:
                    most, failures = self.received_bytes, 0
                refused = isinstance(error, HTTPError) and _is_final(error.response)
                if refused or failures == len(self.retry_delays_s):
                    raise
                time.sleep(self.retry_delays_s[failures])
                failures += 1
        self.partial.replace(output_file)

    def _receive(self, url: str) -> None:
        import requests

        start = self.received_bytes
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            if response.status_code == RANGE_NOT_SATISFIABLE:
                return  # nothing is missing, or the file is another one: pooch's check decides
            response.raise_for_status()
            resumed = response.status_code == PARTIAL
            if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                self.partial.unlink()
                raise requests.ConnectionError("the server sent another range than requested")
            total = _total_bytes(response)
            self._check_space(total - start if resumed else total)
            blocks = track(response.iter_content(BLOCK), "downloading", -(-total // BLOCK))
            with self.partial.open("ab" if resumed else "wb") as file:
                file.writelines(blocks)
        if self.received_bytes < total:
            raise requests.ConnectionError(f"{self.received_bytes:,} of {total:,} bytes arrived")

    def _check_space(self, missing: int) -> None:
        free = shutil.disk_usage(self.partial.parent).free
        if missing > free:
            raise DatasetError(
                f"{missing / 1e6:,.1f} MB are missing, and the disk of {self.partial.parent.parent} "
                f"has {free / 1e6:,.1f} MB left.",
                fix="free some space, or download to a folder on another disk",
            )


def _is_final(response: "Response | None") -> bool:
    """Whether a server that answered with an error would answer the same again."""
    return response is not None and response.status_code < 500 and response.status_code != 429


def _total_bytes(response: "Response") -> int:
    """Size of the whole file; 0 if the server does not state it."""
    if response.status_code == PARTIAL:
        size = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        size = response.headers.get("Content-Length", "")
    return int(size) if size.isdigit() and "Content-Encoding" not in response.headers else 0

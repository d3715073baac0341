"""Pseudonyms derived from a secret: truncated HMAC-SHA256 in hexadecimal."""

import hmac
import os
import stat
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.runtime.home_folder import expand_home

SECRET_VARIABLE = "AROGYA_SECRET"
MIN_SECRET_BYTES = 16
ID_LENGTH = 20  # hexadecimal characters, 80 bits: two of a million ids collide with probability 4e-13
SECRET_COMMAND = 'python -c "import secrets; print(secrets.token_hex(32))"'


@dataclass(frozen=True, kw_only=True)
class Pseudonyms:
    """Derives pseudonyms from a secret; the same name always gets the same pseudonym.

    Attributes:
        secret: At least 16 bytes; never printed.
        length: Number of hexadecimal characters of a pseudonym.
    """

    secret: bytes = field(repr=False)
    length: int = ID_LENGTH

    def case(self, case_id: str) -> str:
        """Return the pseudonym of a case."""
        return self._hmac_hex("case", case_id)[: self.length]

    def group(self, group_id: str) -> str:
        """Return the pseudonym of a patient or lesion; differs from that of a case of the same name."""
        return self._hmac_hex("group", group_id)[: self.length]

    def content(self, digest: str) -> str:
        """Return a keyed digest, which cannot be compared with the digests of known files."""
        return self._hmac_hex("content", digest)

    def uid(self, uid: str) -> str:
        """Return a replacement DICOM UID, in the form derived from a UUID (PS3.5 B.2)."""
        return f"2.25.{uuid.UUID(hex=self._hmac_hex('uid', uid)[:32], version=4).int}"

    @property
    def check_value(self) -> str:
        """Identifies the secret without revealing it."""
        return self._hmac_hex("check", "")[: self.length]

    def _hmac_hex(self, domain: str, name: str) -> str:
        message = f"arogya-bench/{domain}\0{name}".encode()
        return hmac.digest(self.secret, message, "sha256").hex()


def load_pseudonyms(secret_file: str | None) -> Pseudonyms:
    """Read the secret from a file, or from the variable ``AROGYA_SECRET`` without one.

    Args:
        secret_file: File that only its owner can read; line ends around the secret are ignored.

    Raises:
        ConfigError: If there is no secret, it is too short, or others may access the file.
    """
    if secret_file:
        origin, secret = "The secret file", _read_secret_file(secret_file)
    else:
        origin = f"The variable {SECRET_VARIABLE}"
        secret = os.environb.get(SECRET_VARIABLE.encode(), b"")
    if not secret:
        raise ConfigError(
            f"{origin} is empty or not set: without a secret, anyone could compute the pseudonyms.",
            fix=f"create a secret ({SECRET_COMMAND}), store it in a file of mode 600, and set "
            f"secret_file to that file, or set {SECRET_VARIABLE}",
        )
    if len(secret) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"{origin} holds {len(secret)} bytes, which could be guessed.",
            fix=f"use {MIN_SECRET_BYTES} bytes or more: {SECRET_COMMAND}",
        )
    return Pseudonyms(secret=secret)


def check_distinct(pseudonyms: Mapping[str, str], what: str) -> None:
    """Check that no two names have the same pseudonym.

    Args:
        pseudonyms: Pseudonym by name.
        what: Kind of names for the error, such as ``cases``.

    Raises:
        DatasetError: If two pseudonyms are equal.
    """
    pseudonym, count = max(Counter(pseudonyms.values()).items(), key=itemgetter(1), default=("", 0))
    if count > 1:
        raise DatasetError(
            f"Two {what} have the same pseudonym {pseudonym}.", fix="use another secret and a new folder"
        )


def _read_secret_file(name: str) -> bytes:
    path = expand_home(name)
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except OSError as error:
        raise ConfigError(
            f"The secret file {path} cannot be read: {error.strerror}.",
            fix=f"set secret_file to a file that holds the secret, or set {SECRET_VARIABLE}",
        ) from error
    if mode & 0o077:
        raise ConfigError(
            f"The secret file {path} has mode {mode:o}: others may read or write it.",
            fix=f"chmod 600 {path}, and create a new secret if others had access: {SECRET_COMMAND}",
        )
    return content.strip(b"\r\n")

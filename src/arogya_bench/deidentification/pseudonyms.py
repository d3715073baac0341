"""Names that only the holder of a secret can make again: HMAC-SHA256, cut and in hexadecimal."""

import hmac
import os
import stat
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from arogya_bench.errors import ConfigError, DatasetError

SECRET_VARIABLE = "AROGYA_SECRET"
MIN_SECRET_BYTES = 16
ID_LENGTH = 20  # hexadecimal characters, 80 bits: among a million ids two agree with odds of 4e-13
SECRET_COMMAND = 'python -c "import secrets; print(secrets.token_hex(32))"'


@dataclass(frozen=True, kw_only=True)
class Pseudonyms:
    """Makes names from a secret; equal things have equal names under one secret.

    Attributes:
        secret: At least 16 bytes; shown nowhere.
        length: Hexadecimal characters of a name.
    """

    secret: bytes = field(repr=False)
    length: int = ID_LENGTH

    def case(self, case_id: str) -> str:
        """The new id of a case."""
        return self._hmac_hex("case", case_id)[: self.length]

    def group(self, group_id: str) -> str:
        """The new id of a patient or lesion; unlike that of a case of the same name."""
        return self._hmac_hex("group", group_id)[: self.length]

    def content(self, digest: str) -> str:
        """The name of some content, which nobody can compare with files that he has."""
        return self._hmac_hex("content", digest)

    def uid(self, uid: str) -> str:
        """A DICOM UID in place of another one, in the form that PS3.5 B.2 derives from a UUID."""
        return f"2.25.{uuid.UUID(hex=self._hmac_hex('uid', uid)[:32], version=4).int}"

    @property
    def check_value(self) -> str:
        """Tells two secrets apart without saying what they are."""
        return self._hmac_hex("check", "")[: self.length]

    def _hmac_hex(self, domain: str, name: str) -> str:
        message = f"arogya-bench/{domain}\0{name}".encode()
        return hmac.digest(self.secret, message, "sha256").hex()


def load_pseudonyms(secret_file: str | None) -> Pseudonyms:
    """Take the secret from a file, or else from the variable ``AROGYA_SECRET``.

    Args:
        secret_file: Readable by its owner only; line ends around the secret do not count.

    Raises:
        ConfigError: If there is none, it is too short, or others may read the file.
    """
    secret = (
        _read_secret_file(secret_file)
        if secret_file
        else os.environb.get(SECRET_VARIABLE.encode(), b"")
    )
    where = "The file of the secret" if secret_file else f"The variable {SECRET_VARIABLE}"
    if not secret:
        raise ConfigError(
            f"{where} is empty or not set: without a secret anybody could compute the ids.",
            fix=f"make a secret ({SECRET_COMMAND}), keep it in a file of mode 600, and name that in "
            f"secret_file, or set {SECRET_VARIABLE}",
        )
    if len(secret) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"{where} holds {len(secret)} bytes, which could be guessed.",
            fix=f"use {MIN_SECRET_BYTES} bytes or more: {SECRET_COMMAND}",
        )
    return Pseudonyms(secret=secret)


def check_distinct(names: Iterable[str], pseudonyms: Mapping[str, str], what: str) -> None:
    """Check that no two things were given one name.

    Args:
        names: As the source has them.
        pseudonyms: From a name to its pseudonym.
        what: Such as ``cases``, for the error.

    Raises:
        DatasetError: If two pseudonyms agree.
    """
    owners: dict[str, str] = {}
    for name in names:
        if owners.setdefault(pseudonyms[name], name) != name:
            raise DatasetError(
                f"Two {what} have the same pseudonym {pseudonyms[name]}.",
                fix="use another secret, in a new folder",
            )


def _read_secret_file(name: str) -> bytes:
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except OSError as error:
        raise ConfigError(
            f"The file of the secret, {path}, cannot be read: {error.strerror}.",
            fix=f"name a file that holds the secret in secret_file, or set {SECRET_VARIABLE}",
        ) from error
    if mode & 0o077:
        raise ConfigError(
            f"The file of the secret, {path}, has the mode {mode:o}: others may read or write it.",
            fix=f"chmod 600 {path}, and make a new secret if others had access: {SECRET_COMMAND}",
        )
    return content.strip(b"\r\n")

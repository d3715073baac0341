"""Write the files that a user asked for; what the system refuses becomes an error that names the file."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arogya_bench.errors import UserError

# What a user can change, unlike errors that only a fault of this program explains.
FIXABLE = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EISDIR, errno.ENOTDIR,
    errno.EEXIST, errno.ENAMETOOLONG, errno.EIO,
}  # fmt: skip
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SPACE_FIX = "check its permissions and the free space, or choose another folder"


@contextmanager
def named_write_errors(path: Path, *, fix: str) -> Iterator[None]:
    """Turn an error of the system while ``path`` is written into a UserError with this fix."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.", fix=fix) from error


def write_file(path: Path, content: bytes | str, *, fix: str) -> None:
    """Write a file and the folders above it."""
    with named_write_errors(path, fix=fix):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def check_output_folder(folder: Path, *, fix: str) -> None:
    """Check before long work that a folder can be created and written."""
    import tempfile  # the command line imports this module at its start

    absolute = folder.absolute()
    existing = next(path for path in (absolute, *absolute.parents) if path.exists())
    if not existing.is_dir():
        raise UserError(f"{existing} is a file, not a folder.", fix=fix)
    try:  # os.access is true for root and for read-only mounts
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise UserError(f"The folder {absolute} is not writable: {error.strerror}.", fix=fix) from error


def drop_unwritable_output() -> bool:
    """Whether standard output cannot be written; what is left of it is then dropped."""
    try:
        sys.stdout.flush()
        failed = _reader_is_gone()
    except OSError:
        failed = True
    if failed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return failed


def system_error_problem(error: OSError) -> UserError | None:
    """The error of the system as one for the user; None if it is none that a user can change."""
    if error.filename is not None and error.errno in FIXABLE:
        return UserError(f"{error.filename} cannot be read or written: {error.strerror}.", fix=SPACE_FIX)
    if error.errno in FULL:  # writing to an open file does not tell its name
        return UserError(f"A file, or the output of this command, cannot be written: {error.strerror}.", fix=SPACE_FIX)
    return None


def _reader_is_gone() -> bool:
    """Whether standard output is a pipe that nobody reads any more, as after ``| head``."""
    import select

    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
    except OSError:  # no file, as in a notebook
        return False
    return any(events & select.POLLERR for _, events in poll.poll(0))

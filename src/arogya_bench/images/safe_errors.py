"""Errors that libraries raise for damaged files, quoted without path or content."""

import re
import struct
import zlib
from pathlib import Path

# Errors that pydicom and nibabel raise for damaged files besides their own, found by flipping bytes.
PARSER_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
_QUOTED = re.compile(r"""(?<!\w)b?(['"]).*?\1(?!\w)""")


def sanitised_message(error: Exception, file: Path) -> str:
    """Format an error of a library about a file in one line; quotes from its header could name a patient."""
    text = " ".join(str(error).split())
    text = text.replace(str(file), file.name).replace(str(file.parent), "")
    if not isinstance(error, AttributeError):  # it quotes attribute names, which help
        text = _QUOTED.sub("...", text)
    return text or type(error).__name__

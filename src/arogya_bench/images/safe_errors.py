"""Errors that libraries raise for damaged files, quoted without path or content."""

import re
import struct
import zlib
from pathlib import Path

import PIL

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
# Errors whose messages are about the variables of a decoder, such as a missing key.
INNER_ERRORS = (TypeError, AttributeError, LookupError, struct.error)
_OBJECT = re.compile(r"<[^<>]+>")  # as Python shows an object, with its address or the whole path
_QUOTED = re.compile(r"""(?<!\w)b?(['"]).*?\1(?!\w)""")


def describe_decode_error(error: Exception) -> str:
    """Say in words why a decoder refused a file, without the inner life of the decoder, such as addresses or keys."""
    if isinstance(error, PIL.UnidentifiedImageError):
        return "its format is not recognised"
    text = _OBJECT.sub("the file", " ".join(str(error).split()))
    inner = isinstance(error, INNER_ERRORS) or type(error).__module__.startswith("cv2")
    return "its content is damaged" if inner or not text else text


def describe_read_error(error: Exception) -> str:
    """Say in one line why a text, JSON, YAML or XML file cannot be read."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()).replace('in "<byte string>", ', "at ").replace('in "<unicode string>", ', "at ")


def sanitised_message(error: Exception, file: Path) -> str:
    """Format an error of a library about a file in one line; quotes from its header could name a patient."""
    if isinstance(error, AttributeError) and error.name:  # such as the size, which a DICOM file may lack
        return f"it has no {error.name}"
    text = " ".join(str(error).split())
    text = _OBJECT.sub("the file", text.replace(str(file), file.name).replace(str(file.parent), ""))
    text = _QUOTED.sub("...", text)
    return "its content is damaged" if isinstance(error, LookupError) or not text else text

"""Quote library errors about a damaged file without its path or content."""

import re
from pathlib import Path

_QUOTED = re.compile(r"""(?<!\w)b?(['"]).*?\1(?!\w)""")


def sanitised_message(error: Exception, file: Path) -> str:
    """Format an error in one line.

    Args:
        error: Error of a library; its message may quote the header, which can name a patient.
        file: File whose folder is removed from the message.
    """
    text = " ".join(str(error).split())
    text = text.replace(str(file), file.name).replace(str(file.parent), "")
    if not isinstance(error, AttributeError):  # it quotes attribute names, which help
        text = _QUOTED.sub("...", text)
    return text or type(error).__name__

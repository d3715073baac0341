"""How to repeat what a library says of a damaged file: neither its place nor its content."""

import re
from pathlib import Path

_QUOTED = re.compile(r"""(?<!\w)b?(['"]).*?\1(?!\w)""")


def sanitised_message(error: Exception, file: Path) -> str:
    """Say in one line what is wrong with a file.

    Args:
        error: What a library raised. Its message may quote the header, where patients stand.
        file: Whose folder errors of the system name, which belongs into no report.
    """
    text = " ".join(str(error).split())
    text = text.replace(str(file), file.name).replace(str(file.parent), "")
    if not isinstance(error, AttributeError):  # it quotes names of code, which help
        text = _QUOTED.sub("...", text)
    return text or type(error).__name__

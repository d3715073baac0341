"""Find the folder that a path means where its names differ in letter case or Unicode form."""

import unicodedata
from pathlib import Path


def find_similar_folder(folder: Path) -> Path | None:
    """Return the only folder whose path differs in nothing but letter case and Unicode form; None if there is none.

    Args:
        folder: An absolute path.
    """
    found = Path(folder.anchor)
    for name in folder.parts[1:]:
        if (found / name).is_dir():
            found /= name
            continue
        try:
            alike = [path for path in found.iterdir() if _fold(path.name) == _fold(name) and path.is_dir()]
        except OSError:
            return None
        if len(alike) != 1:
            return None
        found = alike[0]
    return found


def is_same_text(first: str, second: str) -> bool:
    """Whether two texts differ only in the Unicode form of their letters."""
    return unicodedata.normalize("NFC", first) == unicodedata.normalize("NFC", second)


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

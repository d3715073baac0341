"""Find the file that a table means where its name differs in suffix, letter case, Unicode form or leading folders."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import image_stem, list_files

SAME_SUFFIX = {".jpeg": ".jpg", ".tiff": ".tif"}


def locate_files(folder: Path, listed: Sequence[PurePosixPath]) -> dict[PurePosixPath, PurePosixPath]:
    """Map listed files that are not in a folder to the one there that they must mean.

    It is the only one whose name differs in nothing but letter case, Unicode form, a suffix that the list leaves out,
    and leading folders that only the list or only the folder has. Another suffix may be another image, and is not
    taken. Files that may mean several, and several that may mean one, are left out.
    """
    missing = [file for file in listed if not _is_there(folder, file)]
    if not missing:
        return {}
    by_name = _images_by_name(folder)
    found = {file: _only_match(file, by_name.get(_key(file), ())) for file in missing}
    meant = Counter([*found.values(), *(file for file in listed if file not in found)])
    return {file: match for file, match in found.items() if match and meant[match] == 1}


def find_similar(folder: Path, missing: Iterable[PurePosixPath]) -> tuple[PurePosixPath, tuple[PurePosixPath, ...]]:
    """Return the first missing file whose name without suffix other files have, and these; none if there is no such."""
    missing = list(missing)
    by_name = _images_by_name(folder)
    for file in missing:
        if similar := by_name.get(_key(file), ()):
            return file, tuple(similar)
    return missing[0], ()


def describe_match(listed: PurePosixPath, found: PurePosixPath) -> str:
    """Say which file a listed one is, also where both look alike."""
    alike = unicodedata.normalize("NFC", str(listed)) == unicodedata.normalize("NFC", str(found))
    return f"{listed} in another Unicode form" if alike else f"{listed} is {found}"


def _images_by_name(folder: Path) -> Mapping[str, list[PurePosixPath]]:
    images: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
    for file in list_files(folder):
        if is_image(file.name) and _is_there(folder, file):  # no broken link
            images[_key(file)].append(file)
    return images


def _only_match(listed: PurePosixPath, candidates: Iterable[PurePosixPath]) -> PurePosixPath | None:
    suffix = _suffix(listed)
    fitting = [file for file in candidates if suffix in ("", _suffix(file))]
    folders = _folders(listed)
    beside = [file for file in fitting if _folders(file) == folders]
    nested = [file for file in fitting if _is_tail(_folders(file), folders) or _is_tail(folders, _folders(file))]
    matches = beside or nested
    return matches[0] if len(matches) == 1 else None


def _is_tail(short: Sequence[str], long: Sequence[str]) -> bool:
    return len(short) <= len(long) and list(long)[len(long) - len(short) :] == list(short)


def _key(file: PurePosixPath) -> str:
    return _fold(image_stem(file.name))


def _folders(file: PurePosixPath) -> tuple[str, ...]:
    return tuple(map(_fold, file.parts[:-1]))


def _suffix(file: PurePosixPath) -> str:
    suffix = file.name[len(image_stem(file.name)) :].lower()
    return SAME_SUFFIX.get(suffix, suffix)


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _is_there(folder: Path, file: PurePosixPath) -> bool:
    try:
        return (folder / file).is_file()
    except OSError:  # a name that is too long
        return False

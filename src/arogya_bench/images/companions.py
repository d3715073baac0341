"""Find files that belong to another image: masks, thumbnails and drawings over it, by their names."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

# Read in lower case, with a space between words, and between letters and digits.
_WORDS = (
    r"[a-z]*masks?|segmentations?|segmented|segments?|segm?|superpixels?|annotations?|annotated|annots?|contours?|"
    r"outlines?|overlays?|ground ?truth|gt|labels?|rois?|bbox(?:es)?|bounding box(?:es)?|predictions?|predicted|preds?|"
    r"heat ?maps?|grad ?cams?|saliency|attribute [a-z]+|thumbs?|thumbnails?|previews?|resized|low ?res|"
    r"[0-9]{2,4} x [0-9]{2,4}"  # the size of a thumbnail
)
_WORD = re.compile(rf"(?:.* )?(?:{_WORDS})(?: .*)?")
_WORN = re.compile(r"(?:.* )?(?:with|without|no|not) (?:.* )?masks?(?: .*)?")  # by the person in the image
# Words that mean this where no other stands beside them: not in "small intestine".
_ANY_WORD = rf"(?:{_WORDS}|small|edges?|bw|binary)"
_ONLY_WORDS = re.compile(rf"{_ANY_WORD}(?: {_ANY_WORD})*(?: [0-9]+)*")
_HINT = re.compile(rf"(?:.* )?{_ANY_WORD}(?: .*)?")
_IMAGE_WORDS = r"images?|imgs?|photos?|originals?|orig|raw|rgb"
_IMAGE_FOLDER = re.compile(_IMAGE_WORDS, re.IGNORECASE)
# "image_7" and "7_image", which may stand beside "mask_7" and "7_mask".
_IMAGE_NAME = re.compile(
    rf"(?:{_IMAGE_WORDS})[ _.-]+(?P<after>.+)|(?P<before>.+?)[ _.-]+(?:{_IMAGE_WORDS})", re.IGNORECASE
)
# Where a word may begin: "case_mask", "7mask", "caseMask", "case (mask)" and "case(mask)".
_CUT = re.compile(r"[ _.-]+|(?<=[0-9)\]])(?=[A-Za-z])|(?<=[a-z])(?=[A-Z])|(?<=\w)(?=[(\[])")
_GAP = re.compile(r"[ _.()\[\]-]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")


def find_companions(class_of: Mapping[str, str]) -> dict[str, str]:
    """Map each file that belongs to another image of its class to that image, or to "" if it is not clear to which.

    It has the name of the image with a word such as ``_mask`` added, in the same folder; or a name of such words alone
    beside a single image; or it is in a folder such as ``masks`` beside one such as ``images``, or whose files are
    mostly named like images beside that folder.

    Args:
        class_of: Class by path without suffix.
    """
    hinted = [stem for stem in class_of if any(_HINT.fullmatch(_words(part)) for part in PurePosixPath(stem).parts)]
    if not hinted:
        return {}
    by_folded = {_bare(stem).casefold(): stem for stem in class_of}
    by_folded |= {stem.casefold(): stem for stem in class_of}
    beside = {stem: base for stem in hinted if (base := _base_beside(stem, class_of, by_folded))}
    return beside | _named_by_words(hinted, class_of) | _in_folders(hinted, class_of)


def find_named_alike(class_of: Mapping[str, str]) -> dict[str, str]:
    """Map each file to one in its folder and class to whose name it adds any word, such as ``7_flip`` or ``7_lesion``.

    Numbers alone are no word: they count views and patients.

    Args:
        class_of: Class by path without suffix.
    """
    found = {}
    for stem in class_of:
        path = PurePosixPath(stem)
        for cut in _CUT.finditer(path.name):
            base = str(path.with_name(path.name[: cut.start()])) if cut.start() else ""
            if class_of.get(base) == class_of[stem] and any(map(str.isalpha, path.name[cut.end() :])):
                found[stem] = base
                break
    return found


def folders_of_companions(names_in: Mapping[str, set[str]]) -> list[str]:
    """Return folders beside each other that hold masks or thumbnails of the images in the others.

    A folder ``mask`` counts beside one such as ``images`` only: elsewhere it may be a class. So does ``benign_masks``
    beside ``benign``, if its files are named like those of ``benign``.

    Args:
        names_in: Names of the images in each folder, without suffix.
    """
    beside_images = any(_IMAGE_FOLDER.fullmatch(folder) for folder in names_in)
    candidates = [folder for folder in names_in if _ONLY_WORDS.fullmatch(_words(folder))]
    candidates = [folder for folder in candidates if beside_images or folder.lower() != "mask"]
    found = {name for folder, names in names_in.items() if folder not in candidates for name in names}
    holders = dict.fromkeys(candidates, found)
    for folder in names_in.keys() - holders.keys():
        if base := next((base for base in _named_after(folder) if base in names_in), None):
            holders[folder] = names_in[base]
    return [folder for folder in names_in if names_in[folder] and _all_named(names_in[folder], holders.get(folder))]


def _all_named(names: set[str], images: set[str] | None) -> bool:
    """Whether all files are named like images, some with a word added."""
    known = {*(images or ()), *map(_bare, images or ())}
    return all(not known.isdisjoint([name, *_named_after(name)]) for name in names)


def _words(name: str) -> str:
    """The words of a name in lower case, with a space between them, and between letters and digits."""
    return _GAP.sub(" ", name).strip().lower()


def _has_word(name: str) -> bool:
    words = _words(name)
    return (_WORD.fullmatch(words) or _ONLY_WORDS.fullmatch(words)) is not None and not _WORN.fullmatch(words)


def _named_after(name: str) -> Iterator[str]:
    """What is left of a name without a word such as ``mask`` and all that is on its side, the longest first."""
    cuts = [(name[: cut.start()], name[cut.end() :]) for cut in _CUT.finditer(name)]
    cuts = [(before, after) for before, after in cuts if before and after]
    yield from (before for before, after in reversed(cuts) if _has_word(after))
    yield from (after for before, after in cuts if _has_word(before))


def _base_beside(stem: str, class_of: Mapping[str, str], by_folded: Mapping[str, str]) -> str:
    """The image in the same folder to whose name a file adds a word; empty if there is none."""
    path = PurePosixPath(stem)
    for name in _named_after(path.name):
        base = by_folded.get(str(path.with_name(name)).casefold())
        if base is not None and base != stem and class_of[base] == class_of[stem]:
            return base
    return ""


def _named_by_words(hinted: list[str], class_of: Mapping[str, str]) -> dict[str, str]:
    """Files such as ``7/mask`` that stand beside a single image, or in a folder that is named like one."""
    named = {stem for stem in hinted if _ONLY_WORDS.fullmatch(_words(PurePosixPath(stem).name))}
    folders = {str(PurePosixPath(stem).parent) for stem in named}
    others: defaultdict[str, list[str]] = defaultdict(list)
    for stem in class_of:
        folder = str(PurePosixPath(stem).parent)
        if folder in folders and stem not in named:
            others[folder].append(stem)
    found = {}
    for stem in sorted(named):
        folder = str(PurePosixPath(stem).parent)
        images = [folder] if folder in class_of else others[folder]
        if len(images) == 1 and class_of[images[0]] == class_of[stem]:
            found[stem] = images[0]
    return found


def _in_folders(hinted: list[str], class_of: Mapping[str, str]) -> dict[str, str]:
    """The files in folders of masks or the like, with their images."""
    in_folders: defaultdict[str, list[str]] = defaultdict(list)
    for stem in hinted:
        if folder := _companion_folder(stem):
            in_folders[folder].append(stem)
    if not in_folders:
        return {}
    outside = [stem for stem in class_of if not _companion_folder(stem)]
    images = {(class_of[stem], _place(name)): stem for stem in outside for name in (_bare(stem), stem)}
    in_image_folders = _images_by_parent(outside, class_of)
    found: dict[str, str] = {}
    for folder, stems in in_folders.items():
        parent = str(PurePosixPath(folder).parent)
        bases = {stem: _base_elsewhere(stem, class_of[stem], images) for stem in stems}
        beside = [in_image_folders.get((class_of[stem], parent), []) for stem in stems]
        if 2 * sum(map(bool, bases.values())) >= len(stems):
            found |= bases
        elif all(beside):  # as images/7.png beside masks/0001.png
            found |= {stem: only[0] if len(only) == 1 else "" for stem, only in zip(stems, beside, strict=True)}
    return found


def _images_by_parent(stems: list[str], class_of: Mapping[str, str]) -> dict[tuple[str, str], list[str]]:
    """The files in folders such as ``images``, by their class and the folder that holds that folder."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for stem in stems:
        folder = PurePosixPath(stem).parent
        if _IMAGE_FOLDER.fullmatch(folder.name):
            found[class_of[stem], str(folder.parent)].append(stem)
    return found


def _companion_folder(stem: str) -> str:
    """The folder of masks or the like that holds a file; empty if none does."""
    parts = PurePosixPath(stem).parts[:-1]
    depths = [depth for depth, part in enumerate(parts, start=1) if _ONLY_WORDS.fullmatch(_words(part))]
    return "/".join(parts[: depths[-1]]) if depths else ""


def _base_elsewhere(stem: str, label: str, images: Mapping[tuple[str, PurePosixPath], str]) -> str:
    """The image outside of folders of masks that a file in one is named like; empty if there is none."""
    path = PurePosixPath(stem)
    places = (_place(str(path.with_name(name))) for name in (path.name, *_named_after(path.name)))
    return next((base for place in places if (base := images.get((label, place)))), "")


def _place(stem: str) -> PurePosixPath:
    """A path without the folders that only say whether it holds images or masks."""
    *folders, name = PurePosixPath(stem).parts
    kept = [part for part in folders if not _ONLY_WORDS.fullmatch(_words(part)) and not _IMAGE_FOLDER.fullmatch(part)]
    return PurePosixPath(*kept, name)


def _bare(stem: str) -> str:
    """A path whose name lacks the word for an image, if it has one."""
    folder, slash, name = stem.rpartition("/")
    match = _IMAGE_NAME.fullmatch(name)
    return f"{folder}{slash}{match['after'] or match['before']}" if match else stem

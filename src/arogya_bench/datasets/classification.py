"""From labelled image files, whatever their source, to a checked dataset for classification."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.group_patterns import few
from arogya_bench.datasets.published import Published
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.decoding import decode
from arogya_bench.images.file_hashes import contents
from arogya_bench.images.files import dataset_folder
from arogya_bench.images.windowing import Window, window_of
from arogya_bench.types import Case, Dataset, Image

# The columns that a table of predictions has already.
RESERVED = ("case_id", "group_id", "target", "predicted")
PART = (
    "to use a part on purpose, set dataset.counts=null, and keep only its lines where a table "
    "lists the images"
)


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """One image, and what its source says of it.

    Attributes:
        case_id: Unique, and the same wherever the folder lies.
        file: Below the folder of the dataset.
        label: As the source writes it.
        group: The patient or lesion; the case id where the source names none.
        split: ``train``, ``validation`` or ``test``, or None if the source fixes none.
        metadata: The same keys for every image.
    """

    case_id: str
    file: PurePosixPath
    label: str
    group: str
    split: str | None = None
    metadata: Mapping[str, str | float] = field(default_factory=dict)


def folder_of(stated: Published, layout: str) -> Path:
    """Find the folder of a dataset, or say how to get it.

    Args:
        stated: What the config states.
        layout: What lies in the folder.

    Raises:
        DatasetError: If there is no such folder.
    """
    return dataset_folder(stated.path, f"{layout}{_obtain(stated)}")


def dataset_of(
    folder: Path,
    images: Sequence[Labelled],
    stated: Published,
    *,
    classes: Sequence[str],
    grouped: bool,
    ordinal: bool = False,
    notes: Sequence[str] = (),
) -> Dataset:
    """Check the images, hash them, and make a dataset of them; none is decoded.

    An image whose label is not among the classes becomes a case without target, which
    ``stray_labels`` names.

    Args:
        folder: Where the files lie.
        images: In any order.
        stated: What the config states: licence, counts and so on.
        classes: In the order of the targets.
        grouped: Whether the source names patients or lesions.
        ordinal: Whether the classes are grades.
        notes: What the reader has to say of the source.

    Raises:
        ConfigError: If ``window`` is none.
        DatasetError: If ids repeat, files are missing, or the copy is not whole.
    """
    window = window_of(stated.window)
    ordered = sorted(images, key=lambda image: image.case_id)
    _refuse_unusable(ordered, classes, folder)
    _refuse_part(ordered, stated)
    _refuse_missing(ordered, folder, stated)
    targets = {name: target for target, name in enumerate(classes)}
    files = {image.case_id: folder / image.file for image in ordered}
    return Dataset(
        name=stated.name or folder.name,
        task="classification",
        classes=tuple(classes),
        cases=tuple(_case(image, targets) for image in ordered),
        grouped=grouped,
        digest=_digest(folder, classes, ordered, window),
        licence=stated.licence,
        source=stated.source or "image files of the user",
        version=stated.version,
        read=partial(read_case, files, window),
        notes=tuple(notes),
        citation=stated.citation,
        files=files,
        overlaps=tuple(stated.overlaps),
        ordinal=ordinal,
        stray_labels={
            image.case_id: image.label for image in ordered if image.label not in targets
        },
    )


def read_case(files: Mapping[str, Path], window: Window | None, case: Case) -> Image:
    """Decode the image of a case.

    Raises:
        DatasetError: If the case has no image here, or it is damaged.
    """
    return decode(file_of(files, case), window=window)


def file_of(files: Mapping[str, Path], case: Case) -> Path:
    """Find the file of a case.

    Raises:
        DatasetError: If the case is of another dataset.
    """
    if case.case_id not in files:
        raise DatasetError(
            f"No image belongs to case {case.case_id!r}.", fix="ask for a case of this dataset"
        )
    return files[case.case_id]


def left_out(what: str, names: Collection[str]) -> Iterator[str]:
    """A note on what was not used, if there is any."""
    if names:
        yield f"{what}: {len(names)}: {few(names)}."


def _case(image: Labelled, targets: Mapping[str, int]) -> Case:
    return Case(
        case_id=image.case_id,
        group_id=image.group,
        target=targets.get(image.label),
        metadata=image.metadata,
        split=image.split,
    )


def _refuse_unusable(images: Sequence[Labelled], classes: Sequence[str], folder: Path) -> None:
    if not images:
        raise DatasetError(
            f"No labelled image lies in {folder}.", fix="set dataset.path to the folder of images"
        )
    if len(set(classes)) < len(classes):
        raise ConfigError(
            f"dataset.classes repeats a name: {', '.join(classes)}.", fix="give every class its own"
        )
    odd = [ascii(image.case_id) for image in images if not image.case_id.isprintable()]
    if odd:
        raise DatasetError(
            f"{len(odd)} of {len(images)} images have names that cannot be printed: {few(odd)}.",
            fix="name the files in UTF-8, without line breaks",
        )
    counts = Counter(image.case_id for image in images)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        files = [str(image.file) for image in images if image.case_id == twice[0]]
        raise DatasetError(
            f"{len(files)} images have the name {twice[0]}: {', '.join(files)}.",
            fix="give every image a name of its own, its suffix aside",
        )
    taken = [name for name in images[0].metadata if name in RESERVED]
    if taken:
        raise DatasetError(
            f"A column of metadata is named {taken[0]!r}, as one of every table of predictions.",
            fix=f"give the column another name than {', '.join(RESERVED)}",
        )


def _refuse_part(images: Sequence[Labelled], stated: Published) -> None:
    found = Counter(image.label for image in images)
    expected = stated.counts or {}
    names = [*expected, *(name for name in sorted(found) if name not in expected)]
    if not expected or all(found[name] == expected.get(name, 0) for name in names):
        return
    width = max(len("class"), *map(len, names))
    rows = [f"  {'class':{width}}  expected  found"]
    rows += [
        f"  {name:{width}}  {expected.get(name, 0):8}  {found[name]:5}"
        f"{'' if found[name] == expected.get(name, 0) else '  <'}"
        for name in names
    ]
    table = "\n".join(rows)
    raise DatasetError(
        f"This is not a whole copy: it lists {len(images)} images, not the expected "
        f"{sum(expected.values())}.\n{table}",
        fix=f"get the files again; {PART}{_obtain(stated)}",
    )


def _refuse_missing(images: Sequence[Labelled], folder: Path, stated: Published) -> None:
    lost = [str(image.file) for image in images if not _is_there(folder / image.file)]
    if lost:
        raise DatasetError(
            f"{len(lost)} of {len(images)} listed images are not in {folder}: {few(lost)}.",
            fix=f"unpack every archive there, and mend links that lead nowhere; {PART}"
            f"{_obtain(stated)}",
        )


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # such as a name that is too long
        return False


def _obtain(stated: Published) -> str:
    return f"\n{stated.obtain.strip()}" if stated.obtain.strip() else ""


def _digest(
    folder: Path, classes: Sequence[str], images: Sequence[Labelled], window: Window | None
) -> str:
    # Names and bytes, not places: the folder may move. Nor the split, which has its own digest.
    hashes = contents(folder, [image.file for image in images])
    said: list[object] = [list(classes), window] if window else list(classes)
    digest = hashlib.sha256(json.dumps(said).encode())
    for image in images:
        said = [image.case_id, image.label, image.group, dict(image.metadata), hashes[image.file]]
        line = json.dumps(said, sort_keys=True)
        digest.update(f"\n{line}".encode())
    return digest.hexdigest()[:32]

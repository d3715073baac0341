"""From labelled image files, whatever their source, to a checked dataset for classification."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.datasets.published import PublishedDataset
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.decoding import decode
from arogya_bench.images.file_hashes import hash_files
from arogya_bench.images.windowing import Window, parse_window
from arogya_bench.types import Case, Dataset, Image

# The columns that a table of predictions has already.
RESERVED_COLUMNS = ("case_id", "group_id", "target", "predicted")
PARTIAL_COPY_HINT = (
    "to use a part on purpose, set dataset.counts=null, and keep only its lines where a table "
    "lists the images"
)


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
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


def build_classification_dataset(
    folder: Path,
    images: Sequence[LabelledImage],
    config: PublishedDataset,
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
        config: What the config states: licence, counts and so on.
        classes: In the order of the targets.
        grouped: Whether the source names patients or lesions.
        ordinal: Whether the classes are grades.
        notes: What the reader has to say of the source.

    Raises:
        ConfigError: If ``window`` is none.
        DatasetError: If ids repeat, files are missing, or the copy is not whole.
    """
    window = parse_window(config.window)
    ordered = sorted(images, key=lambda image: image.case_id)
    _check_images(ordered, classes, folder)
    _check_class_counts(ordered, config)
    _check_files_exist(ordered, folder, config)
    targets = {name: target for target, name in enumerate(classes)}
    files = {image.case_id: folder / image.file for image in ordered}
    return Dataset(
        name=config.name or folder.name,
        task="classification",
        classes=tuple(classes),
        cases=tuple(_build_case(image, targets) for image in ordered),
        grouped=grouped,
        digest=_digest(folder, classes, ordered, window),
        licence=config.licence,
        source=config.source or "image files of the user",
        version=config.version,
        read=partial(read_case, files, window),
        notes=tuple(notes),
        citation=config.citation,
        files=files,
        overlaps=tuple(config.overlaps),
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
    return decode(get_case_file(files, case), window=window)


def get_case_file(files: Mapping[str, Path], case: Case) -> Path:
    """Find the file of a case.

    Raises:
        DatasetError: If the case is of another dataset.
    """
    if case.case_id not in files:
        raise DatasetError(
            f"No image belongs to case {case.case_id!r}.", fix="ask for a case of this dataset"
        )
    return files[case.case_id]


def note_excluded(description: str, names: Collection[str]) -> Iterator[str]:
    """A note on what was not used, if there is any."""
    if names:
        yield f"{description}: {len(names)}: {shorten_list(names)}."


def _build_case(image: LabelledImage, targets: Mapping[str, int]) -> Case:
    return Case(
        case_id=image.case_id,
        group_id=image.group,
        target=targets.get(image.label),
        metadata=image.metadata,
        split=image.split,
    )


def _check_images(images: Sequence[LabelledImage], classes: Sequence[str], folder: Path) -> None:
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
            f"{len(odd)} of {len(images)} images have names that cannot be printed: {shorten_list(odd)}.",
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
    taken = [name for name in images[0].metadata if name in RESERVED_COLUMNS]
    if taken:
        raise DatasetError(
            f"A column of metadata is named {taken[0]!r}, as one of every table of predictions.",
            fix=f"give the column another name than {', '.join(RESERVED_COLUMNS)}",
        )


def _check_class_counts(images: Sequence[LabelledImage], config: PublishedDataset) -> None:
    found = Counter(image.label for image in images)
    expected = config.counts or {}
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
        fix=f"get the files again; {PARTIAL_COPY_HINT}{_download_help(config)}",
    )


def _check_files_exist(
    images: Sequence[LabelledImage], folder: Path, config: PublishedDataset
) -> None:
    lost = [str(image.file) for image in images if not _is_file(folder / image.file)]
    if lost:
        raise DatasetError(
            f"{len(lost)} of {len(images)} listed images are not in {folder}: {shorten_list(lost)}.",
            fix=f"unpack every archive there, and mend links that lead nowhere; {PARTIAL_COPY_HINT}"
            f"{_download_help(config)}",
        )


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # such as a name that is too long
        return False


def _download_help(config: PublishedDataset) -> str:
    return f"\n{config.obtain.strip()}" if config.obtain.strip() else ""


def _digest(
    folder: Path, classes: Sequence[str], images: Sequence[LabelledImage], window: Window | None
) -> str:
    # Names and bytes, not places: the folder may move. Nor the split, which has its own digest.
    hashes = hash_files(folder, [image.file for image in images])
    said: list[object] = [list(classes), window] if window else list(classes)
    digest = hashlib.sha256(json.dumps(said).encode())
    for image in images:
        said = [image.case_id, image.label, image.group, dict(image.metadata), hashes[image.file]]
        line = json.dumps(said, sort_keys=True)
        digest.update(f"\n{line}".encode())
    return digest.hexdigest()[:32]

"""Build a checked classification dataset from labelled image files of any source."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from arogya_bench.datasets.exclusion import find_excluded, note_left_out
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.datasets.published import PublishedDataset, SourceImage, check_class_names, check_unique_ids
from arogya_bench.datasets.reserved_columns import rename_reserved, reserved_for_classes
from arogya_bench.errors import DatasetError
from arogya_bench.images.decoding import decode
from arogya_bench.images.file_hashes import digest_records, hash_files
from arogya_bench.images.files import find_case
from arogya_bench.images.similar_files import find_similar
from arogya_bench.images.windowing import Window, parse_window
from arogya_bench.runtime.class_names import restore_class_names
from arogya_bench.types import Case, Dataset, Image

PARTIAL_COPY_HINT = (
    "to use a subset on purpose, set dataset.counts=null, and remove the other images from the table that lists them"
)


@dataclass(frozen=True, kw_only=True)
class LabelledImage(SourceImage):
    """One image and its label in the source.

    Attributes:
        label: Label in the spelling of the source.
        group: Patient or lesion; the case id if the source names none.
    """

    label: str
    group: str


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
    """Check and hash the images, and build a dataset from them; no image is decoded.

    An image whose label is not among the classes becomes a case without a target and is listed in ``stray_labels``.

    Args:
        folder: Folder of the dataset.
        images: Images in any order.
        config: Options of the reader.
        classes: Class names in the order of the targets.
        grouped: Whether the source names patients or lesions.
        ordinal: Whether the classes are grades in ascending order.
        notes: Notes on excluded files and the like.
    """
    window = parse_window(config.window)
    _check_images(images, classes, folder)
    check_class_counts(images, config)
    excluded = find_excluded(config.exclude, folder, {image.case_id for image in images})
    kept = sorted((image for image in images if image.case_id not in excluded), key=lambda image: image.case_id)
    classes = restore_class_names(classes, sorted({image.label for image in kept}), "dataset.classes")
    _check_files_exist(kept, folder, config)
    ordered, renaming_notes = rename_reserved(kept, reserved_for_classes(classes))
    targets = {name: target for target, name in enumerate(classes)}
    files = {image.case_id: folder / image.file for image in ordered}
    return Dataset(
        name=config.name or folder.name,
        task="classification",
        classes=tuple(classes),
        cases=tuple(
            Case(
                case_id=image.case_id,
                group_id=image.group,
                target=targets.get(image.label),
                metadata=image.metadata,
                split=image.split,
            )
            for image in ordered
        ),
        grouped=grouped,
        digest=_digest(folder, classes, ordered, window),
        licence=config.licence,
        source=config.source or "image files of the user",
        version=config.version,
        read=partial(read_case, files, window),
        notes=(*notes, *renaming_notes, *note_left_out(excluded)),
        citation=config.citation,
        files=files,
        overlaps=tuple(config.overlaps),
        ordinal=ordinal,
        stray_labels={image.case_id: image.label for image in ordered if image.label not in targets},
        excluded=len(excluded),
    )


def read_case(files: Mapping[str, Path], window: Window | None, case: Case) -> Image:
    """Decode the image of a case."""
    return decode(find_case(files, case), window=window)


def _check_images(images: Sequence[LabelledImage], classes: Sequence[str], folder: Path) -> None:
    if not images:
        raise DatasetError(f"No labelled image in {folder}.", fix="set dataset.path to the folder of images")
    check_class_names(classes)
    unprintable = [ascii(image.case_id) for image in images if not image.case_id.isprintable()]
    if unprintable:
        raise DatasetError(
            f"{len(unprintable)} of {len(images)} images have names that cannot be printed: "
            f"{shorten_list(unprintable)}.",
            fix="name the files in UTF-8, without line breaks",
        )
    check_unique_ids(images)


def check_class_counts(images: Sequence[LabelledImage], config: PublishedDataset) -> None:
    """Raise DatasetError unless there are as many images of each class as the config expects."""
    actual = Counter(image.label for image in images)
    counts = config.counts or {}
    spellings = restore_class_names(list(counts), sorted(actual), "dataset.counts")
    expected = dict(zip(spellings, counts.values(), strict=True))
    names = [*expected, *(name for name in sorted(actual) if name not in expected)]
    if not expected or all(actual[name] == expected.get(name, 0) for name in names):
        return
    width = max(len("class"), *map(len, names))
    rows = [f"  {'class':{width}}  expected  found"]
    rows += [
        f"  {name:{width}}  {expected.get(name, 0):8}  {actual[name]:5}"
        f"{'' if actual[name] == expected.get(name, 0) else '  <'}"
        for name in names
    ]
    table = "\n".join(rows)
    raise DatasetError(
        f"The copy is incomplete or altered: it lists {len(images)} images instead of "
        f"{sum(expected.values())}.\n{table}",
        fix=f"get the files again; {PARTIAL_COPY_HINT}{_download_help(config)}",
    )


def _check_files_exist(images: Sequence[LabelledImage], folder: Path, config: PublishedDataset) -> None:
    # Path.is_file raises for a name that is too long.
    missing = [image.file for image in images if not os.path.isfile(folder / image.file)]  # noqa: PTH113
    if missing:
        wanted, similar = find_similar(folder, missing)
        there = f" Instead of {wanted} there is {shorten_list(list(map(str, similar)))}." if similar else ""
        rename = "write the names of the files that are there into the table, or " if similar else ""
        raise DatasetError(
            f"{len(missing)} of {len(images)} listed images are not in {folder}: "
            f"{shorten_list(list(map(str, missing)))}.{there}",
            fix=f"{rename}unpack every archive there, and fix broken links; {PARTIAL_COPY_HINT}"
            f"{_download_help(config)}",
        )


def _download_help(config: PublishedDataset) -> str:
    return f"\n{config.obtain.strip()}" if config.obtain.strip() else ""


def _digest(folder: Path, classes: Sequence[str], images: Sequence[LabelledImage], window: Window | None) -> str:
    # Names and bytes rather than paths, so that the folder may move. The split has its own digest.
    hashes = hash_files(folder, [image.file for image in images])
    header: list[object] = [list(classes), window] if window else list(classes)
    records = ([image.case_id, image.label, image.group, dict(image.metadata), hashes[image.file]] for image in images)
    return digest_records([header, *records])

"""Reads image files that a user labelled: in a folder for each class, or listed in a CSV table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from arogya_bench.datasets.classification import (
    LabelledImage,
    build_classification_dataset,
    note_excluded,
)
from arogya_bench.datasets.csv_tables import CsvRow, extract_metadata, read_table
from arogya_bench.datasets.group_patterns import extract_groups, shorten_list
from arogya_bench.datasets.published import PublishedDataset
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import find_unlisted, image_stem, list_files, list_folders
from arogya_bench.images.files import find_dataset_folder, parse_relative_path
from arogya_bench.types import Dataset

LAYOUT = "a folder of images for each class (below train/, val/ and test/ if they are divided)"
# How folders, and cells of a table, name the parts of an official split.
SPLIT_ALIASES = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


class ImageListing(NamedTuple):
    """What was found, before it is checked.

    Attributes:
        images: As their source labels them.
        labels: Every label that the source knows.
        grouped: Whether the source names patients.
        notes: On what was left out.
    """

    images: list[LabelledImage]
    labels: Sequence[str]
    grouped: bool
    notes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ImageFolder(PublishedDataset):
    """Labelled images in a folder for each class, or listed in a table.

    Folders named train, val (or valid, validation) and test are the official split; classes are
    then the folders in them. One such part alone divides nothing. In a table every other column
    becomes metadata: numbers if every cell is one, else text in which an empty cell is
    ``unknown``.

    Attributes:
        classes: In the order wanted; by default every label, by name.
        manifest: The table, below ``path``; None for class folders.
        group: Regular expression that finds the patient in the path of an image below ``path``,
            without its suffix, as its one group; by default every image is its own group.
        path_column: Of the table: the file, below ``path``.
        label_column: Of the table: the class.
        group_column: Of the table: the patient. Not needed; then ``group`` counts.
        split_column: Of the table: train, val or test, or empty. Not needed.
        ordinal: Whether the classes are grades, in ascending order.
    """

    manifest: str | None = None
    group: str | None = None
    path_column: str = "path"
    label_column: str = "label"
    group_column: str | None = "group"
    split_column: str | None = "split"
    ordinal: bool = False

    def load(self) -> Dataset:
        """Find every image and its label; none is decoded.

        Raises:
            ConfigError: If an option does not fit what is there.
            DatasetError: If files are missing or damaged.
        """
        folder = find_dataset_folder(self.path, self.manifest or LAYOUT, self.obtain)
        found = _from_table(self, folder) if self.manifest else _from_class_folders(self, folder)
        return build_classification_dataset(
            folder,
            found.images,
            self,
            classes=self.classes or sorted(set(found.labels)),
            grouped=found.grouped,
            ordinal=self.ordinal,
            notes=found.notes,
        )


def _from_class_folders(options: ImageFolder, folder: Path) -> ImageListing:
    """Images in a folder for each class."""
    parts = _find_split_folders(folder)
    labels = {name for part in parts for name in list_folders(folder / part)}
    _check_class_count(labels, folder, parts)
    files = list_files(folder)
    own = [
        file for file in files if is_image(file.name) and _class_folder_of(file, parts) in labels
    ]
    groups = extract_groups([image_stem(str(file)) for file in own], options.group)
    images = [
        LabelledImage(
            case_id=case_id,
            file=file,
            label=_class_folder_of(file, parts) or "",
            group=groups[case_id],
            split=parts[file.parts[0]] if len(parts) > 1 else None,
        )
        for file in own
        for case_id in [image_stem(str(file))]
    ]
    rest = find_unlisted(map(str, files), map(str, own))
    notes = note_excluded(
        "Files that are no images in a folder of a class, which were left out", rest
    )
    return ImageListing(images, sorted(labels), options.group is not None, list(notes))


def _find_split_folders(folder: Path) -> dict[str, str]:
    """Folder to part of the official split; ``.`` alone if there is none."""
    top = list_folders(folder)
    found = {name: SPLIT_ALIASES[name.lower()] for name in top if name.lower() in SPLIT_ALIASES}
    if not found:
        return {".": "train"}
    others = [name for name in top if name not in found and any(_iter_images(folder / name))]
    if others:
        raise DatasetError(
            f"{folder} holds folders of a split ({', '.join(found)}) beside others with images "
            f"({shorten_list(others)}): whether they are classes, nobody can say.",
            fix="move the others away, or list the images in a table and set dataset.manifest",
        )
    twins = [name for name, part in found.items() if list(found.values()).count(part) > 1]
    if twins:
        raise DatasetError(
            f"{folder} holds two folders of one part of the split: {', '.join(twins)}.",
            fix="keep one of val, valid and validation",
        )
    return found


def _iter_images(folder: Path) -> Iterator[PurePosixPath]:
    return (file for file in list_files(folder) if is_image(file.name))


def _class_folder_of(file: PurePosixPath, parts: Mapping[str, str]) -> str | None:
    """The folder of the class; None for a file outside of them."""
    names = file.parts if "." in parts else file.parts[1:]
    known = "." in parts or file.parts[0] in parts
    return names[0] if known and len(names) > 1 else None


def _check_class_count(labels: set[str], folder: Path, parts: Mapping[str, str]) -> None:
    if len(labels) > 1:
        return
    where = folder if "." in parts else f"{folder} ({', '.join(parts)})"
    inner = [f"{name}/{each}" for name in labels for each in list_folders(folder / name)]
    raise DatasetError(
        f"{where} holds {len(labels)} folders of classes"
        f"{': ' + ', '.join(labels) if labels else ''}; at least two are needed"
        f"{'. In it lie ' + shorten_list(inner) if inner else ''}.",
        fix="set dataset.path to the folder in which the class folders lie, or list the images in "
        "a table and set dataset.manifest to it",
    )


def _from_table(options: ImageFolder, folder: Path) -> ImageListing:
    """Images that a table lists."""
    table = folder / parse_relative_path(str(options.manifest), "dataset.manifest")
    required = (options.path_column, options.label_column)
    rows = read_table(table, required=required, key=options.path_column)
    columns = _optional_columns(options, rows[0], table.name)
    rest = [name for name in rows[0] if name not in (*required, *columns.values())]
    files = [parse_relative_path(row[options.path_column], table.name) for row in rows]
    splits = _read_splits(rows, columns.get("split"), table.name)
    groups = _read_groups(options, rows, columns.get("group"), files)
    images = [
        LabelledImage(
            case_id=image_stem(str(file)),
            file=file,
            label=_require_cell(row, options.label_column, table.name, options.path_column),
            group=groups[place],
            split=splits[place],
            metadata=own,
        )
        for place, (row, file, own) in enumerate(
            zip(rows, files, extract_metadata(rows, rest), strict=True)
        )
    ]
    extra = find_unlisted(map(str, _iter_images(folder)), map(str, files))
    notes = note_excluded(f"Images that {table.name} does not list, which were left out", extra)
    grouped = "group" in columns or options.group is not None
    return ImageListing(images, [image.label for image in images], grouped, list(notes))


def _optional_columns(options: ImageFolder, header: CsvRow, table: str) -> dict[str, str]:
    """The columns that need not be there: of the group and of the split."""
    wanted = {"group": options.group_column, "split": options.split_column}
    for role, name in wanted.items():
        if name and name != role and name not in header:
            raise ConfigError(
                f"dataset.{role}_column={name!r}: {table} has no such column; it has: "
                f"{', '.join(header)}.",
                fix=f"name a column of the table, or set dataset.{role}_column=null",
            )
    found = {role: name for role, name in wanted.items() if name and name in header}
    if "group" in found and options.group is not None:
        raise ConfigError(
            f"The patient is named twice: by dataset.group and by the column {found['group']!r}.",
            fix="set dataset.group=null or dataset.group_column=null",
        )
    return found


def _read_splits(rows: Sequence[CsvRow], column: str | None, table: str) -> list[str | None]:
    cells = [row[column].lower() if column else "" for row in rows]
    odd = sorted({cell for cell in cells if cell and cell not in SPLIT_ALIASES})
    if odd:
        raise DatasetError(
            f"{table} names parts of a split that do not exist: {shorten_list(odd)}.",
            fix=f"write {', '.join(SPLIT_ALIASES)} or nothing into its column {column!r}",
        )
    found = [SPLIT_ALIASES[cell] if cell else None for cell in cells]
    return found if len(set(found)) > 1 else [None] * len(rows)


def _read_groups(
    options: ImageFolder, rows: Sequence[CsvRow], column: str | None, files: Sequence[PurePosixPath]
) -> list[str]:
    if column:
        return [
            _require_cell(row, column, str(options.manifest), options.path_column) for row in rows
        ]
    names = [image_stem(str(file)) for file in files]
    groups = extract_groups(names, options.group)
    return [groups[name] for name in names]


def _require_cell(row: CsvRow, column: str, table: str, key: str) -> str:
    if not row[column]:
        raise DatasetError(
            f"{table} has nothing in the column {column!r} of {row[key]}.",
            fix="fill it in every line",
        )
    return row[column]

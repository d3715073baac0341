"""Read labelled image files: one folder per class, or a CSV table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from arogya_bench.datasets.classification import LabelledImage, build_classification_dataset
from arogya_bench.datasets.csv_tables import CsvRow, extract_metadata, read_table
from arogya_bench.datasets.group_patterns import extract_groups, note_excluded, note_unlisted_images, shorten_list
from arogya_bench.datasets.published import GroupedDatasetOptions, PublishedDataset
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import find_unlisted, image_stem, list_files, list_folders
from arogya_bench.images.files import find_dataset_folder, parse_relative_path
from arogya_bench.types import Dataset

LAYOUT = "a folder of images for each class (below train/, val/ and test/ if they are divided)"


class ImageListing(NamedTuple):
    """Labelled images before they are checked.

    Attributes:
        images: Images with the labels of the source.
        labels: All labels of the source.
        grouped: Whether the source names patients.
        notes: Notes on excluded files.
    """

    images: list[LabelledImage]
    labels: Sequence[str]
    grouped: bool
    notes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ImageFolder(PublishedDataset, GroupedDatasetOptions):
    """Labelled images, one folder per class or listed in a table.

    Folders named train, val (or valid, validation) and test are the official split, and the folders in them are the
    classes. A single one of them is not a split. In a table, every other column becomes metadata: numbers if every cell
    is a number, else text, with ``unknown`` for empty cells.

    Attributes:
        manifest: Path of the table relative to ``path``; None for class folders.
        path_column: Column with the path of the image relative to ``path``.
        label_column: Column with the class.
        group_column: Column with the patient; optional, replaces ``group``.
        split_column: Column with train, val, test or nothing; optional.
        ordinal: Whether the classes are grades in ascending order.
    """

    manifest: str | None = None
    path_column: str = "path"
    label_column: str = "label"
    group_column: str | None = "group"
    split_column: str | None = "split"
    ordinal: bool = False

    def load(self) -> Dataset:
        """Find every image and its label; no image is decoded."""
        folder = find_dataset_folder(self.path, self.manifest or LAYOUT, self.obtain)
        listing = _from_table(self, folder) if self.manifest else _from_class_folders(self, folder)
        return build_classification_dataset(
            folder,
            listing.images,
            self,
            classes=self.classes or sorted(set(listing.labels)),
            grouped=listing.grouped,
            ordinal=self.ordinal,
            notes=listing.notes,
        )


def _from_class_folders(options: ImageFolder, folder: Path) -> ImageListing:
    split_folders = _find_split_folders(folder)
    class_roots = [folder / name for name in split_folders or ["."]]
    labels = {name for root in class_roots for name in list_folders(root)}
    _check_class_count(labels, folder, split_folders)
    files = list_files(folder)
    label_of = {
        file: label
        for file in files
        if is_image(file.name) and (label := _class_folder_of(file, split_folders)) in labels
    }
    groups = extract_groups([image_stem(str(file)) for file in label_of], options.group)
    images = []
    for file, label in label_of.items():
        case_id = image_stem(str(file))
        split = split_folders[file.parts[0]] if len(split_folders) > 1 else None
        images.append(LabelledImage(case_id=case_id, file=file, label=label, group=groups[case_id], split=split))
    excluded = find_unlisted(map(str, files), map(str, label_of))
    notes = note_excluded("Files that are not images in a class folder, excluded", excluded)
    return ImageListing(images, sorted(labels), options.group is not None, list(notes))


def _find_split_folders(folder: Path) -> dict[str, str]:
    """Map each folder of the official split to its part; empty without a split."""
    names = list_folders(folder)
    splits = {name: SPLIT_NAMES[name.lower()] for name in names if name.lower() in SPLIT_NAMES}
    others = [name for name in names if splits and name not in splits and any(_iter_images(folder / name))]
    if others:
        raise DatasetError(
            f"{folder} holds folders of a split ({', '.join(splits)}) beside others with images "
            f"({shorten_list(others)}): it is not clear whether those are classes.",
            fix="move the others away, or list the images in a table and set dataset.manifest",
        )
    duplicates = [name for name, part in splits.items() if [*splits.values()].count(part) > 1]
    if duplicates:
        raise DatasetError(
            f"{folder} holds two folders for the same split: {', '.join(duplicates)}.",
            fix="keep one of val, valid and validation",
        )
    return splits


def _iter_images(folder: Path) -> Iterator[PurePosixPath]:
    return (file for file in list_files(folder) if is_image(file.name))


def _class_folder_of(file: PurePosixPath, split_folders: Mapping[str, str]) -> str:
    """The class folder of a file; empty for a file outside of them."""
    folders = file.parts[:-1]
    if split_folders:
        folders = folders[1:] if file.parts[0] in split_folders else ()
    return folders[0] if folders else ""


def _check_class_count(labels: set[str], folder: Path, split_folders: Mapping[str, str]) -> None:
    if len(labels) > 1:
        return
    where = f"{folder} ({', '.join(split_folders)})" if split_folders else folder
    subfolders = [f"{label}/{name}" for label in labels for name in list_folders(folder / label)]
    raise DatasetError(
        f"{where} holds {len(labels)} class folders"
        f"{': ' + ', '.join(labels) if labels else ''}; at least two are needed"
        f"{'. It contains ' + shorten_list(subfolders) if subfolders else ''}.",
        fix="set dataset.path to the folder that holds the class folders, or list the images in "
        "a table and set dataset.manifest to it",
    )


def _from_table(options: ImageFolder, folder: Path) -> ImageListing:
    table = folder / parse_relative_path(str(options.manifest), "dataset.manifest")
    required = (options.path_column, options.label_column)
    rows = read_table(table, required=required, key=options.path_column)
    columns = _optional_columns(options, rows[0], table.name)
    metadata_columns = [name for name in rows[0] if name not in (*required, *columns.values())]
    files = [parse_relative_path(row[options.path_column], table.name) for row in rows]
    splits = _read_splits(rows, columns.get("split"), table.name)
    groups = _read_groups(options, rows, columns.get("group"), files)
    labels = [_require_cell(row, options.label_column, table.name, options.path_column) for row in rows]
    metadata = extract_metadata(rows, metadata_columns)
    images = [
        LabelledImage(case_id=image_stem(str(file)), file=file, label=label, group=group, split=split, metadata=values)
        for file, label, group, split, values in zip(files, labels, groups, splits, metadata, strict=True)
    ]
    notes = note_unlisted_images(table.name, map(str, _iter_images(folder)), map(str, files))
    grouped = "group" in columns or options.group is not None
    return ImageListing(images, labels, grouped, list(notes))


def _optional_columns(options: ImageFolder, header: CsvRow, table: str) -> dict[str, str]:
    """The group and split columns that the table has, by role."""
    wanted = {"group": options.group_column, "split": options.split_column}
    for role, name in wanted.items():
        if name and name != role and name not in header:
            raise ConfigError(
                f"dataset.{role}_column={name!r}: {table} has no such column; it has {', '.join(header)}.",
                fix=f"name a column of the table, or set dataset.{role}_column=null",
            )
    columns = {role: name for role, name in wanted.items() if name and name in header}
    if "group" in columns and options.group is not None:
        raise ConfigError(
            f"Patients are given twice: by dataset.group and by the column {columns['group']!r}.",
            fix="set dataset.group=null or dataset.group_column=null",
        )
    return columns


def _read_splits(rows: Sequence[CsvRow], column: str | None, table: str) -> list[str | None]:
    cells = [row[column].lower() if column else "" for row in rows]
    unknown = sorted({cell for cell in cells if cell and cell not in SPLIT_NAMES})
    if unknown:
        raise DatasetError(
            f"{table} has unknown splits: {shorten_list(unknown)}.",
            fix=f"write {', '.join(SPLIT_NAMES)} or nothing into its column {column!r}",
        )
    splits = [SPLIT_NAMES[cell] if cell else None for cell in cells]
    return splits if len(set(splits)) > 1 else [None] * len(rows)


def _read_groups(
    options: ImageFolder, rows: Sequence[CsvRow], column: str | None, files: Sequence[PurePosixPath]
) -> list[str]:
    if column:
        return [_require_cell(row, column, str(options.manifest), options.path_column) for row in rows]
    names = [image_stem(str(file)) for file in files]
    groups = extract_groups(names, options.group)
    return [groups[name] for name in names]


def _require_cell(row: CsvRow, column: str, table: str, key: str) -> str:
    if not row[column]:
        raise DatasetError(
            f"{table} has an empty cell in the column {column!r} of {row[key]}.", fix="fill it in every line"
        )
    return row[column]

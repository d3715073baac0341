"""Read labelled image files: one folder per class, or a CSV table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from arogya_bench.datasets.class_lists import match_class_list, order_labels
from arogya_bench.datasets.classification import LabelledImage, build_classification_dataset
from arogya_bench.datasets.csv_tables import CsvRow, extract_metadata, read_header, read_table
from arogya_bench.datasets.exclusion import find_excluded
from arogya_bench.datasets.group_patterns import extract_groups, note_excluded, note_unlisted_images, shorten_list
from arogya_bench.datasets.published import GroupedDatasetOptions, PublishedDataset
from arogya_bench.datasets.split_checks import SPLIT_NAMES
from arogya_bench.datasets.stated_values import TablePlace, check_class_folders, check_groups, check_labels
from arogya_bench.datasets.table_columns import check_required, find_roles, match_case, note_columns, read_splits
from arogya_bench.errors import DatasetError
from arogya_bench.images.companions import find_companions
from arogya_bench.images.decoding import is_image
from arogya_bench.images.discovery import find_unlisted, image_stem, list_files, list_folders
from arogya_bench.images.files import find_dataset_folder, parse_relative_path
from arogya_bench.images.similar_files import describe_match, locate_files
from arogya_bench.runtime.console import plural
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
    classes. In a table, every other column becomes metadata: numbers if every cell
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
        labels = set(listing.labels)
        classes = match_class_list(self.classes, labels, ordinal=self.ordinal) or order_labels(
            labels, ordinal=self.ordinal
        )
        return build_classification_dataset(
            folder,
            listing.images,
            self,
            classes=classes,
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
    found = {
        file: label
        for file in files
        if is_image(file.name) and (label := _class_folder_of(file, split_folders)) in labels
    }
    check_class_folders(folder, labels, found, options.classes)
    companions = find_companions({image_stem(str(file)): label for file, label in found.items()})
    label_of = {file: label for file, label in found.items() if image_stem(str(file)) not in companions}
    groups = extract_groups([image_stem(str(file)) for file in label_of], options.group)
    images = []
    for file, label in label_of.items():
        case_id = image_stem(str(file))
        split = split_folders[file.parts[0]] if split_folders else None
        images.append(LabelledImage(case_id=case_id, file=file, label=label, group=groups[case_id], split=split))
    notes = [
        *note_excluded(
            "Files that are not images in a class folder, excluded", find_unlisted(map(str, files), map(str, found))
        ),
        *note_excluded(
            "Files that belong to another image by their names, such as masks (if they are cases, list them in a "
            "table: dataset.manifest=FILE), excluded",
            find_unlisted(map(str, found), map(str, label_of)),
        ),
    ]
    return ImageListing(images, sorted(labels), options.group is not None, notes)


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
            fix="keep one folder for each part",
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
        f"{where} holds {plural(len(labels), 'class folder')}"
        f"{': ' + ', '.join(labels) if labels else ''}; at least two are needed"
        f"{'. It contains ' + shorten_list(subfolders) if subfolders else ''}.",
        fix="set dataset.path to the folder that holds the class folders, or list the images in "
        "a table and set dataset.manifest to it",
    )


def _from_table(options: ImageFolder, folder: Path) -> ImageListing:
    table = folder / parse_relative_path(str(options.manifest), "dataset.manifest")
    stated = _columns_by_role(options)
    header = read_header(table)
    options = replace(
        options,
        path_column=match_case(options.path_column, header),
        label_column=match_case(options.label_column, header),
        group_column=options.group_column and match_case(options.group_column, header),
        split_column=options.split_column and match_case(options.split_column, header),
    )
    required = (options.path_column, options.label_column)
    check_required({"path": options.path_column, "label": options.label_column}, header, table.name)
    rows = read_table(table, required=required, key=options.path_column)
    columns = find_roles(_columns_by_role(options), header, table.name, has_pattern=options.group is not None)
    metadata_columns = [name for name in rows[0] if name not in (*required, *columns.values())]
    files = [parse_relative_path(row[options.path_column], table.name) for row in rows]
    kept = _kept_rows(options, folder, rows, files)
    _check_values(options, kept, columns, table.name)
    splits = read_splits(rows, columns.get("split"), table.name)
    groups = _read_groups(options, rows, columns.get("group"), files)
    labels = [row[options.label_column] for row in rows]
    located = locate_files(folder, files)
    metadata = extract_metadata(rows, metadata_columns)
    images = [
        LabelledImage(
            case_id=image_stem(str(file)),
            file=located.get(file, file),
            label=label,
            group=group,
            split=split,
            metadata=values,
        )
        for file, label, group, split, values in zip(files, labels, groups, splits, metadata, strict=True)
    ]
    present, used = map(str, _iter_images(folder)), (str(image.file) for image in images)
    grouped = "group" in columns or options.group is not None
    read = _columns_by_role(options) | {"group": options.group, "split": None} | columns
    return ImageListing(
        images,
        [row[options.label_column] for row in kept],
        grouped,
        [
            *note_columns(table.name, rows, stated, read),
            *_note_located(table.name, located),
            *note_unlisted_images(table.name, present, used),
        ],
    )


def _columns_by_role(options: ImageFolder) -> dict[str, str | None]:
    return {
        "path": options.path_column,
        "label": options.label_column,
        "group": options.group_column,
        "split": options.split_column,
    }


def _check_values(options: ImageFolder, rows: Sequence[CsvRow], columns: Mapping[str, str], table: str) -> None:
    place = TablePlace(table=table, key=options.path_column)
    check_labels(rows, options.label_column, place, options.classes, ordinal=options.ordinal)
    if "group" in columns:
        check_groups(rows, columns["group"], place)


def _note_located(table: str, located: Mapping[PurePosixPath, PurePosixPath]) -> Iterator[str]:
    names = [describe_match(file, found) for file, found in located.items()]
    yield from note_excluded(f"Images of {table} found under another spelling, suffix or folder", names)


def _kept_rows(
    options: ImageFolder, folder: Path, rows: Sequence[CsvRow], files: Sequence[PurePosixPath]
) -> Sequence[CsvRow]:
    """The rows of cases that are not left out, which need a label and a patient."""
    names = [image_stem(str(file)) for file in files]
    excluded = find_excluded(options.exclude, folder, set(names))
    return [row for row, name in zip(rows, names, strict=True) if name not in excluded]


def _read_groups(
    options: ImageFolder, rows: Sequence[CsvRow], column: str | None, files: Sequence[PurePosixPath]
) -> list[str]:
    if column:
        return [row[column] for row in rows]
    names = [image_stem(str(file)) for file in files]
    groups = extract_groups(names, options.group)
    return [groups[name] for name in names]

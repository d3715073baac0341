"""Labels and patients as folders and tables state them: no word for a missing value is taken for one."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from arogya_bench.datasets.class_lists import GRADE_ORDER, KEY
from arogya_bench.datasets.csv_tables import CsvRow, is_missing_name, is_unstated, names_nobody
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.errors import DatasetError
from arogya_bench.images.companions import folders_of_companions
from arogya_bench.images.discovery import image_stem
from arogya_bench.runtime.class_names import class_list, restore_class_names

EXCLUDE_HINT = "name the cases in a file: dataset.exclude=FILE"


class TablePlace(NamedTuple):
    """Name of a table, and its column whose cells name the rows."""

    table: str
    key: str


def check_class_folders(
    folder: Path, labels: Collection[str], label_of: Mapping[PurePosixPath, str], classes: Sequence[str]
) -> None:
    """Check that class folders hold classes: neither images without a label nor the masks of other images."""
    named = [label for label in sorted(labels) if is_missing_name(label) and label not in classes]
    if named:
        raise DatasetError(
            f"{folder} holds the class folder {named[0]!r}, a word for a missing label.",
            fix=f"move it away; if it is a class, list all classes: {class_list(KEY, sorted(labels))}",
        )
    names_in: defaultdict[str, set[str]] = defaultdict(set)
    for file, label in label_of.items():
        names_in[label].add(image_stem(file.name))
    listed = restore_class_names(classes, sorted(labels), KEY)
    others = [name for name in folders_of_companions(names_in) if name not in listed]
    if others:
        raise DatasetError(
            f"{folder} holds {shorten_list(others)}, whose files are masks or the like of the images in the other "
            "folders, not a class.",
            fix="move it away, or list the images with their labels in a table and set dataset.manifest to it; to "
            f"learn the masks, use dataset=image_mask_pairs; if it is a class, list all: "
            f"{class_list(KEY, sorted(labels))}",
        )


def check_labels(
    rows: Sequence[CsvRow], column: str, place: TablePlace, classes: Sequence[str], *, ordinal: bool
) -> None:
    """Check that every row has a label; a word such as ``none`` is one only if the listed classes hold it."""
    labels = sorted({row[column] for row in rows} - {""})
    listed = restore_class_names(classes, labels, KEY)
    words = sorted({row[column] for row in rows if is_unstated(row[column])}.difference(listed))
    if not words:
        return
    fix = f"fill in these labels, remove the rows, or {EXCLUDE_HINT}"
    if shown := [word for word in words if word]:
        names = f"name all grades {GRADE_ORDER}" if ordinal else f"list all classes: {class_list(KEY, labels)}"
        fix += f"; if {' or '.join(map(repr, shown))} is a class, {names}"
    raise DatasetError(_problem(rows, column, words, place, "label"), fix=fix)


def check_groups(rows: Sequence[CsvRow], column: str, place: TablePlace) -> None:
    """Check that every row names its patient; images without one must not become one patient."""
    words = sorted({row[column] for row in rows if names_nobody(row[column])})
    if words:
        raise DatasetError(
            _problem(rows, column, words, place, "patient"),
            fix="fill in the patients; where one is unknown, write the name of the image there, or "
            f"{EXCLUDE_HINT}; to count every image as a patient of its own, set dataset.group_column=null",
        )


def _problem(rows: Sequence[CsvRow], column: str, words: Sequence[str], place: TablePlace, what: str) -> str:
    names = [row[place.key] for row in rows if row[column] in words]
    cells = " or ".join(repr(word) if word else "empty" for word in words)
    verb = "has" if len(names) == 1 else "have"
    return (
        f"{len(names)} of {len(rows)} rows of {place.table} {verb} no {what}: the column {column!r} is {cells} for "
        f"{shorten_list(names)}."
    )

"""Metadata columns that have the names of columns in the tables of predictions: kept under another name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from arogya_bench.datasets.published import SourceImage
from arogya_bench.types import ANSWER_COLUMNS

LABEL_COLUMNS = ("case_id", "group_id", "target", "predicted", "truth_got", "correct", *ANSWER_COLUMNS)
BOX_COLUMNS = (
    *("case_id", "group_id", "kind", "class", "score", "crowd", "left", "top", "width", "height"),
    *("true_boxes", "found_right", "found_wrong", "missed"),
)
PROBABILITY_PREFIX = "p_"
PREFIX = "source_"

Source = TypeVar("Source", bound=SourceImage)


def reserved_for_classes(classes: Sequence[str]) -> tuple[str, ...]:
    """The columns that every table of predictions over these classes has."""
    return (*LABEL_COLUMNS, *(f"{PROBABILITY_PREFIX}{name}" for name in classes))


def rename_reserved(images: Sequence[Source], reserved: Collection[str]) -> tuple[list[Source], tuple[str, ...]]:
    """Give metadata columns with reserved names free ones, such as ``source_target`` for ``target``.

    Returns:
        The images, and a note on the renamed columns if there are any.
    """
    renamed = free_names(tuple(images[0].metadata) if images else (), reserved)
    if not renamed:
        return list(images), ()
    return [replace(image, metadata=_rename(image.metadata, renamed)) for image in images], note_renamed(renamed)


def free_names(columns: Collection[str], reserved: Collection[str]) -> dict[str, str]:
    """Map each column with a reserved name to a free one."""
    taken = {*columns, *reserved}
    renamed: dict[str, str] = {}
    for column in columns:
        if column in reserved:
            free = PREFIX + column
            while free in taken:
                free = PREFIX + free
            taken.add(free)
            renamed[column] = free
    return renamed


def note_renamed(renamed: Mapping[str, str], users: str = "the tables of predictions use") -> tuple[str, ...]:
    """Note which columns have another name, and who uses theirs."""
    if not renamed:
        return ()
    pairs = ", ".join(f"{column} is {free}" for column, free in renamed.items())
    return (f"Metadata columns kept under another name, since {users} theirs: {pairs}.",)


def _rename(metadata: Mapping[str, str | float], renamed: Mapping[str, str]) -> dict[str, str | float]:
    return {renamed.get(column, column): value for column, value in metadata.items()}

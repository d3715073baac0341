"""The classes of a labelled dataset: those of the config, checked against the labels, or the labels in order."""

from collections.abc import Collection, Sequence

from arogya_bench.errors import ConfigError, DatasetError
from arogya_bench.metrics.class_order import numbers_in
from arogya_bench.runtime.class_names import restore_class_names, wrong_class_list

KEY = "dataset.classes"
# No list that can be pasted: in another order it would be taken without a word.
GRADE_ORDER = f"from the lowest to the highest: {KEY}=[LOWEST,...,HIGHEST]"


def order_labels(labels: Collection[str], *, ordinal: bool) -> list[str]:
    """Sort labels that nobody ordered: numbers, as in ``9`` and ``10`` or ``G9`` and ``G10``, by value, others as text.

    Raises:
        ConfigError: If the labels are grades, and their order is not that of numbers.
    """
    values = numbers_in(labels)
    if values is not None:
        _check_distinct(labels, values)
        return [label for _, label in sorted(zip(values, labels, strict=True))]
    ordered = sorted(labels)
    if ordinal:
        raise ConfigError(
            f"dataset.ordinal=true needs the order of the grades, and {', '.join(ordered)} are no numbers.",
            fix=f"name these grades {GRADE_ORDER}",
        )
    return ordered


def match_class_list(listed: Sequence[str], labels: Collection[str], *, ordinal: bool) -> list[str]:
    """Return the listed classes in the spelling of the labels; empty if none are listed.

    A class may have no image, and an image may have no listed class: the gate reports both.

    Raises:
        ConfigError: If names without images stand beside labels that are not listed, as after a misspelling.
    """
    if not listed:
        return []
    names = restore_class_names(listed, sorted(labels), KEY)
    if any(name not in labels for name in names) and any(label not in names for label in labels):
        fix = f"write the names as they are there, {GRADE_ORDER}" if ordinal else ""
        raise wrong_class_list(KEY, names, order_labels(labels, ordinal=False), "the labels", fix=fix)
    return names


def _check_distinct(labels: Collection[str], values: Sequence[float]) -> None:
    """Refuse labels such as ``1`` and ``1.0``: a column that a program wrote partly as fractions."""
    by_value: dict[float, list[str]] = {}
    for value, label in zip(values, labels, strict=True):
        by_value.setdefault(value, []).append(label)
    if same := [sorted(names) for names in by_value.values() if len(names) > 1]:
        raise DatasetError(
            f"The labels {' and '.join(map(repr, same[0]))} are the same number, written in several ways.",
            fix="write each number in one way; if they are different classes, give one of them another name",
        )

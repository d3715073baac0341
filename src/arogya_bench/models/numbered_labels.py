"""Labels that are numbers: the name of a class that is a number itself, or its position in the order of the model."""

import re
from collections.abc import Mapping, Sequence

from arogya_bench.errors import ModelError
from arogya_bench.models.output_errors import missing_class_order_error, unknown_labels_error
from arogya_bench.runtime.class_names import class_list

WHOLE = re.compile(r"\d+")


def name_numbers(
    labels: Sequence[int], classes: Sequence[str], order: Sequence[str], own_names: Mapping[str, str]
) -> list[str]:
    """Find the classes that numbers mean.

    Raises:
        ModelError: If the order of the model is unknown, or a number may mean two classes.
    """
    names = _by_number(own_names) or _by_number({name: name for name in classes})
    if not names:
        return _at_positions(labels, order, classes)
    if order and not own_names:
        _check_unambiguous(labels, names, order)
    if not set(labels) <= set(names):
        raise unknown_labels_error(sorted({str(label) for label in labels}), classes, own_names)
    return [names[label] for label in labels]


def _by_number(names: Mapping[str, str]) -> dict[int, str]:
    """Names that are all whole numbers, by their number; empty if one is not."""
    if not all(map(WHOLE.fullmatch, names)):
        return {}
    return {int(name): meant for name, meant in names.items()}


def _at_positions(labels: Sequence[int], order: Sequence[str], classes: Sequence[str]) -> list[str]:
    if not order:
        raise missing_class_order_error(classes)
    if min(labels, default=0) < 0 or max(labels, default=0) >= len(order):
        raise ModelError(
            f"The model returned class indices from {min(labels)} to {max(labels)}; "
            f"there are {len(order)} classes, counted from 0.",
            fix="log a model that counts classes from 0, or returns class names.",
        )
    return [order[label] for label in labels]


def _check_unambiguous(labels: Sequence[int], names: Mapping[int, str], order: Sequence[str]) -> None:
    """Refuse a number that names one class and counts to another."""
    for label in sorted(set(labels)):
        if names.get(label) != (order[label] if 0 <= label < len(order) else None):
            counted = class_list("model.class_names", [str(number) for number in range(len(order))])
            named = class_list("model.class_names", order)
            raise ModelError(
                f"The model returned the number {label}, which may be the name of a class or its position from 0.",
                fix=f"add {named} if it returns names, or {counted} if it counts from 0, to "
                f"{class_list('model.classes', order)}.",
            )

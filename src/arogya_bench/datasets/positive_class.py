"""Which class of a dataset is the positive one: the class that sensitivity, F1 and thresholds are about."""

from dataclasses import replace

from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.runtime.class_names import class_setting, restore_class_names
from arogya_bench.runtime.digests import digest_of
from arogya_bench.types import Box, Case, Dataset

KEY = "dataset.positive"


def with_positive_class(dataset: Dataset, name: str | None) -> Dataset:
    """Name the positive class of a dataset.

    Of two classes the last is the positive one wherever numbers are computed, so that the classes are put in this
    order; the digest changes only then. With more classes, it is the one that operating points and net benefit are
    about.

    Args:
        dataset: As its reader returns it.
        name: One of its classes; None keeps the order and names none.

    Raises:
        ConfigError: If the dataset has no such class, or no class of whole cases.
    """
    if name is None:
        return dataset
    if dataset.task != "classification":
        raise ConfigError(
            f"dataset.positive={name} names the class of a case, and the cases of {dataset.name} have none: it is a "
            f"dataset for {dataset.task}.",
            fix="leave out dataset.positive.",
        )
    (name,) = restore_class_names([name], dataset.classes, KEY)
    if name not in dataset.classes:
        raise ConfigError(
            f"dataset.positive is {name!r}, which is no class of {dataset.name}.{did_you_mean(name, dataset.classes)}",
            fix=f"name one of: {', '.join(class_setting(KEY, known) for known in dataset.classes)}.",
        )
    if len(dataset.classes) == 2 and dataset.classes[0] == name:
        dataset = _swap_classes(dataset)
    return replace(dataset, positive=name)


def positive_class(dataset: Dataset) -> str | None:
    """The positive class: the one that was named, else the last of two; None if there is none."""
    two = dataset.task == "classification" and len(dataset.classes) == 2
    return dataset.positive or (dataset.classes[-1] if two else None)


def positive_class_note(dataset: Dataset) -> str:
    """Say which class is positive, and how to take another one; empty if none is."""
    name = positive_class(dataset)
    if name is None:
        return ""
    if dataset.positive:
        return f"The positive class is {name!r}, as dataset.positive says."
    return f"The positive class is {name!r}, the last of two; {class_setting(KEY, dataset.classes[0])} takes the other."


def _swap_classes(dataset: Dataset) -> Dataset:
    first, second = dataset.classes
    return replace(
        dataset,
        classes=(second, first),
        cases=tuple(_swap_case(case) for case in dataset.cases),
        digest=digest_of({"dataset": dataset.digest, "classes": [second, first]}),
    )


def _swap_case(case: Case) -> Case:
    target = None if case.target is None else 1 - case.target
    return replace(case, target=target, boxes=None if case.boxes is None else tuple(map(_swap_box, case.boxes)))


def _swap_box(box: Box) -> Box:
    return replace(box, label=1 - box.label)

"""The order of the classes of an MLflow model, from its signature, its metadata and the config."""

from collections.abc import Mapping, Sequence
from typing import Any

from arogya_bench.errors import ModelError
from arogya_bench.models.class_names import match_columns, match_labels
from arogya_bench.models.label_columns import is_label_name, is_score_name
from arogya_bench.models.output_errors import class_mismatch_error
from arogya_bench.models.pyfunc_outputs import OutputFormat
from arogya_bench.runtime.class_names import class_list, restore_class_names

REAL_TYPES = ("float", "double")  # of columns that may hold probabilities


def choose_output_format(
    outputs: Sequence[Mapping[str, Any]],
    logged_classes: Sequence[str],
    configured_classes: Sequence[str],
    *,
    classes: tuple[str, ...],
    class_names: Sequence[str] = (),
    softmax: bool = False,
    score_of: str | None = None,
) -> OutputFormat:
    """Find the class order of a model in its signature, its metadata and the config, which must agree.

    ``outputs`` are the columns or tensors of the signature; ``classes`` are those of the dataset, in its order;
    ``class_names`` are what the model calls ``configured_classes``.
    """
    configured_classes = restore_class_names(configured_classes, classes, "model.classes")
    names = [str(column["name"]) for column in outputs if column.get("name")]
    class_names = restore_class_names(class_names, [*logged_classes, *names], "model.class_names")
    if score_of is not None:
        (score_of,) = restore_class_names([score_of], classes, "model.score_of")
    _check_configured(configured_classes, class_names, classes, score_of)
    own_names = dict(zip(class_names, configured_classes, strict=True)) if class_names else {}
    by_position = bool(configured_classes) and not class_names
    if by_position and match_labels(logged_classes, classes, {}) is None:
        own_names = dict(zip(logged_classes, configured_classes, strict=False))
    stated = {
        "its signature": _signature_order(outputs, classes, own_names),
        "its metadata": _logged_order(logged_classes, classes, own_names),
        "model.classes": () if class_names else tuple(configured_classes),
    }
    return OutputFormat(
        classes=classes,
        model_order=_agreed(stated) or tuple(configured_classes),
        own_names=own_names,
        softmax=softmax,
        score_of=score_of,
    )


def _check_configured(
    configured: Sequence[str], class_names: Sequence[str], classes: Sequence[str], score_of: str | None
) -> None:
    if configured and sorted(configured) != sorted(classes):
        raise ModelError(
            f"model.classes is {list(configured)}; the dataset has {list(classes)}.",
            fix=f"write the classes of the dataset, in the order of the model: {class_list('model.classes', classes)}.",
        )
    if class_names and len(class_names) != len(configured):
        raise ModelError(
            f"model.class_names has {len(class_names)} names, and model.classes {len(configured)}.",
            fix="write what the model calls its classes in model.class_names and, in the same order, what the dataset "
            f"calls them in {class_list('model.classes', classes)}.",
        )
    if score_of is not None and (score_of not in classes or len(classes) != 2):
        two = len(classes) == 2
        raise ModelError(
            f"model.score_of={score_of} needs one of two classes; the dataset has {list(classes)}.",
            fix=f"set model.score_of={classes[-1]} or {classes[0]}." if two else "leave model.score_of out.",
        )


def _signature_order(
    outputs: Sequence[Mapping[str, Any]], classes: Sequence[str], own_names: Mapping[str, str]
) -> tuple[str, ...]:
    """The order of named columns in a signature; empty if it names none, or a label and a score."""
    columns = [column for column in outputs if column["type"] != "tensor" and column.get("name")]
    names = [str(column["name"]) for column in columns]
    if len(names) < 2 or sorted(names) == sorted(map(str, range(len(names)))):
        return ()
    meant = match_columns(names, classes, own_names)
    real = all(column["type"] in REAL_TYPES for column in columns)
    if meant is None and real and not any(is_label_name(name) or is_score_name(name) for name in names):
        raise class_mismatch_error(names, classes)
    if meant is None or len(meant) != len(names):
        return ()
    order = {column: name for name, column in meant.items()}
    return tuple(order[name] for name in names)


def _logged_order(
    logged_classes: Sequence[str], classes: Sequence[str], own_names: Mapping[str, str]
) -> tuple[str, ...]:
    if not logged_classes:
        return ()
    order = match_labels(logged_classes, classes, own_names)
    if order is None or sorted(order) != sorted(classes):
        raise class_mismatch_error(logged_classes, classes)
    return tuple(order)


def _agreed(stated: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The order that all sources state; empty if none does."""
    orders = {name: order for name, order in stated.items() if order}
    if len(set(orders.values())) > 1:
        said = " and ".join(f"{name} has {list(order)}" for name, order in orders.items())
        raise ModelError(
            f"The class order of the model is ambiguous: {said}.", fix="correct model.classes, or leave it empty."
        )
    return next(iter(orders.values()), ())

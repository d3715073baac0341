"""The classes of a table, and the columns of their probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arogya_bench.datasets.class_lists import order_labels
from arogya_bench.errors import DatasetError, did_you_mean
from arogya_bench.importing.columns import ColumnOptions, simplified
from arogya_bench.importing.table_files import columns_text

PREFIXES = ("p_", "prob_", "proba_", "probability_", "score_", "p(", "p[", "prob:", "p:")
# Second names of pairs of classes whose positive one is obvious; compared in lower case.
POSITIVE_NAMES = (
    "1",
    "true",
    "yes",
    "positive",
    "pos",
    "malignant",
    "abnormal",
    "disease",
    "diseased",
    "cancer",
    "sick",
)
NEGATIVE_NAMES = ("0", "false", "no", "negative", "neg", "benign", "normal", "healthy", "control", "none")


@dataclass(frozen=True, kw_only=True)
class ClassColumns:
    """The classes, and where their probabilities are.

    Attributes:
        names: All classes, in the order of every probability.
        probabilities: Class to column; empty without one column per class.
        score: Column of a single score; None without one.
        positive: Of two classes, the one that the score is of.
    """

    names: tuple[str, ...]
    probabilities: Mapping[str, str] = field(default_factory=dict)
    score: str | None = None
    positive: str = ""


def find_classes(
    columns: Sequence[str],
    labels: Mapping[str, str],
    options: ColumnOptions,
    *,
    score: str | None,
    known: Sequence[str] = (),
) -> ClassColumns:
    """Find the classes and the columns of their probabilities.

    Args:
        columns: That no other role takes.
        labels: The true and predicted classes of the table, and where each first occurs.
        options: What the user says.
        score: The column of a single score, if there is one.
        known: Classes of the dataset that the cases belong to, in their order.
    """
    declared = tuple(known) or options.classes
    by_class = dict(options.probabilities) or _probability_columns(columns, declared, tuple(labels))
    for name, place in labels.items():
        if declared and name not in declared:
            raise DatasetError(
                f"{place} has the class {name!r}, and the classes are {', '.join(declared)}."
                f"{did_you_mean(name, declared)}",
                fix="correct the row" + ("." if known else ", or list all classes with --classes."),
            )
    if len(by_class) == 1 and not options.probabilities:
        ((positive, column),) = by_class.items()
        return _single_score(declared, tuple(labels), options, column, positive)
    if by_class:
        names = declared or _ordered([*by_class], options.positive_class)
        _check_all_present(names, by_class, labels)
        return ClassColumns(names=names, probabilities=by_class)
    if score is not None:
        return _single_score(declared, tuple(labels), options, score, options.positive_class)
    names = declared or _ordered(tuple(labels), options.positive_class)
    _check_two(names)
    return ClassColumns(names=names)


def _probability_columns(columns: Sequence[str], declared: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """Class to column, for one of the ways of naming them; empty if there are none.

    Where the classes are not declared, those of a prefix are what follows it.
    """
    names = declared or labels
    ways: dict[str, dict[str, str]] = {}
    for prefix in PREFIXES:
        found = {_class_of(column, prefix): column for column in columns if column.lower().startswith(prefix)}
        if any(name in found for name in names):
            ways[prefix] = {name: column for name, column in found.items() if not declared or name in declared}
        elif declared and {str(index) for index in range(len(declared))} <= set(found):
            ways[prefix] = {name: found[str(index)] for index, name in enumerate(declared)}
    bare = {name: name for name in names if name in columns}
    if len(bare) > 1:
        ways[""] = bare
    complete = {prefix: found for prefix, found in ways.items() if set(names) <= set(found)} or ways
    if len(complete) > 1:
        examples = [next(iter(found.values())) for found in complete.values()]
        raise DatasetError(
            f"Several sets of columns may be the probabilities: those like {columns_text(examples)}.",
            fix="name the right ones: --probability-columns CLASS=COLUMN,CLASS=COLUMN",
        )
    return next(iter(complete.values()), {})


def _class_of(column: str, prefix: str) -> str:
    return column[len(prefix) :].strip().rstrip(")]")


def _check_all_present(names: Sequence[str], by_class: Mapping[str, str], labels: Mapping[str, str]) -> None:
    for name in (*names, *labels):
        if name not in by_class:
            occurs = f", which {labels[name]} has," if name in labels else ""
            raise DatasetError(
                f"The class {name!r}{occurs} has no column of probabilities; there are "
                f"{columns_text([*by_class.values()])}.{did_you_mean(name, by_class)}",
                fix=f"add the column 'p_{name}', or name it: --probability-columns {name}=COLUMN,…",
            )
    for name, column in by_class.items():
        if name not in names:
            raise DatasetError(
                f"The column {column!r} is of the class {name!r}, and the classes are {', '.join(names)}."
                f"{did_you_mean(name, names)}",
                fix="rename it, or list all classes with --classes.",
            )


def _single_score(
    declared: Sequence[str], labels: Sequence[str], options: ColumnOptions, column: str, positive: str
) -> ClassColumns:
    found = [*labels, *([positive] if positive and positive not in labels else [])]
    names = tuple(declared) or _ordered(found, options.positive_class or positive)
    if len(names) != 2:
        raise DatasetError(
            f"The column {column!r} is one score for each case, and the classes are {', '.join(names) or 'none'}.",
            fix="give one column of probabilities per class, such as 'p_NAME'"
            + ("; or name both classes: --classes NEGATIVE,POSITIVE" if len(names) < 2 else "."),
        )
    chosen = positive or options.positive_class or (names[1] if declared else _obvious_positive(names))
    if options.score_is == "predicted" and not chosen:
        chosen = names[1]
    if chosen not in names:
        raise DatasetError(
            f"The column {column!r} is the score of one of two classes, {' or '.join(names)}; which one, is not known.",
            fix=f"say it: --positive-class {names[1]!r}",
        )
    return ClassColumns(names=names, score=column, positive=chosen)


def _ordered(names: Sequence[str], positive: str) -> tuple[str, ...]:
    """The classes in the order of their numbers, else of the alphabet; of two, the positive one is the second."""
    unique = list(dict.fromkeys(names))
    ordered = order_labels(unique, ordinal=False)
    second = positive or (_obvious_positive(ordered) if len(ordered) == 2 else "")
    return (*(name for name in ordered if name != second), second) if second in ordered else tuple(ordered)


def _obvious_positive(names: Sequence[str]) -> str:
    """Which of two classes is positive; empty if their names do not say."""
    simple = {simplified(name): name for name in names}
    positives = [name for key, name in simple.items() if key in POSITIVE_NAMES]
    if len(positives) == 1:
        return positives[0]
    others = [name for key, name in simple.items() if key not in NEGATIVE_NAMES]
    return others[0] if len(others) == 1 and len(names) == 2 else ""


def _check_two(names: Sequence[str]) -> None:
    if len(names) < 2:
        raise DatasetError(
            f"The table holds the class {', '.join(names)} only.", fix="name all classes: --classes FIRST,SECOND"
        )

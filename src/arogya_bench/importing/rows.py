"""The rows of a table of predictions: who predicted what about which case, under which condition."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arogya_bench.datasets.csv_tables import is_missing, is_unstated, names_nobody
from arogya_bench.datasets.group_patterns import shorten_list
from arogya_bench.datasets.reserved_columns import note_renamed
from arogya_bench.errors import ConfigError, DatasetError, did_you_mean
from arogya_bench.importing.classes import ClassColumns, find_classes
from arogya_bench.importing.columns import ColumnOptions, match_columns, require_column
from arogya_bench.importing.conditions import TEST_ROWS_FIX, constant, read_conditions, read_parts
from arogya_bench.importing.metadata import read_metadata, renamed_columns
from arogya_bench.importing.probabilities import read_probabilities
from arogya_bench.importing.table_files import SourceTable, Texts
from arogya_bench.metrics.class_order import needs_order
from arogya_bench.metrics.outcomes import NO_ANSWER
from arogya_bench.types import Labels, Probabilities

DEFAULT_SEED = "0"  # of a table that names none


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """What the user asks for, besides the file.

    Attributes:
        model: Name of the leaderboard row; empty if a column names the models.
        seed: Of the training behind all rows; empty if a column holds it, or nothing does.
    """

    model: str = ""
    seed: str = ""
    columns: ColumnOptions = field(default_factory=ColumnOptions)


@dataclass(frozen=True, kw_only=True)
class ImportedRows:
    """All rows of a table; arrays have one entry per row.

    Attributes:
        group_ids: None if the table names no groups.
        targets: Index into ``classes``, -1 if the table holds no true classes.
        probabilities: Shape (n, classes).
        labels_only: Whether the table holds predicted classes only.
        conditions: ``clean``, or an augmentation, with its severity where there is one.
        augmentations: Conditions without their severity.
        severities: NaN where a condition has none.
        seeded: Whether the table or the user names seeds.
        parts: ``train``, ``validation`` or ``test``.
        metadata: One array per column.
        notes: What was concluded or changed, one sentence each.
    """

    source: SourceTable
    classes: tuple[str, ...]
    case_ids: Texts
    group_ids: Texts | None
    targets: Labels
    probabilities: Probabilities
    labels_only: bool
    models: Texts
    seeds: Texts
    conditions: Texts
    augmentations: Texts
    severities: NDArray[np.float64]
    seeded: bool
    parts: Texts
    metadata: Mapping[str, NDArray[np.object_]]
    notes: tuple[str, ...]


def read_rows(table: SourceTable, request: ImportRequest, known_classes: Sequence[str] = ()) -> ImportedRows:
    """Match the columns of a table and check its rows.

    Args:
        table: The file.
        request: What the user says.
        known_classes: Of the dataset that the cases belong to; empty if the table is a dataset of its own.
    """
    options = request.columns
    roles = match_columns(table.columns, options)
    parts = read_parts(table, roles)
    training = parts == "train"
    if training.all():
        raise DatasetError("All rows belong to the train split.", fix=TEST_ROWS_FIX)
    table, parts = table.select(~training), parts[~training]
    case_ids = _case_ids(table, roles, options)
    declared = known_classes or options.classes
    truth = _labels(table, roles, declared, required=not known_classes)
    predicted = table.texts(roles["predicted"]) if "predicted" in roles else None
    truth, predicted = (_from_indices(texts, known_classes) for texts in (truth, predicted))
    classes = find_classes(
        _free_columns(table, roles),
        _first_places(table, truth, predicted, known=bool(known_classes or options.classes)),
        options,
        score=roles.get("score"),
        known=known_classes,
    )
    _check_positive_class(options.positive_class, classes.names)
    codes = None if predicted is None else _codes(predicted, classes.names)
    found = read_probabilities(table, classes, codes, options)
    conditions = read_conditions(table, roles)
    seeds = table.texts(roles["seed"]) if "seed" in roles and not request.seed else None
    return ImportedRows(
        source=table,
        classes=classes.names,
        case_ids=case_ids,
        group_ids=_filled(table, roles["group"], "group") if "group" in roles else None,
        targets=np.full(len(case_ids), NO_ANSWER) if truth is None else _codes(truth, classes.names),
        probabilities=found.table,
        labels_only=found.labels_only,
        models=_models(table, roles, request.model),
        seeds=constant(table, request.seed or DEFAULT_SEED) if seeds is None else _filled(table, roles["seed"], "seed"),
        conditions=conditions.names,
        augmentations=conditions.augmentations,
        severities=conditions.severities,
        seeded=bool(request.seed or seeds is not None),
        parts=parts,
        metadata=read_metadata(table, roles, classes),
        notes=(
            *_column_notes(roles, classes, options),
            *([] if known_classes else _positive_note(classes)),
            *note_renamed(renamed_columns(table, roles, classes)),
            *_training_note(training),
            *found.notes,
        ),
    )


def _check_positive_class(name: str, classes: Sequence[str]) -> None:
    if name and name not in classes:
        raise DatasetError(
            f"There is no class {name!r}; the classes are {', '.join(classes)}.{did_you_mean(name, classes)}",
            fix=f"name one of them: --positive-class {classes[-1]!r}",
        )


def _case_ids(table: SourceTable, roles: Mapping[str, str], options: ColumnOptions) -> Texts:
    if options.number_cases:
        return _numbered(table, roles)
    return _filled(table, require_column("case", roles, table.columns), "case")


def _numbered(table: SourceTable, roles: Mapping[str, str]) -> Texts:
    """Number the cases, from 1 for each model, seed, condition and part."""
    keys = [table.texts(roles[role]) for role in ("model", "seed", "condition", "severity", "split") if role in roles]
    frame = pd.DataFrame({str(position): column for position, column in enumerate(keys)}, index=range(len(table.rows)))
    frame = frame.assign(all=0)
    numbers = frame.groupby(list(frame.columns), sort=False).cumcount().to_numpy() + 1
    parts = table.texts(roles["split"]) if "split" in roles else constant(table, "")
    width = len(str(len(numbers)))
    return np.array([f"{part}{number:0{width}}" for part, number in zip(parts, numbers, strict=True)], dtype=object)


def _labels(table: SourceTable, roles: Mapping[str, str], declared: Sequence[str], *, required: bool) -> Texts | None:
    """The true classes; a word such as ``none`` is one only if the declared classes hold it."""
    if required:
        require_column("label", roles, table.columns)
    if "label" not in roles:
        return None
    texts = table.texts(roles["label"])
    words = {text for text in texts if is_unstated(text)}.difference(declared)
    if words:
        shown = ",".join(name for name in sorted(set(texts)) if name)
        fix = f"fill the cell, or remove the row; or, if it is a class, list all classes: --classes {shown}"
        raise _no_value(table, roles["label"], "label", words, fix=fix if words - {""} else "")
    return texts


def _filled(table: SourceTable, column: str, role: str) -> Texts:
    """A column without an empty cell, or a word for one."""
    texts = table.texts(column)
    is_nothing = names_nobody if role == "group" else is_missing
    words = {text for text in texts if is_nothing(text)}
    if words:
        fix = (
            "fill the cell, or remove the row; where a patient is unknown, write the id of the case there; to count "
            "every case as a patient of its own, remove the column"
        )
        raise _no_value(table, column, role, words, fix=fix if role == "group" else "")
    return texts


def _no_value(table: SourceTable, column: str, role: str, words: Collection[str], fix: str = "") -> DatasetError:
    row, text = next((row, text) for row, text in enumerate(table.texts(column)) if text in words)
    return DatasetError(
        f"The {role} is {repr(text) if text else 'empty'} in {table.where(row)} (column {column!r}).",
        fix=f"{fix or 'fill the cell, or remove the row'}.",
    )


def _from_indices(texts: Texts | None, known: Sequence[str]) -> Texts | None:
    """Class names in place of their indices in a known dataset."""
    if texts is None or not known:
        return texts
    distinct = set(texts) - {""}
    if distinct & set(known) or not all(text.isdigit() and int(text) < len(known) for text in distinct):
        return texts
    return np.array([known[int(text)] if text else "" for text in texts], dtype=object)


def _first_places(table: SourceTable, truth: Texts | None, predicted: Texts | None, *, known: bool) -> dict[str, str]:
    """Where each class first occurs; a predicted class that is nowhere in the truth must be declared."""
    places: dict[str, str] = {}
    for role, texts in (("label", truth), ("predicted class", predicted)):
        if texts is None:
            continue
        names, first = np.unique(texts.astype(str), return_index=True)
        for name, row in zip(names.tolist(), first.tolist(), strict=True):
            if not name or name in places:
                continue
            if role != "label" and truth is not None and not known:
                raise DatasetError(
                    f"The predicted class {name!r} of {table.where(row)} is the label of no case."
                    f"{did_you_mean(name, places)}",
                    fix=_fix_foreign_class(name, [*places]),
                )
            places[name] = table.where(row)
    return places


def _fix_foreign_class(name: str, labels: Sequence[str]) -> str:
    if name.isdigit() and int(name) <= len(labels) and not any(label.isdigit() for label in labels):
        return f"write the names of the classes in place of their positions such as {name}: {', '.join(labels)}."
    return "correct it, or list all classes: --classes " + ",".join([*labels, name])


def _codes(texts: Texts, names: Sequence[str]) -> Labels:
    """Indices of class names; -1 for an empty cell."""
    index = pd.Index(names).get_indexer(pd.Index(texts))
    return np.asarray(index, dtype=np.int64)


def _models(table: SourceTable, roles: Mapping[str, str], model: str) -> Texts:
    if "model" not in roles:
        if not model:
            raise ConfigError(
                f"{table.name} does not say which model made the predictions.",
                fix="name it with --model NAME, or its column with --model-column.",
            )
        return constant(table, model)
    models = _filled(table, roles["model"], "model")
    several = sorted(set(models))
    if model and len(several) > 1:
        raise ConfigError(
            f"--model {model} names one model, and the column {roles['model']!r} holds {len(several)}: "
            f"{', '.join(several[:4])}.",
            fix="omit --model; the rows then have the names of the column.",
        )
    return constant(table, model) if model else models


def _free_columns(table: SourceTable, roles: Mapping[str, str]) -> list[str]:
    return [column for column in table.columns if column not in roles.values()]


def _column_notes(roles: Mapping[str, str], classes: ClassColumns, options: ColumnOptions) -> list[str]:
    """Which columns were taken for what."""
    taken = {role: column for role, column in roles.items() if role != "score" or classes.score is not None}
    probabilities = [*classes.probabilities.values()] or ([classes.score] if classes.score else [])
    listed = [f"{role} {column!r}" for role, column in taken.items() if role != "score"]
    listed += [f"probabilities {', '.join(map(repr, probabilities))}"] if probabilities else []
    numbered = ["The rows are numbered: other files must list the same cases in this order."]
    order = [
        f"The classes are in this order: {shorten_list(classes.names)}. If they are grades, name them from the lowest "
        "to the highest with --classes: weighted kappas rest on it."
    ]
    return [
        f"Columns: {'; '.join(listed)}.",
        *(order if needs_order(classes.names) and not options.classes else []),
        *(numbered if options.number_cases else []),
    ]


def _positive_note(classes: ClassColumns) -> list[str]:
    if len(classes.names) != 2:
        return []
    return [f"Sensitivity and specificity take {classes.names[1]!r} as the positive class (--positive-class)."]


def _training_note(training: NDArray[np.bool_]) -> list[str]:
    count = int(training.sum())
    return [f"Rows of the train split, which are ignored: {count}."] if count else []

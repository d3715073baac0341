"""Converting the output of an MLflow model to probabilities in the dataset's class order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arogya_bench.errors import ModelError
from arogya_bench.models.class_names import NUMBERED, class_of_column, match_columns, match_labels
from arogya_bench.models.label_columns import is_label_name, label_column, score_column
from arogya_bench.models.numbered_labels import name_numbers
from arogya_bench.models.output_errors import (
    contradicted_score_error,
    foreign_score_error,
    missing_class_order_error,
    one_value_error,
    score_range_error,
    unknown_columns_error,
    unknown_labels_error,
    unnamed_images_error,
)
from arogya_bench.models.probability_rows import (
    EXACT,
    common_sum,
    logits_to_probabilities,
    rounding_note,
    sigmoid_note,
    to_probabilities,
)
from arogya_bench.models.pyfunc_tables import is_text, series_values, to_floats, to_table, without_numbers
from arogya_bench.types import Floats, Probabilities

LABELS_NOTE = (
    "it returns labels, not probabilities: accuracy and F1 stand, and metrics that need probabilities are undefined"
)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a model answered.

    Attributes:
        values: Shape (n, classes), in the order of the dataset.
        labels_only: Whether the model named one class per image: the rows are 0 and 1.
        notes: How the output was read, where that is not plain.
    """

    values: Floats
    labels_only: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OutputFormat:
    """How outputs are read, for ``classes`` in the order of the dataset.

    Attributes:
        classes: Of the dataset.
        model_order: Classes in the order of the model, for unnamed columns and class indices; empty if unknown.
        own_names: Names of the model for classes, where they differ.
        softmax: Whether the outputs are logits.
        score_of: The class that a lone score per image is the probability of; None for the class named beside it.
    """

    classes: tuple[str, ...]
    model_order: tuple[str, ...] = ()
    own_names: Mapping[str, str] = field(default_factory=dict)
    softmax: bool = False
    score_of: str | None = None

    def to_probabilities(self, output: Any, count: int) -> Probabilities:
        """Convert the output for ``count`` images; labels become rows of 0 and 1."""
        return self.finish(self.read(output, count))

    def read(self, output: Any, count: int) -> Answers:
        """Read an output, whose numbers may still be logits, and check its shape."""
        table = to_table(output)
        if isinstance(table, pd.DataFrame):
            answers = self._from_columns(table)
        elif table.ndim == 1:
            answers = self._from_values(table)
        else:
            answers = self._from_rows(table)
        if answers.values.shape != (count, len(self.classes)):
            raise ModelError(
                f"The model returned shape {answers.values.shape} for {count} images and {len(self.classes)} classes.",
                fix="log a model that returns one row per image and one column per class.",
            )
        return answers

    def finish(self, answers: Answers) -> Probabilities:
        """Turn answers into probabilities."""
        if self.softmax and not answers.labels_only:
            return logits_to_probabilities(answers.values)
        return to_probabilities(answers.values)

    def notes(self, answers: Answers) -> Iterator[str]:
        """What to know of the answers before their numbers are believed."""
        yield from answers.notes
        if answers.labels_only:
            yield LABELS_NOTE
        elif note := (sigmoid_note if self.softmax else rounding_note)(answers.values):
            yield note

    def _from_columns(self, table: pd.DataFrame) -> Answers:
        if table.shape[1] == 1:
            return self._from_values(table.iloc[:, 0].to_numpy(), str(table.columns[0]))
        columns = match_columns(list(table.columns), self.classes, self.own_names)
        if columns is not None:
            return self._from_class_columns(table, columns)
        unnamed = without_numbers(table)
        if not isinstance(unnamed, pd.DataFrame):
            return self._from_rows(unnamed)
        label = label_column(table, self.classes, self.own_names)
        if label is None:
            raise unknown_columns_error(table, self.classes)
        return self._from_label_and_score(table, label)

    def _from_class_columns(self, table: pd.DataFrame, columns: Mapping[str, str]) -> Answers:
        """Take the columns of the classes by name; others must hold no share of the probability."""
        order = [columns[name] for name in self.classes]
        values = to_floats(table[order].to_numpy())
        others = [str(name) for name in table.columns if name not in order]
        numeric = [name for name in others if not is_text(table[name].tolist()) and not is_label_name(name)]
        if numeric and (self.softmax or common_sum(values) != 1):
            raise ModelError(
                f"The model returned the columns {', '.join(numeric)} beside those of the classes of the dataset.",
                fix="evaluate it on a dataset with all its classes, or log a model that returns only the columns "
                f"{', '.join(order)}.",
            )
        named = [str(name) for name in table.columns if name in order]
        moved = () if named == order else (reordered_note(named),)
        unused = (f"its columns {', '.join(others)} are no classes and were not used",) if others else ()
        return Answers(values=values, notes=(*moved, *unused))

    def _from_label_and_score(self, table: pd.DataFrame, label: str) -> Answers:
        """Read a label and its score; with two classes the rest is the score of the other one."""
        names = self._names(_whole_numbers(np.asarray(series_values(table[label]))))
        naming = [name for name in table.columns if class_of_column(name, self.classes, self.own_names)]
        score = score_column(table, label, naming=naming, stated=self.score_of is not None)
        others = [str(name) for name in table.columns if name not in (label, score)]
        numbers = [name for name in others if not is_text(table[name].tolist())]
        if numbers and score is None:
            raise unknown_columns_error(table, self.classes)
        unused = (f"its columns {', '.join(others)} were not used",) if others else ()
        if score is None or len(self.classes) != 2:
            note = () if score is None else (f"its column {score} says nothing of the other classes and was not used",)
            return Answers(values=self._one_hot(names), labels_only=True, notes=(*note, *unused))
        of = self._class_of(score)
        values = self._from_scores(to_floats(table[score].to_numpy()), names, score, of)
        meant = of or f"the class in its column {label}"
        return Answers(values=values, notes=(f"its column {score} was read as the probability of {meant}", *unused))

    def _from_scores(self, scores: Floats, names: Sequence[str], column: str, of: str | None) -> Floats:
        if self.softmax:
            raise ModelError(
                "model.softmax=true needs one column per class; the model returned a label and a score.",
                fix="leave model.softmax out.",
            )
        if of is not None:
            return self._of_one_class(scores, of, f"in its column {column}")
        low = np.flatnonzero(~(scores >= 0.5) | (scores > 1))
        if len(low):
            raise foreign_score_error(self.classes, names[low[0]], column, float(scores[low[0]]))
        chosen = self._one_hot(names)
        return chosen * scores[:, None] + (1 - chosen) * (1 - scores[:, None])

    def _class_of(self, column: str) -> str | None:
        """The class that a score is the probability of, by the name of its column or the config."""
        named = class_of_column(column, self.classes, self.own_names)
        if named and self.score_of not in (None, named):
            raise contradicted_score_error(column, named, str(self.score_of))
        return named or self.score_of

    def _of_one_class(self, scores: Floats, of: str, where: str) -> Floats:
        """Rows from the probability, or with ``softmax`` the logit, of one of two classes."""
        if not self.softmax and ((scores < -EXACT) | (scores > 1 + EXACT)).any():
            raise score_range_error(where, scores)
        first = of == self.classes[0]
        other = np.zeros_like(scores) if self.softmax else 1 - scores
        return np.stack([scores, other] if first else [other, scores], axis=1)

    def _from_rows(self, rows: NDArray[Any]) -> Answers:
        """Order unnamed columns as the model is known to order them."""
        values = to_floats(rows)
        if not self.model_order:
            raise missing_class_order_error(self.classes)
        if values.ndim != 2 or values.shape[1] != len(self.model_order):
            return Answers(values=values)
        return Answers(
            values=values[:, [self.model_order.index(name) for name in self.classes]],
            notes=() if self.model_order == self.classes else (reordered_note(self.model_order),),
        )

    def _from_values(self, values: NDArray[Any], column: str = "") -> Answers:
        """Read one value per image: a label, or the probability of one of two classes."""
        of = self._class_of(column)
        if of is not None and values.dtype.kind == "f":
            return self._from_one_score(to_floats(values), of, column)
        if values.dtype.kind in "iub" and (named := class_of_column(column, self.classes, self.own_names)):
            return self._from_yes_or_no(values, named, column)
        names = self._names(_whole_numbers(values))
        return Answers(values=self._one_hot(names), labels_only=True)

    def _from_one_score(self, scores: Floats, of: str, column: str) -> Answers:
        if len(self.classes) != 2:
            raise unknown_columns_error(pd.DataFrame({column: scores}), self.classes)
        values = self._of_one_class(scores, of, f"in its column {column}" if column else "for an image")
        which = f"its column {column}" if column else "its one value per image"
        what = "logit" if self.softmax else "probability"
        return Answers(values=values, notes=(f"{which} was read as the {what} of {of}",))

    def _from_yes_or_no(self, values: NDArray[Any], of: str, column: str) -> Answers:
        if len(self.classes) != 2 or not np.isin(values, (0, 1)).all():
            raise unknown_columns_error(pd.DataFrame({column: values}), self.classes)
        note = f"1 in its column {column} was read as {of}, and 0 as the other class"
        return Answers(values=self._of_one_class(to_floats(values), of, column), labels_only=True, notes=(note,))

    def _one_hot(self, names: Sequence[str]) -> Floats:
        return np.eye(len(self.classes))[[self.classes.index(name) for name in names]]

    def _names(self, labels: NDArray[Any]) -> list[str]:
        """The classes that labels mean, which are names or numbers."""
        if pd.isna(labels).any():
            raise unnamed_images_error(labels)
        texts = [str(label) for label in labels.tolist()]
        if is_text(labels.tolist()) and (names := match_labels(texts, self.classes, self.own_names)) is not None:
            return names
        if is_text(labels.tolist()) and not all(map(NUMBERED.fullmatch, texts)):
            raise unknown_labels_error(sorted(set(texts)), self.classes, self.own_names)
        if is_text(labels.tolist()):
            return self._names_from_numbers([int(NUMBERED.fullmatch(text)[1]) for text in texts])  # type: ignore[index]
        if labels.dtype.kind in "iub":
            return self._names_from_numbers([int(label) for label in labels])
        raise one_value_error(labels, self.classes)

    def _names_from_numbers(self, labels: Sequence[int]) -> list[str]:
        return name_numbers(labels, self.classes, self.model_order, self.own_names)


def reordered_note(order: Sequence[str]) -> str:
    """A note on classes that a model has in another order."""
    return f"its classes ({', '.join(order)}) were reordered to match the dataset"


def _whole_numbers(labels: NDArray[Any]) -> NDArray[Any]:
    """Labels that were numbers before a table made them floats."""
    whole = labels.dtype.kind == "f" and bool((np.isfinite(labels) & (labels == np.floor(labels))).all())
    return labels.astype(np.int64) if whole else labels

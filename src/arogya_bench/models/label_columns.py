"""Tables of a label and a score per image, which are no columns of classes."""

import re
from collections.abc import Container, Mapping, Sequence

import pandas as pd

from arogya_bench.models.class_names import match_labels
from arogya_bench.models.pyfunc_tables import is_text

LABEL_WORD = re.compile(
    "labels?|predictions?|predicted|pred|class|classes|category|outcome|result|diagnosis|target|yhat|y_hat|y_pred|"
    "answer|top1|argmax|classification"
)
SCORE_WORD = re.compile("scores?|probabilit(y|ies)|probs?|proba|confidence|conf|certainty|likelihood|p|softmax")
LOWER_THEN_UPPER = re.compile(r"(?<=[a-z])(?=[A-Z])")  # predictedClass
SEPARATORS = re.compile(r"[\s_.:-]+")


def label_column(table: pd.DataFrame, classes: Sequence[str], own_names: Mapping[str, str]) -> str | None:
    """Find the column that names a class: text that names classes, else the one that is called so.

    Returns:
        Its name; None if there is none, or if there are several.
    """
    texts = [name for name in table.columns if is_text(table[name].tolist())]
    naming = [name for name in texts if match_labels(table[name].tolist(), classes, own_names) is not None]
    called = [name for name in table.columns if is_label_name(name)]
    for candidates in (naming, called):
        if len(candidates) == 1:
            return str(candidates[0])
    return None


def score_column(table: pd.DataFrame, label: str, *, naming: Container[str], stated: bool) -> str | None:
    """Find the column of the score beside a label: the one that is called so, or else like a class.

    ``naming`` are the columns called like a class; ``stated`` is whether the user says what the score is of: then any
    other lone column of numbers is the score.
    """
    others = [str(name) for name in table.columns if name != label]
    called = [name for name in others if is_score_name(name)] or [name for name in others if name in naming]
    if stated and not called:
        called = [name for name in others if pd.api.types.is_numeric_dtype(table[name])]
    return called[0] if len(called) == 1 else None


def is_label_name(name: str) -> bool:
    """Whether a column is called like a predicted class."""
    return any(map(LABEL_WORD.fullmatch, _words(name))) and not is_score_name(name)


def is_score_name(name: str) -> bool:
    """Whether a column is called like a probability."""
    return any(map(SCORE_WORD.fullmatch, _words(name)))


def _words(name: str) -> list[str]:
    """A name and the words that it is made of, in small letters."""
    return [name.casefold().strip(), *SEPARATORS.split(LOWER_THEN_UPPER.sub(" ", name).casefold())]

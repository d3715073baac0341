"""Which column of a table holds what: by obvious names, else as the user says."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arogya_bench.errors import DatasetError, did_you_mean
from arogya_bench.importing.table_files import UNNAMED, columns_text

# For each role, names from the most to the least obvious; the first tier with a match decides.
OBVIOUS_NAMES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "case": (
        ("case", "case_id"),
        ("image", "image_id", "image_name", "filename", "file_name", "file", "image_path", "path", "img", "img_id"),
        ("sample", "sample_id", "example_id", "id", "uid", "name"),
    ),
    # One tier: where two columns hold classes, one may be the prediction, which must not be taken as the truth.
    "label": (
        (
            *("label", "target", "truth", "true_label", "true_class", "y_true", "ground_truth", "targets", "labels"),
            *("actual", "gt", "reference", "y", "class", "diagnosis", "dx"),
        ),
    ),
    "predicted": (
        ("predicted", "prediction", "pred", "y_pred", "predicted_label", "predicted_class", "pred_label", "y_hat"),
        ("predictions", "outputs", "output"),
    ),
    "group": (("group", "group_id", "patient", "patient_id"), ("subject", "subject_id", "lesion_id", "person_id")),
    "model": (("model", "model_name"), ("classifier", "system", "algorithm")),
    "seed": (("seed", "random_seed"), ("random_state",)),
    "condition": (("condition",), ("corruption", "augmentation", "perturbation")),
    "severity": (("severity",),),
    "split": (("split",), ("part", "subset", "partition")),
    "score": (
        ("score", "probability", "prob", "proba", "y_score", "y_prob", "y_proba", "p"),
        ("confidence", "positive_probability", "probability_positive", "prob_positive"),
    ),
}
# Of the tables that runs of arogya-bench store; every other column of them is metadata.
OWN_LAYOUT: Mapping[str, str] = {"case": "case_id", "group": "group_id", "label": "target", "predicted": "predicted"}
OPTIONS = {role: f"--{role}-column" for role in OBVIOUS_NAMES}
REQUIRED_FIX = {
    "case": "add a column `case` with the id of each image, name yours with --case-column, or number the rows with "
    "--number-cases, if every file lists the same cases in the same order.",
    "label": "add a column `label` with the true class, name yours with --label-column, or name a dataset that knows "
    "the labels (dataset=…).",
}


@dataclass(frozen=True, kw_only=True)
class ColumnOptions:
    """What the user says about the columns.

    Attributes:
        named: Role to column; a role is a key of ``OBVIOUS_NAMES``.
        probabilities: Class to column.
        classes: Names of all classes, in their order; empty for those in the file.
        positive_class: Of two classes, the one that a single score is of.
        score_is: What a single score is the probability of: ``positive`` or ``predicted``; empty to find out.
        number_cases: Whether rows have no ids and are numbered.
    """

    named: Mapping[str, str] = field(default_factory=dict)
    probabilities: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    positive_class: str = ""
    score_is: str = ""
    number_cases: bool = False


def match_columns(columns: Sequence[str], options: ColumnOptions) -> dict[str, str]:
    """Find the column of each role; roles without a column are left out.

    Raises:
        DatasetError: If a named column is missing, or several are as obvious.
    """
    for column in (*options.named.values(), *options.probabilities.values()):
        if column not in columns:
            raise DatasetError(
                f"There is no column {column!r}; there are {columns_text(columns)}.{did_you_mean(column, columns)}",
                fix="name one of them.",
            )
    if set(OWN_LAYOUT.values()) <= set(columns):
        return {**OWN_LAYOUT, **options.named}
    taken = {*options.named.values(), *options.probabilities.values()}
    matched = dict(options.named)
    for role, tiers in OBVIOUS_NAMES.items():
        if role not in matched and not (role == "case" and options.number_cases):
            found = _match(role, tiers, [column for column in columns if column not in taken])
            if found is not None:
                matched[role] = found
    if "case" not in matched and not options.number_cases and UNNAMED in columns:
        matched["case"] = UNNAMED
    return matched


def require_column(role: str, matched: Mapping[str, str], columns: Sequence[str]) -> str:
    """The column of a role; DatasetError with a fix if there is none."""
    if role not in matched:
        raise DatasetError(
            f"No column is obviously the {role}; the columns are {columns_text(columns)}.", fix=REQUIRED_FIX[role]
        )
    return matched[role]


def simplified(name: str) -> str:
    """A column name in lower case, with underscores for all that is no letter or digit."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def _match(role: str, tiers: Sequence[Sequence[str]], columns: Sequence[str]) -> str | None:
    for tier in tiers:
        found = [column for column in columns if simplified(column) in tier]
        if len(found) > 1:
            raise DatasetError(
                f"Several columns may be the {role}: {columns_text(found)}.",
                fix=f"name the right one: {OPTIONS[role]} {found[0]!r}",
            )
        if found:
            return found[0]
    return None

"""Check that a requested metric and a positive class are defined on the datasets of a comparison."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.errors import ConfigError, did_you_mean
from arogya_bench.scoring.classification import CLASSIFICATION
from arogya_bench.tracking.tags import DATASET

MULTICLASS_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "sensitivity": "recall_macro",
        "specificity": "specificity_macro",
        "precision": "precision_macro",
        "f1": "f1_macro",
        "auroc": "auroc_macro_ovr",
        "average_precision": "average_precision_macro",
    }
)  # metrics of two classes, and what they are called for any number of classes


def check_two_class_metric(blocks: Sequence[ComparableRuns], metric: str) -> None:
    """Raise ConfigError if a metric of two classes is requested for a classification dataset with another number.

    The number of classes is read from the stored predictions of one run, which a comparison reads in any case.
    """
    if metric not in MULTICLASS_FORMS:
        return
    counts = {block.dataset: _class_count(block) for block in blocks if block.task.name == CLASSIFICATION.name}
    unfit = [f"{dataset} has {count}" for dataset, count in counts.items() if count != 2]
    if not unfit:
        return
    fix = f"use the metric {MULTICLASS_FORMS[metric]}"
    fitting = [block.name for block in blocks if counts.get(block.dataset) == 2]
    if fitting:
        fix += (
            f", or select the datasets with two classes, for example with --where \"tags.`{DATASET}` = '{fitting[0]}'\""
        )
    raise ConfigError(f"{metric} is defined for two classes; {', '.join(unfit)}.", fix=f"{fix}.")


def check_positive_class(blocks: Sequence[ComparableRuns], name: str | None) -> None:
    """Raise ConfigError if no classification dataset has the class that was named."""
    if name is None:
        return
    classes = dict.fromkeys(
        known for block in blocks if block.task.name == CLASSIFICATION.name for known in _class_names(block)
    )
    if name not in classes:
        raise ConfigError(
            f"positive_class is {name!r}, which no dataset has.{did_you_mean(name, list(classes))}",
            fix=f"name one of: {', '.join(classes)}." if classes else "leave it out: no dataset has classes of cases.",
        )


def _class_count(block: ComparableRuns) -> int:
    return len(_class_names(block))


def _class_names(block: ComparableRuns) -> tuple[str, ...]:
    row, condition, _ = next(iter(block.runs))
    return tuple(block.load_predictions(row, condition)[0].classes)

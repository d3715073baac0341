"""Flags for metrics with conventions, excluded classes or few cases."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.metrics.outcomes import SUM_LIMIT, Outcomes
from arogya_bench.metrics.per_class import FEW_POSITIVES
from arogya_bench.metrics.tally import MIN_PROBABILITY, SufficientStatistics

OBSERVED_CLASS_METRICS = ("precision_macro", "recall_macro", "specificity_macro", "f1_macro")
TRUE_CLASS_METRICS = (
    "balanced_accuracy", "auroc_macro_ovr", "auroc_weighted_ovr", "average_precision_macro",
)  # fmt: skip
LABEL_METRICS = (
    *OBSERVED_CLASS_METRICS, "accuracy", "balanced_accuracy", "precision_weighted", "recall_weighted",
    "specificity_weighted", "f1_weighted", "mcc", "kappa", "kappa_linear", "kappa_quadratic",
    "sensitivity", "specificity", "precision", "f1",
)  # fmt: skip
PROBABILITY_METRICS = (
    "auroc_macro_ovr", "auroc_weighted_ovr", "average_precision_macro", "auroc",
    "average_precision", "ece", "ece_classwise", "ece_adaptive", "brier", "nll",
)  # fmt: skip
POSITIVE_CLASS_METRICS = ("sensitivity", "f1", "auroc", "average_precision")
NEGATIVE_CLASS_METRICS = ("specificity", "auroc")


class _ClassificationFlag(NamedTuple):
    metrics: tuple[str, ...]
    text: str


def flag_degenerate_metrics(cases: Outcomes, tally: SufficientStatistics) -> dict[str, str]:
    """Say which classes an average leaves out, and where a convention stands for 0/0.

    Args:
        cases: What was counted.
        tally: Of all the cases, without leading axes.

    Returns:
        One text per metric that needs one; undefined metrics may be among them.
    """
    texts = defaultdict(list)
    remarks = (_flag_classes, _flag_labels, _flag_probabilities)
    for remark in (remark for each in remarks for remark in each(cases, tally)):
        for name in remark.metrics:
            texts[name].append(remark.text)
    return {name: "; ".join(several) for name, several in texts.items()}


def _flag_classes(cases: Outcomes, tally: SufficientStatistics) -> Iterator[_ClassificationFlag]:
    true, guessed = tally.support > 0, tally.predicted > 0
    rules = (
        (OBSERVED_CLASS_METRICS, "left out, in neither truth nor prediction", ~true & ~guessed),
        (TRUE_CLASS_METRICS, "left out, not in the truth", ~true),
        (
            ("precision_macro", "precision_weighted"),
            "never predicted, counts as 0",
            true & ~guessed,
        ),
        (("recall_macro", "f1_macro"), "predicted without a case, counts as 0", ~true & guessed),
        (
            ("specificity_macro", "specificity_weighted"),
            "left out, holds every case",
            tally.support == tally.n,
        ),
        (
            (*OBSERVED_CLASS_METRICS, *TRUE_CLASS_METRICS),
            f"fewer than {FEW_POSITIVES} cases",
            true & (tally.support < FEW_POSITIVES),
        ),
    )
    for metrics, text, applies in rules:
        if applies.any():
            yield _ClassificationFlag(metrics, f"{text}: {_join_class_names(cases, applies)}")


def _flag_labels(cases: Outcomes, tally: SufficientStatistics) -> Iterator[_ClassificationFlag]:
    if (tally.support == tally.n).any() or (tally.predicted == tally.n).any():
        yield _ClassificationFlag(("mcc",), "0 by convention, truth or prediction is constant")
    silent = int((cases.predicted < 0).sum())
    if silent:
        share = silent / cases.n
        yield _ClassificationFlag(LABEL_METRICS, f"{silent} cases ({share:.1%}) have no answer and count as wrong")
    if len(cases.classes) == 2:
        for metrics, count in zip((NEGATIVE_CLASS_METRICS, POSITIVE_CLASS_METRICS), tally.support, strict=True):
            if 0 < count < FEW_POSITIVES:
                yield _ClassificationFlag(metrics, f"fewer than {FEW_POSITIVES} cases: {count:.0f}")


def _flag_probabilities(cases: Outcomes, _: SufficientStatistics) -> Iterator[_ClassificationFlag]:
    if cases.renormalised:
        yield _ClassificationFlag(PROBABILITY_METRICS, f"{cases.renormalised} rows did not sum to 1, divided")
    if cases.implausible_sums:
        text = f"{cases.implausible_sums} rows are off by more than {SUM_LIMIT:.0%}: are they probabilities?"
        yield _ClassificationFlag(PROBABILITY_METRICS, text)
    if cases.probabilities is not None and not cases.unanswered:
        believed = cases.probabilities[np.arange(cases.n), cases.targets]
        clipped = int((believed < MIN_PROBABILITY).sum())
        if clipped:
            yield _ClassificationFlag(("nll",), f"{clipped} probabilities below {MIN_PROBABILITY:.1e} clipped to it")


def _join_class_names(cases: Outcomes, mask: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, listed in zip(cases.classes, mask, strict=True) if listed)

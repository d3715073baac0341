"""Flags for metrics with conventions, excluded classes or few cases."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.metrics.agreement import GRADED_METRICS
from arogya_bench.metrics.class_order import needs_order
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
CALIBRATION_ERRORS = ("ece", "ece_classwise", "ece_adaptive")  # larger by chance, the fewer the cases
POSITIVE_CLASS_METRICS = ("sensitivity", "f1", "auroc", "average_precision")
NEGATIVE_CLASS_METRICS = ("specificity", "auroc")
MAX_NAMED = 10  # classes in one text


class MetricFlag(NamedTuple):
    """A caveat on several metrics."""

    metrics: tuple[str, ...]
    text: str


def flag_degenerate_metrics(cases: Outcomes, tally: SufficientStatistics) -> dict[str, str]:
    """Explain which classes an average excludes, and where a convention replaces 0/0.

    Args:
        cases: n cases.
        tally: Of all cases, without leading axes.

    Returns:
        One text per flagged metric, possibly including undefined metrics.
    """
    return join_flags((*_flag_classes(cases, tally), *_flag_labels(cases, tally), *_flag_probabilities(cases)))


def join_flags(flags: Iterable[MetricFlag]) -> dict[str, str]:
    """Join the flags of each metric to one text, by name."""
    texts = defaultdict(list)
    for flag in flags:
        for name in flag.metrics:
            texts[name].append(flag.text)
    return {name: "; ".join(of_metric) for name, of_metric in texts.items()}


def flag_affected_classes(
    rules: Iterable[tuple[tuple[str, ...], str, NDArray[np.bool_]]], classes: Sequence[str]
) -> Iterator[MetricFlag]:
    """Apply rules of metrics, text and affected classes, shape (K,); flags name at most ten of these."""
    for metrics, text, affected in rules:
        if affected.any():
            names = [name for name, is_affected in zip(classes, affected, strict=True) if is_affected]
            yield MetricFlag(metrics, f"{text}: {_name_some(names)}")


def _name_some(classes: Sequence[str]) -> str:
    """The first classes by name, and how many others; the table of classes has all of them."""
    more = len(classes) - MAX_NAMED
    return ", ".join(classes[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _flag_classes(cases: Outcomes, tally: SufficientStatistics) -> Iterator[MetricFlag]:
    true, guessed = tally.support > 0, tally.predicted_counts > 0
    rare = true & (tally.support < FEW_POSITIVES)
    rules = (
        (OBSERVED_CLASS_METRICS, "left out, in neither truth nor prediction", ~true & ~guessed),
        (TRUE_CLASS_METRICS, "left out, not in the truth", ~true),
        (("precision_macro", "precision_weighted"), "never predicted, counts as 0", true & ~guessed),
        (("recall_macro", "f1_macro"), "predicted without a case, counts as 0", ~true & guessed),
        (("specificity_macro", "specificity_weighted"), "left out, holds every case", tally.support == tally.n),
        ((*OBSERVED_CLASS_METRICS, *TRUE_CLASS_METRICS), f"fewer than {FEW_POSITIVES} cases", rare),
    )
    yield from flag_affected_classes(rules, cases.classes)
    if needs_order(cases.classes):
        order = _name_some(cases.classes)
        yield MetricFlag(tuple(GRADED_METRICS), f"takes the classes for grades in this order: {order}")


def _flag_labels(cases: Outcomes, tally: SufficientStatistics) -> Iterator[MetricFlag]:
    if (tally.support == tally.n).any() or (tally.predicted_counts == tally.n).any():
        yield MetricFlag(("mcc",), "0 by convention, truth or prediction is constant")
    unanswered = int((cases.predicted < 0).sum())
    if unanswered:
        share = unanswered / cases.n
        yield MetricFlag(LABEL_METRICS, f"{unanswered} cases ({share:.1%}) have no answer and count as wrong")
    if len(cases.classes) == 2:
        for metrics, count in zip((NEGATIVE_CLASS_METRICS, POSITIVE_CLASS_METRICS), tally.support, strict=True):
            if 0 < count < FEW_POSITIVES:
                yield MetricFlag(metrics, f"fewer than {FEW_POSITIVES} cases: {count:.0f}")


def _flag_probabilities(cases: Outcomes) -> Iterator[MetricFlag]:
    if cases.renormalised:
        yield MetricFlag(PROBABILITY_METRICS, f"{cases.renormalised} rows did not sum to 1, divided")
    if cases.implausible_sums:
        text = f"{cases.implausible_sums} rows are off by more than {SUM_LIMIT:.0%}: are they probabilities?"
        yield MetricFlag(PROBABILITY_METRICS, text)
    if cases.probabilities is not None and not cases.unanswered:
        of_true_class = cases.probabilities[np.arange(cases.n), cases.targets]
        clipped = int((of_true_class < MIN_PROBABILITY).sum())
        if clipped:
            yield MetricFlag(("nll",), f"{clipped} probabilities below {MIN_PROBABILITY:.1e} clipped to it")

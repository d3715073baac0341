"""What must be said beside a metric that exists, but not quite as its name promises."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.metrics.outcomes import SUM_LIMIT, Outcomes
from arogya_bench.metrics.per_class import FEW_POSITIVES
from arogya_bench.metrics.tally import SMALLEST, Tally

OVER_SEEN = ("precision_macro", "recall_macro", "specificity_macro", "f1_macro")
OVER_TRUTH = (
    "balanced_accuracy", "auroc_macro_ovr", "auroc_weighted_ovr", "average_precision_macro",
)  # fmt: skip
FROM_LABELS = (
    *OVER_SEEN, "accuracy", "balanced_accuracy", "precision_weighted", "recall_weighted",
    "specificity_weighted", "f1_weighted", "mcc", "kappa", "kappa_linear", "kappa_quadratic",
    "sensitivity", "specificity", "precision", "f1",
)  # fmt: skip
FROM_PROBABILITIES = (
    "auroc_macro_ovr", "auroc_weighted_ovr", "average_precision_macro", "auroc",
    "average_precision", "ece", "ece_classwise", "ece_adaptive", "brier", "nll",
)  # fmt: skip
OF_POSITIVES = ("sensitivity", "f1", "auroc", "average_precision")
OF_NEGATIVES = ("specificity", "auroc")


class _Remark(NamedTuple):
    metrics: tuple[str, ...]
    text: str


def degenerate(cases: Outcomes, tally: Tally) -> dict[str, str]:
    """Say which classes an average leaves out, and where a convention stands for 0/0.

    Args:
        cases: What was counted.
        tally: Of all the cases, without leading axes.

    Returns:
        One text per metric that needs one; undefined metrics may be among them.
    """
    texts = defaultdict(list)
    remarks = (_about_classes, _about_labels, _about_probabilities)
    for remark in (remark for each in remarks for remark in each(cases, tally)):
        for name in remark.metrics:
            texts[name].append(remark.text)
    return {name: "; ".join(several) for name, several in texts.items()}


def _about_classes(cases: Outcomes, tally: Tally) -> Iterator[_Remark]:
    true, guessed = tally.support > 0, tally.predicted > 0
    rules = (
        (OVER_SEEN, "left out, in neither truth nor prediction", ~true & ~guessed),
        (OVER_TRUTH, "left out, not in the truth", ~true),
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
            (*OVER_SEEN, *OVER_TRUTH),
            f"fewer than {FEW_POSITIVES} cases",
            true & (tally.support < FEW_POSITIVES),
        ),
    )
    for metrics, text, applies in rules:
        if applies.any():
            yield _Remark(metrics, f"{text}: {_listed(cases, applies)}")


def _about_labels(cases: Outcomes, tally: Tally) -> Iterator[_Remark]:
    if (tally.support == tally.n).any() or (tally.predicted == tally.n).any():
        yield _Remark(("mcc",), "0 by convention, truth or prediction is constant")
    silent = int((cases.predicted < 0).sum())
    if silent:
        share = silent / cases.n
        yield _Remark(
            FROM_LABELS, f"{silent} cases ({share:.1%}) have no answer and count as wrong"
        )
    if len(cases.classes) == 2:
        for metrics, count in zip((OF_NEGATIVES, OF_POSITIVES), tally.support, strict=True):
            if 0 < count < FEW_POSITIVES:
                yield _Remark(metrics, f"fewer than {FEW_POSITIVES} cases to judge by: {count:.0f}")


def _about_probabilities(cases: Outcomes, _: Tally) -> Iterator[_Remark]:
    if cases.renormalised:
        yield _Remark(FROM_PROBABILITIES, f"{cases.renormalised} rows did not sum to 1, divided")
    if cases.far_off:
        text = f"{cases.far_off} rows are off by more than {SUM_LIMIT:.0%}: are they probabilities?"
        yield _Remark(FROM_PROBABILITIES, text)
    if cases.probabilities is not None and not cases.silent:
        believed = cases.probabilities[np.arange(cases.n), cases.targets]
        clipped = int((believed < SMALLEST).sum())
        if clipped:
            yield _Remark(("nll",), f"{clipped} probabilities below {SMALLEST:.1e} clipped to it")


def _listed(cases: Outcomes, chosen: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, listed in zip(cases.classes, chosen, strict=True) if listed)

"""What must be said beside a metric that exists, but not quite as its name promises."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arogya_bench.metrics.outcomes import Outcomes
from arogya_bench.metrics.per_class import FEW_POSITIVES
from arogya_bench.metrics.tally import SMALLEST, Tally

OVER_SEEN = ("precision_macro", "recall_macro", "specificity_macro", "f1_macro")
OVER_TRUTH = ("balanced_accuracy", "auroc_macro_ovr", "auroc_weighted_ovr")
FROM_PROBABILITIES = ("auroc_macro_ovr", "auroc_weighted_ovr", "ece", "brier", "nll")


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
    for remark in (*_about_classes(cases, tally), *_about_cases(cases, tally)):
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


def _about_cases(cases: Outcomes, tally: Tally) -> Iterator[_Remark]:
    if (tally.support == tally.n).any() or (tally.predicted == tally.n).any():
        yield _Remark(("mcc",), "0 by convention, truth or prediction is constant")
    if cases.renormalised:
        yield _Remark(FROM_PROBABILITIES, f"{cases.renormalised} rows did not sum to 1, divided")
    if cases.probabilities is not None:
        believed = cases.probabilities[np.arange(cases.n), cases.targets]
        clipped = int((believed < SMALLEST).sum())
        if clipped:
            yield _Remark(("nll",), f"{clipped} probabilities below {SMALLEST:.1e} clipped to it")


def _listed(cases: Outcomes, chosen: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, listed in zip(cases.classes, chosen, strict=True) if listed)

"""Every test and interval on trial: did it err in one invented study?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arogya_bench.metrics.thresholds import at_threshold
from arogya_bench.statistics.delong import auroc_interval, delong
from arogya_bench.statistics.equivalence import (
    equivalence_from_replicates,
    non_inferiority_from_replicates,
)
from arogya_bench.statistics.intervals import BootstrapInterval, Interval
from arogya_bench.statistics.paired_proportions import newcombe_paired
from arogya_bench.statistics.permutation import sign_flip, swap_test
from arogya_bench.statistics.proportions import clopper_pearson, wilson
from arogya_bench.statistics.rank_tests import cochran_q, friedman, nemenyi
from arogya_bench.statistics.signed_rank import wilcoxon
from arogya_bench.statistics.simulation import resampled_splits, truth
from arogya_bench.statistics.t_tests import corrected_resampled_t, paired_t
from arogya_bench.statistics.threshold_intervals import predictive_values
from arogya_bench.statistics.trials import METRICS, Trial

ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Check:
    """A method on trial.

    Attributes:
        kind: ``size``: ``errs`` says that a true hypothesis was rejected; ``coverage``: that an
            interval missed the truth.
        errs: None if the method gave no answer.
        clusters: Whether it is made for several cases per group.
        resamples: Whether it needs resamples, which take most of the time.
        note: What a reader of the table should know.
    """

    name: str
    kind: Literal["size", "coverage"]
    errs: Callable[[Trial], bool | None]
    clusters: bool = True
    resamples: bool = True
    note: str = ""


def _rejects(p_value: float | None) -> bool | None:
    return None if p_value is None else p_value < ALPHA


def _misses(found: Interval, true: float) -> bool | None:
    return _outside(found.low, found.high, true)


def _outside(low: float | None, high: float | None, true: float) -> bool | None:
    if low is None or high is None:
        return None
    return not low - 1e-12 <= true <= high + 1e-12


def _claims(found: BootstrapInterval) -> bool | None:
    missed = _misses(found, 0.0)
    return missed and _rejects(found.p_value)


def _delong(trial: Trial) -> float | None:
    return delong(trial.study.targets, *trial.study.probabilities[:2]).p_value


def _right(trial: Trial) -> tuple[int, int]:
    hits = trial.study.right()[0]
    return int(hits.sum()), hits.size


def _auroc(trial: Trial, end: Literal["wald", "logit"]) -> bool | None:
    found = auroc_interval(trial.study.targets, trial.study.probabilities[0])
    ends = found.ci if end == "wald" else found.ci_logit
    return _outside(*ends, truth()["auroc_macro_ovr"])


def _newcombe(trial: Trial) -> bool | None:
    a, b = trial.study.right()[:2] > 0
    cells = (a & b, a & ~b, ~a & b, ~a & ~b)
    return _misses(newcombe_paired(*(int(cell.sum()) for cell in cells)), 0.0)


def _splits(trial: Trial) -> float | None:
    found = resampled_splits(trial.rng(4), trial.groups, clustered=trial.clustered)
    return corrected_resampled_t(found, test_train_ratio=0.25).p_value


def _any_pair(trial: Trial) -> bool | None:
    found = nemenyi(-trial.losses.T)
    return None if found.p_values is None else bool((found.p_values < ALPHA).any())


def _within_margin(trial: Trial, *, both: bool) -> bool:
    estimate, values, plan, margin = trial.margin
    test = equivalence_from_replicates if both else non_inferiority_from_replicates
    return test(estimate, values, margin=margin, draws=plan).conclusion == "shown"


def _sizes() -> Iterator[Check]:
    quick = {
        "McNemar mid-p": (lambda t: _rejects(t.mcnemar.p_value), False, "discrete"),
        "McNemar exact": (lambda t: _rejects(t.mcnemar.p_exact), False, "discrete"),
        "McNemar asymptotic": (lambda t: _rejects(t.mcnemar.p_asymptotic), False, "discrete"),
        "paired t, loss": (lambda t: _rejects(paired_t(*t.losses[:2]).p_value), True, ""),
        "Wilcoxon, loss": (lambda t: _rejects(wilcoxon(*t.losses[:2]).p_value), True, ""),
        "DeLong": (lambda t: _rejects(_delong(t)), False, ""),
        "Cochran's Q, 3 models": (
            lambda t: _rejects(cochran_q(t.study.right().T).p_value), False, "discrete",
        ),
        "Friedman, 3 models, loss": (
            lambda t: _rejects(friedman(-t.losses.T).p_F), True, "rows are patients",
        ),
        "Nemenyi, any of 3 pairs, loss": (_any_pair, True, "rows are patients"),
        "corrected resampled t, 10 splits": (
            lambda t: _rejects(_splits(t)), True, "two learners, 80/20",
        ),
    }  # fmt: skip
    for name, (errs, clusters, note) in quick.items():
        yield Check(
            name=name, kind="size", errs=errs, clusters=clusters, resamples=False, note=note
        )
    yield Check(name="sign flip, loss", kind="size", errs=_flips, note="199 permutations")
    yield Check(name="swap test, F1", kind="size", errs=_swaps, note="199 exchanges")
    for name in METRICS:
        yield Check(
            name=f"paired bootstrap, {name}",
            kind="size",
            errs=lambda t, name=name: _rejects(t.difference(name).p_value),  # type: ignore[misc]
        )
    yield Check(
        name="claim (p and BCa interval), f1_macro",
        kind="size",
        errs=lambda t: _claims(t.difference("f1_macro")),
    )
    yield Check(
        name="seeds x patients bootstrap, accuracy",
        kind="size",
        errs=lambda t: _rejects(t.seeds.p_value),
        note="5 seeds a model",
    )
    for name, both in (("non-inferiority", False), ("equivalence (TOST)", True)):
        yield Check(
            name=f"{name} at the margin, accuracy",
            kind="size",
            errs=lambda t, both=both: _within_margin(t, both=both),  # type: ignore[misc]
            note="true difference = margin",
        )


def _coverages() -> Iterator[Check]:
    right = truth()["accuracy"]
    quick = {
        "Wilson, accuracy": (lambda t: _misses(wilson(*_right(t)), right), False),
        "Clopper-Pearson, accuracy": (lambda t: _misses(clopper_pearson(*_right(t)), right), False),
        "DeLong, Wald": (lambda t: _auroc(t, "wald"), False),
        "DeLong, logit": (lambda t: _auroc(t, "logit"), False),
        "Tango, difference of accuracy": (
            lambda t: _outside(t.mcnemar.low, t.mcnemar.high, 0.0),
            False,
        ),
        "Newcombe, difference of accuracy": (_newcombe, False),
        "logit, PPV at 10 % prevalence": (_predictive, False),
        "t, difference of loss": (lambda t: _misses(paired_t(*t.losses[:2]), 0.0), True),
        "Hodges-Lehmann, shift of loss": (lambda t: _misses(wilcoxon(*t.losses[:2]), 0.0), True),
    }
    for name, (errs, clusters) in quick.items():
        yield Check(name=name, kind="coverage", errs=errs, clusters=clusters, resamples=False)
    for method in ("percentile", "bca"):
        for name in METRICS:
            yield Check(
                name=f"bootstrap {method}, {name}",
                kind="coverage",
                errs=lambda t, name=name, method=method: _misses(  # type: ignore[misc]
                    t.one(name, method), truth()[name]
                ),
            )
    for name in METRICS:
        yield Check(
            name=f"bootstrap bca, difference of {name}",
            kind="coverage",
            errs=lambda t, name=name: _misses(t.difference(name), 0.0),  # type: ignore[misc]
        )
    yield Check(
        name="seeds x patients, difference of accuracy",
        kind="coverage",
        errs=lambda t: _outside(t.seeds.low, t.seeds.high, 0.0),
        note="5 seeds a model",
    )


def _flips(trial: Trial) -> bool | None:
    a, b = trial.losses[:2]
    return _rejects(sign_flip(a - b, rng=trial.rng(5), permutations=199).p_value)


def _swaps(trial: Trial) -> bool | None:
    a, b = ({"said": each >= 0.5} for each in trial.study.probabilities[:2])
    found = swap_test(
        _f1, a, b, {"positive": trial.study.targets > 0},
        groups=trial.study.groups, rng=trial.rng(6), permutations=199,
    )  # fmt: skip
    return _rejects(found.p_value)


def _f1(positive: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    return 2 * float((positive & said).sum()) / float(positive.sum() + said.sum())


def _predictive(trial: Trial) -> bool | None:
    positive, scores = trial.study.targets > 0, trial.study.probabilities[0]
    found = predictive_values(at_threshold(positive, scores, 0.5, prevalence=0.1))
    hit, alarm = truth()["sensitivity"], 1 - truth()["specificity"]
    true = 0.1 * hit / (0.1 * hit + 0.9 * alarm)
    return _misses(found["ppv_at_prevalence"], true) if found else None


CHECKS = (*_sizes(), *_coverages())

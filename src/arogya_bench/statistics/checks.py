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
from arogya_bench.statistics.simulation import simulate_split_differences, true_metrics
from arogya_bench.statistics.t_tests import corrected_resampled_t, paired_t
from arogya_bench.statistics.threshold_intervals import predictive_values
from arogya_bench.statistics.trials import METRICS, SimulatedStudy

ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class CalibrationCheck:
    """A method on trial.

    Attributes:
        kind: ``size``: ``is_wrong`` says that a true hypothesis was rejected; ``coverage``: that an
            interval missed the truth.
        is_wrong: None if the method gave no answer.
        supports_clusters: Whether it is made for several cases per group.
        needs_resamples: Whether it needs resamples, which take most of the time.
        note: What a reader of the table should know.
    """

    name: str
    kind: Literal["size", "coverage"]
    is_wrong: Callable[[SimulatedStudy], bool | None]
    supports_clusters: bool = True
    needs_resamples: bool = True
    note: str = ""


def _rejects(p_value: float | None) -> bool | None:
    return None if p_value is None else p_value < ALPHA


def _misses(found: Interval, true: float) -> bool | None:
    return _excludes(found.low, found.high, true)


def _excludes(low: float | None, high: float | None, true: float) -> bool | None:
    if low is None or high is None:
        return None
    return not low - 1e-12 <= true <= high + 1e-12


def _claims_difference(found: BootstrapInterval) -> bool | None:
    missed = _misses(found, 0.0)
    return missed and _rejects(found.p_value)


def _delong_p_value(trial: SimulatedStudy) -> float | None:
    return delong(trial.predictions.targets, *trial.predictions.probabilities[:2]).p_value


def _count_correct(trial: SimulatedStudy) -> tuple[int, int]:
    hits = trial.predictions.is_correct()[0]
    return int(hits.sum()), hits.size


def _auroc_misses(trial: SimulatedStudy, end: Literal["wald", "logit"]) -> bool | None:
    found = auroc_interval(trial.predictions.targets, trial.predictions.probabilities[0])
    ends = found.ci if end == "wald" else found.ci_logit
    return _excludes(*ends, true_metrics()["auroc_macro_ovr"])


def _newcombe_misses(trial: SimulatedStudy) -> bool | None:
    a, b = trial.predictions.is_correct()[:2] > 0
    cells = (a & b, a & ~b, ~a & b, ~a & ~b)
    return _misses(newcombe_paired(*(int(cell.sum()) for cell in cells)), 0.0)


def _resampled_t_p_value(trial: SimulatedStudy) -> float | None:
    found = simulate_split_differences(trial.rng(4), trial.groups, clustered=trial.clustered)
    return corrected_resampled_t(found, test_train_ratio=0.25).p_value


def _any_pair_rejected(trial: SimulatedStudy) -> bool | None:
    found = nemenyi(-trial.losses.T)
    return None if found.p_values is None else bool((found.p_values < ALPHA).any())


def _margin_test_rejects(trial: SimulatedStudy, *, both: bool) -> bool:
    estimate, values, plan, margin = trial.margin_inputs
    test = equivalence_from_replicates if both else non_inferiority_from_replicates
    return test(estimate, values, margin=margin, draws=plan).conclusion == "shown"


def _size_checks() -> Iterator[CalibrationCheck]:
    quick = {
        "McNemar mid-p": (lambda t: _rejects(t.mcnemar.p_value), False, "discrete"),
        "McNemar exact": (lambda t: _rejects(t.mcnemar.p_exact), False, "discrete"),
        "McNemar asymptotic": (lambda t: _rejects(t.mcnemar.p_asymptotic), False, "discrete"),
        "paired t, loss": (lambda t: _rejects(paired_t(*t.losses[:2]).p_value), True, ""),
        "Wilcoxon, loss": (lambda t: _rejects(wilcoxon(*t.losses[:2]).p_value), True, ""),
        "DeLong": (lambda t: _rejects(_delong_p_value(t)), False, ""),
        "Cochran's Q, 3 models": (
            lambda t: _rejects(cochran_q(t.predictions.is_correct().T).p_value), False, "discrete",
        ),
        "Friedman, 3 models, loss": (
            lambda t: _rejects(friedman(-t.losses.T).p_F), True, "rows are patients",
        ),
        "Nemenyi, any of 3 pairs, loss": (_any_pair_rejected, True, "rows are patients"),
        "corrected resampled t, 10 splits": (
            lambda t: _rejects(_resampled_t_p_value(t)), True, "two learners, 80/20",
        ),
    }  # fmt: skip
    for name, (errs, clusters, note) in quick.items():
        yield CalibrationCheck(
            name=name,
            kind="size",
            is_wrong=errs,
            supports_clusters=clusters,
            needs_resamples=False,
            note=note,
        )
    yield CalibrationCheck(
        name="sign flip, loss", kind="size", is_wrong=_sign_flip_rejects, note="199 permutations"
    )
    yield CalibrationCheck(
        name="swap test, F1", kind="size", is_wrong=_swap_test_rejects, note="199 exchanges"
    )
    for name in METRICS:
        yield CalibrationCheck(
            name=f"paired bootstrap, {name}",
            kind="size",
            is_wrong=lambda t, name=name: _rejects(t.difference_interval(name).p_value),  # type: ignore[misc]
        )
    yield CalibrationCheck(
        name="claim (p and BCa interval), f1_macro",
        kind="size",
        is_wrong=lambda t: _claims_difference(t.difference_interval("f1_macro")),
    )
    yield CalibrationCheck(
        name="seeds x patients bootstrap, accuracy",
        kind="size",
        is_wrong=lambda t: _rejects(t.seed_difference.p_value),
        note="5 seeds a model",
    )
    for name, both in (("non-inferiority", False), ("equivalence (TOST)", True)):
        yield CalibrationCheck(
            name=f"{name} at the margin, accuracy",
            kind="size",
            is_wrong=lambda t, both=both: _margin_test_rejects(t, both=both),  # type: ignore[misc]
            note="true difference = margin",
        )


def _coverage_checks() -> Iterator[CalibrationCheck]:
    right = true_metrics()["accuracy"]
    quick = {
        "Wilson, accuracy": (lambda t: _misses(wilson(*_count_correct(t)), right), False),
        "Clopper-Pearson, accuracy": (
            lambda t: _misses(clopper_pearson(*_count_correct(t)), right),
            False,
        ),
        "DeLong, Wald": (lambda t: _auroc_misses(t, "wald"), False),
        "DeLong, logit": (lambda t: _auroc_misses(t, "logit"), False),
        "Tango, difference of accuracy": (
            lambda t: _excludes(t.mcnemar.low, t.mcnemar.high, 0.0),
            False,
        ),
        "Newcombe, difference of accuracy": (_newcombe_misses, False),
        "logit, PPV at 10 % prevalence": (_predictive_value_misses, False),
        "t, difference of loss": (lambda t: _misses(paired_t(*t.losses[:2]), 0.0), True),
        "Hodges-Lehmann, shift of loss": (lambda t: _misses(wilcoxon(*t.losses[:2]), 0.0), True),
    }
    for name, (errs, clusters) in quick.items():
        yield CalibrationCheck(
            name=name,
            kind="coverage",
            is_wrong=errs,
            supports_clusters=clusters,
            needs_resamples=False,
        )
    for method in ("percentile", "bca"):
        for name in METRICS:
            yield CalibrationCheck(
                name=f"bootstrap {method}, {name}",
                kind="coverage",
                is_wrong=lambda t, name=name, method=method: _misses(  # type: ignore[misc]
                    t.metric_interval(name, method), true_metrics()[name]
                ),
            )
    for name in METRICS:
        yield CalibrationCheck(
            name=f"bootstrap bca, difference of {name}",
            kind="coverage",
            is_wrong=lambda t, name=name: _misses(t.difference_interval(name), 0.0),  # type: ignore[misc]
        )
    yield CalibrationCheck(
        name="seeds x patients, difference of accuracy",
        kind="coverage",
        is_wrong=lambda t: _excludes(t.seed_difference.low, t.seed_difference.high, 0.0),
        note="5 seeds a model",
    )


def _sign_flip_rejects(trial: SimulatedStudy) -> bool | None:
    a, b = trial.losses[:2]
    return _rejects(sign_flip(a - b, rng=trial.rng(5), permutations=199).p_value)


def _swap_test_rejects(trial: SimulatedStudy) -> bool | None:
    a, b = ({"said": each >= 0.5} for each in trial.predictions.probabilities[:2])
    found = swap_test(
        _f1, a, b, {"positive": trial.predictions.targets > 0},
        groups=trial.predictions.groups, rng=trial.rng(6), permutations=199,
    )  # fmt: skip
    return _rejects(found.p_value)


def _f1(positive: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    return 2 * float((positive & said).sum()) / float(positive.sum() + said.sum())


def _predictive_value_misses(trial: SimulatedStudy) -> bool | None:
    positive, scores = trial.predictions.targets > 0, trial.predictions.probabilities[0]
    found = predictive_values(at_threshold(positive, scores, 0.5, prevalence=0.1))
    hit, alarm = true_metrics()["sensitivity"], 1 - true_metrics()["specificity"]
    true = 0.1 * hit / (0.1 * hit + 0.9 * alarm)
    return _misses(found["ppv_at_prevalence"], true) if found else None


CALIBRATION_CHECKS = (*_size_checks(), *_coverage_checks())

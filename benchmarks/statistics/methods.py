"""P-values and interval bounds in one simulated study, one function per method."""

from typing import TypeAlias

from arogya_bench.metrics.thresholds import at_threshold
from arogya_bench.statistics.delong import auroc_interval, delong
from arogya_bench.statistics.intervals import IntervalMethod
from arogya_bench.statistics.proportions import clopper_pearson, wilson
from arogya_bench.statistics.rank_tests import cochran_q, friedman, nemenyi
from arogya_bench.statistics.signed_rank import wilcoxon
from arogya_bench.statistics.t_tests import corrected_resampled_t, paired_t
from arogya_bench.statistics.threshold_intervals import predictive_values
from benchmarks.statistics.simulation import simulate_split_differences, true_metrics
from benchmarks.statistics.trials import SimulatedStudy

Bounds: TypeAlias = tuple[float | None, float | None]


def mcnemar_mid_p(study: SimulatedStudy) -> float | None:
    return study.mcnemar.p_value


def mcnemar_exact_p(study: SimulatedStudy) -> float | None:
    return study.mcnemar.p_exact


def mcnemar_asymptotic_p(study: SimulatedStudy) -> float | None:
    return study.mcnemar.p_asymptotic


def paired_t_p(study: SimulatedStudy) -> float | None:
    return paired_t(*study.losses[:2]).p_value


def wilcoxon_p(study: SimulatedStudy) -> float | None:
    return wilcoxon(*study.losses[:2]).p_value


def delong_p(study: SimulatedStudy) -> float | None:
    predictions = study.predictions
    return delong(predictions.targets, *predictions.probabilities[:2]).p_value


def cochran_q_p(study: SimulatedStudy) -> float | None:
    return cochran_q(study.predictions.is_correct().T).p_value


def friedman_p(study: SimulatedStudy) -> float | None:
    return friedman(-study.losses.T).p_F


def smallest_nemenyi_p(study: SimulatedStudy) -> float | None:
    p_values = nemenyi(-study.losses.T).p_values
    return None if p_values is None else float(p_values.min())


def resampled_t_p(study: SimulatedStudy) -> float | None:
    differences = simulate_split_differences(study.rng(4), study.groups, clustered=study.clustered)
    return corrected_resampled_t(differences, test_train_ratio=0.25).p_value


def bootstrap_p(study: SimulatedStudy, *, metric: str) -> float | None:
    return study.difference_interval(metric).p_value


def wilson_bounds(study: SimulatedStudy) -> Bounds:
    return wilson(*study.correct_of_first).ci


def clopper_pearson_bounds(study: SimulatedStudy) -> Bounds:
    return clopper_pearson(*study.correct_of_first).ci


def delong_wald_bounds(study: SimulatedStudy) -> Bounds:
    predictions = study.predictions
    return auroc_interval(predictions.targets, predictions.probabilities[0]).ci


def delong_logit_bounds(study: SimulatedStudy) -> Bounds:
    predictions = study.predictions
    return auroc_interval(predictions.targets, predictions.probabilities[0]).ci_logit


def tango_bounds(study: SimulatedStudy) -> Bounds:
    return study.mcnemar.ci


def positive_predictive_value_bounds(study: SimulatedStudy) -> Bounds:
    positive, scores = study.predictions.targets > 0, study.predictions.probabilities[0]
    intervals = predictive_values(at_threshold(positive, scores, 0.5, prevalence=0.1))
    return intervals["ppv_at_prevalence"].ci if intervals else (None, None)


def true_positive_predictive_value(prevalence: float) -> float:
    sensitivity, specificity = true_metrics()["sensitivity"], true_metrics()["specificity"]
    true_positives = prevalence * sensitivity
    return true_positives / (true_positives + (1 - prevalence) * (1 - specificity))


def t_bounds(study: SimulatedStudy) -> Bounds:
    return paired_t(*study.losses[:2]).ci


def hodges_lehmann_bounds(study: SimulatedStudy) -> Bounds:
    return wilcoxon(*study.losses[:2]).ci


def bootstrap_bounds(study: SimulatedStudy, *, metric: str, method: IntervalMethod) -> Bounds:
    return study.metric_interval(metric, method).ci


def bootstrap_difference_bounds(study: SimulatedStudy, *, metric: str) -> Bounds:
    return study.difference_interval(metric).ci

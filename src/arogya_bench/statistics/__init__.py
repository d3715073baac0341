"""Intervals, tests, rankings and sample sizes: arrays in, frozen dataclasses out.

Invalid arguments raise ValueError, results that do not exist for valid ones UndefinedMetric.
"""

from arogya_bench.statistics.delong import (
    AurocInterval,
    DeLong,
    DeLongCovariance,
    auroc_interval,
    delong,
    delong_covariance,
)
from arogya_bench.statistics.equivalence import (
    MarginTest,
    equivalence,
    equivalence_from_replicates,
    non_inferiority,
    non_inferiority_from_replicates,
)
from arogya_bench.statistics.group_variance import GroupStrata, VarianceTerm, group_variance
from arogya_bench.statistics.intervals import BootstrapInterval, Interval, bootstrap, interval
from arogya_bench.statistics.limit_tests import LimitVerdict, judge_limit
from arogya_bench.statistics.multiplicity import HypothesisFamily, adjust, family
from arogya_bench.statistics.paired_differences import (
    PairedDifference,
    PairedDifferences,
    all_paired_differences,
    paired_difference,
)
from arogya_bench.statistics.proportions import McNemar, clopper_pearson, mcnemar, minimum_detectable_difference, wilson
from arogya_bench.statistics.rank_tests import CochranQ, Friedman, Nemenyi, cochran_q, friedman, nemenyi
from arogya_bench.statistics.ranking import Ranking, Rankings, bootstrap_ranks, rankings_side_by_side
from arogya_bench.statistics.resampling import Draws, draws, replay
from arogya_bench.statistics.sample_size import (
    FalseClaim,
    design_effect,
    effective_sample_size,
    false_claim_from_replicates,
    false_claim_probability,
    intraclass_correlation,
    sample_size,
)
from arogya_bench.statistics.seed_variance import SeedScores, SeedVariance, estimate_seed_variance
from arogya_bench.statistics.selection_bias import Optimism, classification_winner, winner_optimism
from arogya_bench.statistics.signed_rank import Wilcoxon, wilcoxon
from arogya_bench.statistics.subgroup_table import SubgroupGap, SubgroupScore, SubgroupTable
from arogya_bench.statistics.subgroups import subgroups
from arogya_bench.statistics.t_tests import PairedT, ResampledT, corrected_resampled_t, paired_t
from arogya_bench.statistics.threshold_intervals import operating_intervals, predictive_values

__all__ = [
    "AurocInterval", "BootstrapInterval", "CochranQ", "DeLong", "DeLongCovariance", "Draws",
    "FalseClaim", "Friedman", "GroupStrata", "HypothesisFamily", "Interval", "LimitVerdict",
    "MarginTest", "McNemar", "Nemenyi", "Optimism", "PairedDifference", "PairedDifferences",
    "PairedT", "Ranking", "Rankings", "ResampledT", "SeedScores", "SeedVariance", "SubgroupGap",
    "SubgroupScore", "SubgroupTable", "VarianceTerm", "Wilcoxon", "adjust",
    "all_paired_differences", "auroc_interval", "bootstrap", "bootstrap_ranks",
    "classification_winner", "clopper_pearson", "cochran_q", "corrected_resampled_t", "delong",
    "delong_covariance", "design_effect", "draws", "effective_sample_size", "equivalence",
    "equivalence_from_replicates", "estimate_seed_variance", "false_claim_from_replicates",
    "false_claim_probability", "family", "friedman", "group_variance", "interval",
    "intraclass_correlation", "judge_limit", "mcnemar", "minimum_detectable_difference",
    "nemenyi", "non_inferiority", "non_inferiority_from_replicates", "operating_intervals",
    "paired_difference", "paired_t", "predictive_values", "rankings_side_by_side", "replay",
    "sample_size", "subgroups", "wilcoxon", "wilson", "winner_optimism",
]  # fmt: skip

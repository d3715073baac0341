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
from arogya_bench.statistics.intervals import BootstrapInterval, Interval, bootstrap, interval
from arogya_bench.statistics.limit_tests import LimitVerdict, judge_limit
from arogya_bench.statistics.multiplicity import HypothesisFamily, adjust, family
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
from arogya_bench.statistics.seeds import SeedDifference, SeedInterval, seed_group_difference, seed_group_interval
from arogya_bench.statistics.selection_bias import Optimism, classification_winner, winner_optimism
from arogya_bench.statistics.signed_rank import Wilcoxon, wilcoxon
from arogya_bench.statistics.subgroup_table import SubgroupGap, SubgroupScore, SubgroupTable
from arogya_bench.statistics.subgroups import subgroups
from arogya_bench.statistics.t_tests import PairedT, ResampledT, corrected_resampled_t, paired_t
from arogya_bench.statistics.threshold_intervals import operating_intervals, predictive_values
from arogya_bench.statistics.variance_components import VarianceSplit, VarianceTerm, variance_split

__all__ = [
    "AurocInterval", "BootstrapInterval", "CochranQ", "DeLong", "DeLongCovariance", "Draws",
    "FalseClaim", "Friedman", "HypothesisFamily", "Interval", "LimitVerdict", "MarginTest",
    "McNemar", "Nemenyi", "Optimism", "PairedT", "Ranking", "Rankings", "ResampledT",
    "SeedDifference", "SeedInterval", "SubgroupGap", "SubgroupScore", "SubgroupTable",
    "VarianceSplit", "VarianceTerm", "Wilcoxon", "adjust", "auroc_interval", "bootstrap",
    "bootstrap_ranks", "classification_winner", "clopper_pearson", "cochran_q",
    "corrected_resampled_t", "delong", "delong_covariance", "design_effect", "draws",
    "effective_sample_size", "equivalence", "equivalence_from_replicates",
    "false_claim_from_replicates", "false_claim_probability", "family", "friedman", "interval",
    "intraclass_correlation", "judge_limit", "mcnemar", "minimum_detectable_difference", "nemenyi",
    "non_inferiority", "non_inferiority_from_replicates", "operating_intervals", "paired_t",
    "predictive_values", "rankings_side_by_side", "replay", "sample_size", "seed_group_difference",
    "seed_group_interval", "subgroups", "variance_split", "wilcoxon", "wilson", "winner_optimism",
]  # fmt: skip

"""Intervals, paired tests and multiplicity: arrays in, frozen results out."""

from arogya_bench.statistics.intervals import BootstrapInterval, Interval, bootstrap, interval
from arogya_bench.statistics.many import (
    CochranQ,
    Friedman,
    Nemenyi,
    cochran_q,
    friedman,
    nemenyi,
)
from arogya_bench.statistics.margins import (
    MarginTest,
    equivalence,
    equivalence_from_replicates,
    non_inferiority,
    non_inferiority_from_replicates,
)
from arogya_bench.statistics.multiplicity import adjust
from arogya_bench.statistics.operating_intervals import operating_intervals, predictive_values
from arogya_bench.statistics.paired import PairedT, ResampledT, corrected_resampled_t, paired_t
from arogya_bench.statistics.paired_proportions import newcombe_paired, tango_interval
from arogya_bench.statistics.permutation import Permutation, sign_flip, swap_test
from arogya_bench.statistics.proportions import (
    McNemar,
    clopper_pearson,
    mcnemar,
    minimum_detectable_difference,
    wilson,
)
from arogya_bench.statistics.resampling import Draws, draws, replay
from arogya_bench.statistics.roc import (
    AurocInterval,
    DeLong,
    DeLongCovariance,
    auroc_interval,
    delong,
    delong_covariance,
)
from arogya_bench.statistics.signed_rank import Wilcoxon, wilcoxon
from arogya_bench.statistics.subgroup_table import SubgroupGap, SubgroupScore, SubgroupTable
from arogya_bench.statistics.subgroups import subgroups

__all__ = [
    "AurocInterval",
    "BootstrapInterval",
    "CochranQ",
    "DeLong",
    "DeLongCovariance",
    "Draws",
    "Friedman",
    "Interval",
    "MarginTest",
    "McNemar",
    "Nemenyi",
    "PairedT",
    "Permutation",
    "ResampledT",
    "SubgroupGap",
    "SubgroupScore",
    "SubgroupTable",
    "Wilcoxon",
    "adjust",
    "auroc_interval",
    "bootstrap",
    "clopper_pearson",
    "cochran_q",
    "corrected_resampled_t",
    "delong",
    "delong_covariance",
    "draws",
    "equivalence",
    "equivalence_from_replicates",
    "friedman",
    "interval",
    "mcnemar",
    "minimum_detectable_difference",
    "nemenyi",
    "newcombe_paired",
    "non_inferiority",
    "non_inferiority_from_replicates",
    "operating_intervals",
    "paired_t",
    "predictive_values",
    "replay",
    "sign_flip",
    "subgroups",
    "swap_test",
    "tango_interval",
    "wilcoxon",
    "wilson",
]

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
from arogya_bench.statistics.multiplicity import adjust
from arogya_bench.statistics.paired import PairedT, ResampledT, corrected_resampled_t, paired_t
from arogya_bench.statistics.proportions import (
    McNemar,
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

__all__ = [
    "AurocInterval",
    "BootstrapInterval",
    "CochranQ",
    "DeLong",
    "DeLongCovariance",
    "Draws",
    "Friedman",
    "Interval",
    "McNemar",
    "Nemenyi",
    "PairedT",
    "ResampledT",
    "Wilcoxon",
    "adjust",
    "auroc_interval",
    "bootstrap",
    "cochran_q",
    "corrected_resampled_t",
    "delong",
    "delong_covariance",
    "draws",
    "friedman",
    "interval",
    "mcnemar",
    "minimum_detectable_difference",
    "nemenyi",
    "paired_t",
    "replay",
    "wilcoxon",
    "wilson",
]

"""Intervals, paired tests and multiplicity: arrays in, frozen results out."""

from arogya_bench.statistics.intervals import BootstrapInterval, Interval, bootstrap, interval
from arogya_bench.statistics.multiplicity import adjust
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

__all__ = [
    "AurocInterval",
    "BootstrapInterval",
    "DeLong",
    "DeLongCovariance",
    "Draws",
    "Interval",
    "McNemar",
    "adjust",
    "auroc_interval",
    "bootstrap",
    "delong",
    "delong_covariance",
    "draws",
    "interval",
    "mcnemar",
    "minimum_detectable_difference",
    "replay",
    "wilson",
]

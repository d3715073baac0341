"""Intervals that runs logged, where they come from the resamples of the comparison."""

from collections.abc import Iterable

from arogya_bench.analysis.scored_rows import ScoredRow, SharedCases
from arogya_bench.metrics.flags import OBSERVED_CLASS_METRICS
from arogya_bench.scoring.scores import Resampling
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import few_groups_note, join_notes
from arogya_bench.statistics.paired_differences import ALPHA
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.tags import RESAMPLING_DIGEST

MAX_LACKING = 1e-4  # share of the resamples that lack a class, with which ends of intervals stay the same
ROUNDING_TOLERANCE = 1e-9  # of a logged value against the same one computed again
METHOD = "bootstrap of groups, as logged by the run"


def logged_intervals(
    run: RunRecord, row: ScoredRow, names: Iterable[str], cases: SharedCases, resampling: Resampling
) -> dict[str, Interval]:
    """The intervals of metrics that a run of one seed logged.

    They are those that the comparison would compute: the tag of the run names the same resamples, and the logged value
    is the one of the comparison, which averages over the classes in the truth. Where a resample may lack a class, runs
    average over others than the comparison does, and nothing is taken.
    """
    digests, intervals = run.tags.get(RESAMPLING_DIGEST, "").split(), {}
    for name in names:
        value, low, high = (run.metrics.get(key) for key in (name, f"{name}.ci_low", f"{name}.ci_high"))
        definition = cases.task.metrics[name]
        draws = resampling.within_classes if definition.class_conditional else resampling.of_all_groups
        if value is None or low is None or high is None or draws.digest not in digests:
            continue
        if abs(value - row.estimate(name)) > ROUNDING_TOLERANCE or _may_lack_a_class(name, cases):
            continue
        intervals[name] = Interval(
            estimate=value,
            low=low,
            high=high,
            method=METHOD,
            confidence=1 - ALPHA,
            n=cases.cases,
            groups=cases.groups,
            note=join_notes(few_groups_note(cases.groups), draws.note),
        )
    return intervals


def _may_lack_a_class(metric: str, cases: SharedCases) -> bool:
    """Whether a metric depends on the classes that are predicted in a resample without a case of theirs."""
    counts = cases.groups_per_class
    if metric not in OBSERVED_CLASS_METRICS or counts is None:
        return False
    return float(((1 - counts / cases.groups) ** cases.groups).sum()) > MAX_LACKING

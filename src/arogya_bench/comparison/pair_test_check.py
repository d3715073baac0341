"""Check that the chosen test of pairs fits the datasets of a comparison, before predictions are read."""

from collections.abc import Sequence

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.pair_test_check import TestedData, check_pair_test
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.tracking.tags import SEEDED


def check_pair_tests(blocks: Sequence[ComparableRuns], metric: str, options: AnalysisOptions) -> None:
    """Raise ConfigError unless the test and the correction of the options fit every dataset, as the runs log it.

    The number of classes is checked with the predictions.
    """
    for block in blocks:
        check_pair_test(options, _describe(block, metric))


def _describe(block: ComparableRuns, metric: str) -> TestedData:
    logged = next(iter(block.runs.values())).metrics
    seeds: dict[str, int] = {}
    for (row, condition, _), run in block.runs.items():
        if condition == CLEAN and run.tags.get(SEEDED, "true") != "false":
            seeds[row] = seeds.get(row, 0) + 1
    return TestedData(
        dataset=block.dataset,
        metric=block.primary_metric(metric),
        classes=None,
        cases=int(logged.get("cases", 0)),
        groups=int(logged.get("groups", 0)),
        seeds=max(seeds.values(), default=1),
    )

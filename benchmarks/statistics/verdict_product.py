"""The one place where simulated studies meet the product: its verdict on them, without a copy of its formulas."""

from collections.abc import Sequence

from arogya_bench.analysis.judgement import judge_rows
from arogya_bench.analysis.scored_rows import EvaluatedRow
from benchmarks.statistics.verdict_measures import Bounds, PairVerdict, StudyVerdict
from benchmarks.statistics.verdict_studies import SimulatedRow


def judge_study(study: Sequence[SimulatedRow], *, metric: str, resamples: int | None, seed: str) -> StudyVerdict:
    """Compare the rows of a study as ``arogya-bench compare`` does; without resamples, rows have no intervals."""
    rows = [EvaluatedRow(name=row.name, predictions=row.predictions, seeded=row.seeded) for row in study]
    judgement = judge_rows(rows, metric=metric, resamples=resamples, seed=seed)
    return StudyVerdict(
        leader=judgement.leader,
        pairs=tuple(
            PairVerdict(
                a=pair.a,
                b=pair.b,
                shown=pair.shown,
                p_value=pair.result.p_value,
                p_adjusted=pair.result.p_adjusted,
                alone=Bounds(pair.result.low, pair.result.high),
                simultaneous=Bounds(pair.result.simultaneous_low, pair.result.simultaneous_high),
            )
            for pair in judgement.pairs
        ),
        intervals={name: Bounds(row.low, row.high) for name, row in judgement.intervals.items() if row is not None},
        detectable_difference=judgement.detectable_difference,
    )

"""A study from the runs of one dataset: predictions read, scored and judged."""

from collections.abc import Sequence
from dataclasses import replace

from arogya_bench.analysis.conditions import CLEAN, StoredCondition
from arogya_bench.analysis.judgement import judge, verdict_metrics
from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.scored_rows import EvaluatedRow, ScoredRow, score_rows, shared_cases
from arogya_bench.analysis.study import DegradedRows, Study
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.study_rows import CellKey, RowScorer
from arogya_bench.scoring.scores import Resampling
from arogya_bench.tracking.tags import POSITIVE_CLASS

SHIFT_METRICS = ("ece",)  # under degradation, beside the deciding one


def build_study(block: ComparableRuns, metric: str, options: AnalysisOptions) -> Study | None:
    """Read, score and judge the rows with a clean evaluation; None without one.

    Raises:
        TrackingError: If the stored predictions of different models cover different cases.
    """
    evaluated = block.evaluated_rows(block.row_names, CLEAN)
    if not evaluated:
        return None
    rows = list(evaluated.values())
    block.check_same_cases([row.predictions for row in rows])
    cases = shared_cases(rows, block.task)
    resampling = Resampling(predictions=cases.predictions, resamples=block.resamples, seed=block.split_digest)
    scorer = RowScorer(block=block, cases=cases, resampling=resampling)
    tried = block.evaluated_rows(block.tried, CLEAN)
    block.check_same_cases([rows[0].predictions, *(row.predictions for row in tried.values())])
    names = (*block.task.interval_metrics, metric, *verdict_metrics(metric), *options.extra_metrics)
    scored = scorer.score({(digest, CLEAN): row for digest, row in evaluated.items()}, names, deciding=[metric])
    judgement = judge(
        scored, cases, metric, seed=block.split_digest, excluded=block.not_recommendable, controls=block.controls
    )
    digests = {row.name: digest for digest, row in evaluated.items()}
    return Study(
        dataset=block.dataset,
        grouped=block.grouped,
        judgement=judgement,
        resampling=resampling,
        evaluated={row.name: row for row in rows},
        degraded=_degraded(scorer, {digests[row.name]: row for row in judgement.rows}, metric),
        validation=block.load_validation(digests),
        options=_with_positive_class(options, block, cases.class_names),
        tried=tuple(score_rows(list(tried.values()), block.task, [metric], resampling)),
    )


def _with_positive_class(options: AnalysisOptions, block: ComparableRuns, classes: Sequence[str]) -> AnalysisOptions:
    """Take the class that dataset.positive named, unless another one was chosen for the comparison.

    Of two classes the last is positive in any case. A cell of an earlier run may not name the class.
    """
    named = {run.tags[POSITIVE_CLASS] for run in block.all_runs if POSITIVE_CLASS in run.tags}
    if options.positive_class is not None or len(named) != 1 or len(classes) == 2:
        return options
    return replace(options, positive_class=named.pop())


def _degraded(scorer: RowScorer, clean: dict[str, ScoredRow], metric: str) -> tuple[DegradedRows, ...]:
    """The rows under each condition; all conditions are scored at once."""
    block = scorer.block
    conditions = [condition for condition in block.conditions if condition.name != CLEAN]
    cells: dict[CellKey, EvaluatedRow] = {}
    for condition in conditions:
        for digest, row in block.evaluated_rows(clean, condition.name).items():
            if shared := _shared_seeds(block, digest, condition):
                block.check_same_cases([clean[digest].row.predictions, row.predictions])
                cells[digest, condition.name] = row.select_seeds(shared)
    scored = dict(zip(cells, scorer.score(cells, (metric, *SHIFT_METRICS), deciding=[]), strict=True))
    return tuple(_degraded_rows(block, condition, clean, scored) for condition in conditions)


def _degraded_rows(
    block: ComparableRuns, condition: StoredCondition, clean: dict[str, ScoredRow], scored: dict[CellKey, ScoredRow]
) -> DegradedRows:
    digests = [digest for digest in clean if (digest, condition.name) in scored]
    shared = {digest: _shared_seeds(block, digest, condition) for digest in digests}
    return DegradedRows(
        condition=condition,
        rows=tuple(scored[digest, condition.name] for digest in digests),
        clean=tuple(clean[digest].select_seeds(shared[digest]) for digest in digests),
        notes={
            clean[digest].name: f"only seeds {' '.join(shared[digest])}, which have both clean and degraded images"
            for digest in digests
            if {*block.seeds(digest, CLEAN), *block.seeds(digest, condition.name)} != set(shared[digest])
        },
    )


def _shared_seeds(block: ComparableRuns, digest: str, condition: StoredCondition) -> Sequence[str]:
    clean = block.seeds(digest, CLEAN)
    return [seed for seed in block.seeds(digest, condition.name) if seed in clean]

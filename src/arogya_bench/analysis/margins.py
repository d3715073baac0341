"""What a pair says about the stated margin: how much worse the second row may be than the first."""

from arogya_bench.analysis.judgement import Judgement
from arogya_bench.analysis.pairs import PairJudgement
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.statistics.equivalence import equivalence, non_inferiority
from arogya_bench.statistics.paired_differences import ALPHA

SHOWN, NOT_SHOWN = "shown", "not shown"  # as ``statistics.equivalence`` says it


def margin_columns(pair: PairJudgement, judgement: Judgement, margin: float) -> TableRow:
    """The columns about the margin, by the default test, one-sided at 2.5 %, so that they agree with its interval.

    Returns:
        ``worst_loss``: how much the metric may lose if the second row is taken in place of the first;
        ``non_inferior``: whether that is shown to be below the margin; ``equivalent``: whether the difference is shown
        to lie within the margin on both sides.
    """
    result, groups, definition = pair.result, judgement.cases.groups, judgement.cases.task.metrics[judgement.metric]
    loss = result.high if definition.best == "high" else -result.low
    if not result.se or not margin:
        within = SHOWN if not result.se and (not loss or loss < margin) else NOT_SHOWN
        return {"margin": margin, "worst_loss": loss, "non_inferior": within, "equivalent": within}
    sign = 1 if definition.best == "high" else -1
    second_minus_first = -sign * result.estimate

    one_sided = non_inferiority(second_minus_first, result.se, margin=margin, n=groups, df=result.df, alpha=ALPHA / 2)
    both = equivalence(second_minus_first, result.se, margin=margin, n=groups, df=result.df, alpha=ALPHA / 2)
    return {
        "margin": margin,
        "worst_loss": min(-one_sided.low, definition.high - definition.low),
        "non_inferior": one_sided.conclusion,
        "equivalent": both.conclusion,
    }

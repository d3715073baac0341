"""The table of pairs of a comparison."""

from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.judgement import Judgement
from arogya_bench.comparison.pairs import PairJudgement
from arogya_bench.comparison.scored_rows import ScoredRow, SharedCases
from arogya_bench.scoring.tasks import correct_cases
from arogya_bench.statistics import McNemar, mcnemar
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import few_groups_note, join_notes
from arogya_bench.statistics.paired_differences import ALPHA

NO_DIFFERENCE = "no difference shown"
DIFFERENCE_INTERVAL_COLUMNS = ("difference.ci_low", "difference.ci_high")

TableRow = dict[str, object]


def pair_rows(block: ComparableRuns, judgement: Judgement) -> list[TableRow]:
    """One row per pair of models, the better model first."""
    rows = {row.name: row for row in judgement.rows}
    compared = [_pair_row(block, pair, judgement, rows) for pair in judgement.pairs]
    names = [row.name for row in judgement.rows]
    undefined = [name for name in names if name not in {row.name for row in judgement.compared}]
    others = [
        _undefined_row(block, a, b, judgement)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if a in undefined or b in undefined
    ]
    return [*compared, *others]


def interval_columns(name: str, result: Interval | None) -> TableRow:
    """The columns of an estimate with its interval; None without one."""
    keys = (name, f"{name}.ci_low", f"{name}.ci_high")
    if result is None:
        return dict.fromkeys(keys)
    return dict(zip(keys, (result.estimate, result.low, result.high), strict=True))


def _pair_row(block: ComparableRuns, pair: PairJudgement, judgement: Judgement, rows: dict[str, ScoredRow]) -> TableRow:
    result = pair.result
    counts = _mcnemar_test(rows[pair.a], rows[pair.b], judgement.cases)
    total = result.group_variance + (result.seed_variance or 0.0)
    return {
        "dataset": block.dataset,
        "metric": judgement.metric,
        "a": pair.a,
        "b": pair.b,
        "difference": result.estimate,
        "difference.ci_low": result.low,
        "difference.ci_high": result.high,
        "difference.simultaneous_low": result.simultaneous_low,
        "difference.simultaneous_high": result.simultaneous_high,
        "p_value": result.p_value,
        "p_adjusted": result.p_adjusted,
        "family": len(judgement.pairs),
        "groups": judgement.cases.groups,
        "discordant_groups": pair.discordant_groups,
        "seed_share": None if result.seed_variance is None or not total else result.seed_variance / total,
        "method": "t, variance over groups" + ("" if result.seed_variance is None else " and seeds"),
        "mcnemar_p": counts.p_value if counts else None,
        "only_a_correct": counts.b if counts else None,
        "only_b_correct": counts.c if counts else None,
        "conclusion": NO_DIFFERENCE if pair.better is None else f"{pair.better} is better",
        "note": join_notes(
            "no group changes the difference" if not result.se else "",
            few_groups_note(judgement.cases.groups),
            _two_rules_note(pair, judgement),
        ),
    }


def _two_rules_note(pair: PairJudgement, judgement: Judgement) -> str:
    """Why verdict and table may differ for a pair."""
    if judgement.leader not in (pair.a, pair.b) or pair.shown:
        return ""
    return (
        f"the verdict holds: {judgement.leader} must win every one of its pairs, each at the {100 * ALPHA:.0f} % "
        f"level; this table guards all {len(judgement.pairs)} pairs at once, and does not show this one by itself"
    )


def _undefined_row(block: ComparableRuns, a: str, b: str, judgement: Judgement) -> TableRow:
    numbers = (
        "difference", *DIFFERENCE_INTERVAL_COLUMNS, "difference.simultaneous_low", "difference.simultaneous_high",
        "p_value", "p_adjusted",
    )  # fmt: skip
    return {
        "dataset": block.dataset,
        "metric": judgement.metric,
        "a": a,
        "b": b,
        **dict.fromkeys(numbers),
        "family": len(judgement.pairs),
        "groups": judgement.cases.groups,
        **dict.fromkeys(("discordant_groups", "seed_share")),
        "method": "undefined",
        **dict.fromkeys(("mcnemar_p", "only_a_correct", "only_b_correct")),
        "conclusion": NO_DIFFERENCE,
        "note": "the metric is undefined for one of the models",
    }


def _mcnemar_test(a: ScoredRow, b: ScoredRow, cases: SharedCases) -> McNemar | None:
    """McNemar's test on accuracy; None unless there is one seed, one case per group, and labels."""
    if len(a.row.predictions) != 1 or len(b.row.predictions) != 1 or cases.cases != cases.groups:
        return None
    correct_a, correct_b = correct_cases(a.row.predictions[0]), correct_cases(b.row.predictions[0])
    if correct_a is None or correct_b is None:
        return None
    return mcnemar(int((correct_a & ~correct_b).sum()), int((correct_b & ~correct_a).sum()))

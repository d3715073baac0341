"""The table of pairs of a comparison."""

from arogya_bench.analysis.judgement import Judgement
from arogya_bench.analysis.margins import margin_columns
from arogya_bench.analysis.needed_data import groups_needed
from arogya_bench.analysis.pair_tests import PairOutcome, control_outcomes, pair_outcomes
from arogya_bench.analysis.pairs import PairJudgement
from arogya_bench.analysis.scored_rows import ScoredRow, SharedCases
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.scoring.tasks import correct_cases
from arogya_bench.statistics import McNemar, mcnemar
from arogya_bench.statistics.notes import few_groups_note, join_notes
from arogya_bench.statistics.paired_differences import ALPHA, PairedDifference

NO_DIFFERENCE = "no difference shown"
DIFFERENCE_INTERVAL_COLUMNS = ("difference.ci_low", "difference.ci_high")
CONTROL_NOTE = "a pair with a control, tested by itself and outside the family of all pairs"
UNDEFINED_COLUMNS = (
    "difference", *DIFFERENCE_INTERVAL_COLUMNS, "difference.simultaneous_low", "difference.simultaneous_high",
    "p_value", "p_adjusted",
)  # fmt: skip


def pair_rows(study: Study) -> list[TableRow]:
    """One row per pair of models, the better model first; then those with a control, and the undefined ones.

    Test and correction are those of the options; what is said of the margin rests on the default test.

    Raises:
        ConfigError: If the chosen test does not fit the data.
    """
    judgement = study.judgement
    family = len(judgement.pairs)
    compared = [_pair_row(study, outcome, family, study.options.correction) for outcome in pair_outcomes(study)]
    with_controls = [
        {**row, "note": join_notes(CONTROL_NOTE, str(row["note"]))}
        for row in (_pair_row(study, outcome, 1, "none") for outcome in control_outcomes(study))
    ]
    return [*compared, *with_controls, *_undefined_rows(study)]


def _undefined_rows(study: Study) -> list[TableRow]:
    """Pairs with a row for which the metric is undefined; two controls are no pair."""
    judgement = study.judgement
    names = [row.name for row in judgement.rows]
    known = {name for pair in (*judgement.pairs, *judgement.control_pairs) for name in (pair.a, pair.b)}
    known |= {row.name for row in judgement.compared}
    return [
        _undefined_row(study, a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if not {a, b} <= known and not {a, b} <= judgement.controls
    ]


def _pair_row(study: Study, outcome: PairOutcome, family: int, correction: str) -> TableRow:
    judgement, pair, result = study.judgement, outcome.pair, outcome.pair.result
    rows = {row.name: row for row in judgement.rows}
    counts = _mcnemar_test(rows[pair.a], rows[pair.b], judgement.cases)
    total = result.group_variance + (result.seed_variance or 0.0)
    return {
        "dataset": study.dataset,
        "metric": judgement.metric,
        "a": pair.a,
        "b": pair.b,
        "difference": result.estimate,
        "difference.ci_low": outcome.low,
        "difference.ci_high": outcome.high,
        "difference.simultaneous_low": outcome.simultaneous_low,
        "difference.simultaneous_high": outcome.simultaneous_high,
        "p_value": outcome.p_value,
        "p_adjusted": outcome.p_adjusted,
        "family": family,
        "groups": judgement.cases.groups,
        "discordant_groups": pair.discordant_groups,
        "seed_share": None if result.seed_variance is None or not total else result.seed_variance / total,
        "method": outcome.method,
        "correction": correction,
        "effect_size": outcome.effect_size,
        "effect_size_kind": outcome.effect_size_kind,
        **margin_columns(pair, judgement, study.options.margin),
        "groups_needed": None
        if outcome.better or outcome.p_value is None
        else groups_needed(result, judgement.cases.groups),
        "mcnemar_p": counts.p_value if counts else None,
        "only_a_correct": counts.b if counts else None,
        "only_b_correct": counts.c if counts else None,
        "conclusion": NO_DIFFERENCE if outcome.better is None else f"{outcome.better} is better",
        "note": join_notes(
            _no_spread_note(result),
            few_groups_note(judgement.cases.groups),
            _two_rules_note(outcome, judgement),
            outcome.note,
        ),
    }


def _no_spread_note(result: PairedDifference) -> str:
    if result.se:
        return ""
    widened = (
        "; its interval is that of a difference which this many groups would not have shown" if result.high else ""
    )
    return f"no group changes the difference{widened}"


def _two_rules_note(outcome: PairOutcome, judgement: Judgement) -> str:
    """Why verdict and table may differ for a pair."""
    pair: PairJudgement = outcome.pair
    in_family = not {pair.a, pair.b} & judgement.controls
    if judgement.leader not in (pair.a, pair.b) or pair.shown or outcome.better or not in_family:
        return ""
    return (
        f"the verdict holds: {judgement.leader} must win every one of its pairs, each at the {100 * ALPHA:.0f} % "
        f"level; this table guards all {len(judgement.pairs)} pairs at once, and does not show this one by itself"
    )


def _undefined_row(study: Study, a: str, b: str) -> TableRow:
    judgement = study.judgement
    return {
        "dataset": study.dataset,
        "metric": judgement.metric,
        "a": a,
        "b": b,
        **dict.fromkeys(UNDEFINED_COLUMNS),
        "family": len(judgement.pairs),
        "groups": judgement.cases.groups,
        **dict.fromkeys(("discordant_groups", "seed_share")),
        "method": "undefined",
        **dict.fromkeys(("correction", "effect_size", "effect_size_kind")),
        **dict.fromkeys(("margin", "worst_loss", "non_inferior", "equivalent", "groups_needed")),
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

"""The verdict of a comparison in words: the model to take, or why the result is undecided."""

from collections.abc import Sequence

from arogya_bench.analysis.judgement import Judgement
from arogya_bench.analysis.needed_data import describe_needed_data
from arogya_bench.analysis.pairs import PairJudgement
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.decision import Decision
from arogya_bench.comparison.eligibility import Eligibility
from arogya_bench.comparison.verdict_notes import build_notes
from arogya_bench.comparison.verdict_words import describe_sample, join_names, missing_note, unit_of
from arogya_bench.statistics.paired_differences import ALPHA, POWER
from arogya_bench.statistics.sample_size import too_few_groups_reason

AHEAD, RECOMMENDED, UNDECIDED = "ahead", "recommended", "undecided"
ONLY_ONE = "is the only model that is shown to meet every limit"  # in the reason of such a recommendation
LOWEST_COST = "is shown to cost least"
NOT_WORSE = "which is shown of no other model"
MAX_LIMIT_REASONS = 3  # in the reason of a verdict; the notes have all


def no_verdict(block: ComparableRuns) -> dict[str, str]:
    """The verdict where no clean evaluation finished."""
    reason = f"no clean evaluation finished; run augmentation=clean first.{missing_note(block)}"
    return _verdict(UNDECIDED, [], reason, "", Decision(kind="undecided", margin=0.0))


def build_verdict(
    block: ComparableRuns, judgement: Judgement, decision: Decision, eligibility: Eligibility
) -> dict[str, str]:
    """Name the model to take, or say why there is none.

    Args:
        block: The evaluations.
        judgement: Without the models that miss a limit or are not shown to meet it.
        decision: Among the others.
        eligibility: What the limits say.

    Returns:
        ``verdict`` (``ahead``, ``recommended`` or ``undecided``), ``models``, ``recommended``, ``alternatives``,
        ``reason``, and ``notes``: further sentences, one a line.
    """
    notes = "\n".join(build_notes(block, judgement, eligibility))
    if decision.recommended is None:
        models, reason = _undecided_reason(block, judgement, decision, eligibility)
        return _verdict(UNDECIDED, models, f"{reason}{missing_note(block)}", notes, decision)
    reason = f"{_reason(block, judgement, decision, eligibility)}{missing_note(block)}"
    kind = AHEAD if decision.kind == "ahead" else RECOMMENDED
    return _verdict(kind, [decision.recommended], reason, notes, decision)


def _verdict(kind: str, models: Sequence[str], reason: str, notes: str, decision: Decision) -> dict[str, str]:
    return {
        "verdict": kind,
        "models": ", ".join(models),
        "recommended": decision.recommended or "",
        "alternatives": ", ".join(decision.alternatives),
        "reason": reason,
        "notes": notes,
    }


def _reason(block: ComparableRuns, judgement: Judgement, decision: Decision, eligibility: Eligibility) -> str:
    """Why the recommended model is taken."""
    name, sample = str(decision.recommended), describe_sample(block, judgement)
    others = [row.name for row in judgement.rows if row.name != name and row.name not in judgement.excluded]
    loss = f"{decision.margin:g} of {judgement.metric}"
    every = "" if not eligibility.limits else " It is shown to meet every limit."
    if decision.kind == "only one":
        return f"{name} {ONLY_ONE}, on {sample}. This does not say that it is better than the others."
    if decision.kind == "cheaper":
        together = join_names([name, *decision.alternatives], "and")
        return (
            f"Take {name}: {together} are equivalent on {sample}, since each is shown to lose less than {loss} against "
            f"every other model that may be recommended, and {name} {LOWEST_COST}.{every}"
        )
    cheaper = _cheaper_sentence(decision, loss)
    if decision.kind == "not worse":
        return (
            f"Take {name}: it is not shown to be better than {join_names(_not_beaten(name, others, judgement), 'or')}, "
            f"but shown to lose less than {loss} against {'it' if len(others) == 1 else 'every other model'} on "
            f"{sample}, {NOT_WORSE}.{every}{cheaper}"
        )
    shown = (
        f"{name} is better than {join_names(others, 'and')} on {sample}: "
        f"{'the difference in' if len(others) == 1 else 'each difference in'} {judgement.metric} is shown at the "
        f"{100 * ALPHA:.0f} % level. {_detectable_sentence(judgement)}"
    )
    return f"{shown.rstrip()}{every}{cheaper}"


def _not_beaten(name: str, others: Sequence[str], judgement: Judgement) -> list[str]:
    """The models that one is not shown to be better than, every pair by itself."""
    beaten = {pair.b for pair in judgement.pairs if pair.a == name and not pair.result.low <= 0 <= pair.result.high}
    return [other for other in others if other not in beaten]


def _cheaper_sentence(decision: Decision, loss: str) -> str:
    if not decision.alternatives:
        return ""
    several = len(decision.alternatives) > 1
    names = join_names(decision.alternatives, "and")
    return f" {names} {'are' if several else 'is'} cheaper, and shown to lose less than {loss} against it."


def _undecided_reason(
    block: ComparableRuns, judgement: Judgement, decision: Decision, eligibility: Eligibility
) -> tuple[list[str], str]:
    eligible = [row.name for row in judgement.compared if row.name not in judgement.excluded]
    few_groups = too_few_groups_reason(judgement.cases.groups, unit_of(block))
    if all(row.name in judgement.controls for row in judgement.rows):
        return eligible, _only_controls(judgement)
    if eligibility.limits and not few_groups and len(eligible) < 2:
        return _no_model_meets(judgement, eligibility)
    if len(judgement.rows) == 1 and not eligibility.limits:
        return eligible, f"{judgement.rows[0].name} is the only model; there is nothing to compare."
    if len(eligible) < 2 and not eligibility.limits:
        return eligible, _nothing_to_recommend(eligible, judgement)
    if few_groups:
        return eligible, f"{few_groups} Give the test split a larger share, or use more data."
    if decision.kind == "equivalent":
        return list(decision.alternatives), _equivalent_reason(block, judgement, decision)
    return _not_shown_reason(block, judgement, eligible)


def _only_controls(judgement: Judgement) -> str:
    names = [row.name for row in judgement.rows]
    are = "is a control and shows" if len(names) == 1 else "are controls and show"
    return (
        f"There is no model to choose: {join_names(names, 'and')} {are} what is reached without seeing the images. "
        "Evaluate a model on the same cases."
    )


def _no_model_meets(judgement: Judgement, eligibility: Eligibility) -> tuple[list[str], str]:
    """Why no model that meets every limit can be named, and what would decide."""
    open_names = [row.name for row in judgement.rows if row.name in eligibility.undecided]
    if not open_names:
        return [], "No model can be recommended: each misses a limit, or is excluded for a reason below."
    first = [f"{name}: {eligibility.undecided[name]}." for name in open_names[:MAX_LIMIT_REASONS]]
    more = len(open_names) - len(first)
    rest = f" The notes say it of {more} more." if more else ""
    return open_names, f"No model is shown to meet every limit yet. What would decide: {' '.join(first)}{rest}"


def _equivalent_reason(block: ComparableRuns, judgement: Judgement, decision: Decision) -> str:
    names = join_names(decision.alternatives, "and")
    return (
        f"Take any of {names}: the difference is shown to be smaller than {decision.margin:g} of {judgement.metric} on "
        f"{describe_sample(block, judgement)}, so that it does not decide; no cost shows which one is cheapest."
    )


def _not_shown_reason(block: ComparableRuns, judgement: Judgement, eligible: Sequence[str]) -> tuple[list[str], str]:
    sample = describe_sample(block, judgement)
    best = judgement.candidate
    if best is None:
        first = [row.name for row in judgement.compared if row.name in eligible and _is_tied_for_first(row, judgement)]
        return first, f"{join_names(first, 'and')} have the same {judgement.metric} on {sample}."
    if judgement.above_chance[best] is False:
        return [best], f"{_first(best, judgement)} but is not shown to be better than guessing on {sample}."
    if judgement.not_beaten:
        others = join_names(judgement.not_beaten, "or")
        reason = f"{_first(best, judgement)} but is not shown to be better than {others}"
        sentences = (f"{reason} on {sample}.", _detectable_sentence(judgement), _needed_data(block, judgement))
        return [best, *judgement.not_beaten], " ".join(sentence for sentence in sentences if sentence)
    raise AssertionError("a candidate that beats every other row and guessing is the leader")


def _nothing_to_recommend(eligible: Sequence[str], judgement: Judgement) -> str:
    if eligible:
        return f"{eligible[0]} is the only model that can be recommended; there is nothing to compare it with."
    if not judgement.compared:
        return f"{judgement.metric} is undefined for every model."
    return "No model can be recommended; the reasons are below."


def _needed_data(block: ComparableRuns, judgement: Judgement) -> str:
    closest = _closest_pair(judgement)
    return describe_needed_data(
        closest.result,
        names=f"{closest.a} and {closest.b}",
        groups=judgement.cases.groups,
        unit=unit_of(block),
        seeds=max(
            row.seed_scores(judgement.metric).seeds for row in judgement.compared if row.name in (closest.a, closest.b)
        ),
    )


def _first(best: str, judgement: Judgement) -> str:
    if judgement.rows[0].name == best:
        return f"{best} ranks first"
    return f"{best} is first among the models that can be recommended"


def _is_tied_for_first(row: ScoredRow, judgement: Judgement) -> bool:
    ranks = {
        other.name: rank
        for other, rank in zip(judgement.rows, judgement.ranks, strict=True)
        if other.name not in judgement.excluded and rank is not None
    }
    return ranks.get(row.name) == min(ranks.values())


def _closest_pair(judgement: Judgement) -> PairJudgement:
    """The pair of the candidate that is furthest from being shown."""
    pairs = [
        pair
        for pair in judgement.pairs
        if judgement.candidate in (pair.a, pair.b) and {pair.a, pair.b} & set(judgement.not_beaten)
    ]
    return max(pairs, key=lambda pair: pair.result.p_value)


def _detectable_sentence(judgement: Judgement) -> str:
    difference = judgement.detectable_difference
    if difference is None:
        return ""
    definition = judgement.cases.task.metrics[judgement.metric]
    metric = judgement.metric
    amount = f"{100 * difference:.1f} points of {metric}" if definition.high <= 1 else f"{difference:.3g} in {metric}"
    several = len([row for row in judgement.compared if row.name not in judgement.excluded]) > 2
    over = "over each other model " if several else ""
    return f"A lead {over}of {amount} would be shown by {100 * POWER:.0f} % of studies like this one."

"""The verdict of a comparison in words: the model that is ahead, or why the result is undecided."""

from collections.abc import Sequence

import numpy as np

from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.judgement import Judgement
from arogya_bench.comparison.needed_data import describe_needed_data
from arogya_bench.comparison.pairs import PairJudgement
from arogya_bench.comparison.scored_rows import ScoredRow
from arogya_bench.metrics.classification import TWO_CLASS_METRICS
from arogya_bench.runtime.console import plural
from arogya_bench.statistics.paired_differences import ALPHA, POWER
from arogya_bench.statistics.sample_size import too_few_groups_reason

FEW_GROUPS_OF_CLASS = 5
MAX_NAMES = 6  # of models in a sentence


def no_verdict(block: ComparableRuns) -> dict[str, str]:
    """The verdict where no clean evaluation finished."""
    return _undecided([], f"no clean evaluation finished; run augmentation=clean first.{_missing_note(block)}", "")


def build_verdict(block: ComparableRuns, judgement: Judgement) -> dict[str, str]:
    """Name the leader of a judgement, or say why there is none.

    Returns:
        ``verdict`` (``ahead`` or ``undecided``), ``models``, ``reason``, and ``notes``: further sentences, one a line.
    """
    notes = "\n".join(_notes(block, judgement))
    names = [row.name for row in judgement.rows]
    if judgement.leader is None:
        models, reason = _undecided_reason(block, judgement)
        return _undecided(models, f"{reason}{_missing_note(block)}", notes)
    others = [name for name in names if name != judgement.leader and name not in judgement.excluded]
    reason = (
        f"{judgement.leader} is better than {_join_names(others, 'and')} on {_sample(block, judgement)}: "
        f"{'the difference in' if len(others) == 1 else 'each difference in'} {judgement.metric} is shown at the "
        f"{100 * ALPHA:.0f} % level. {_detectable_sentence(judgement)}"
    ).rstrip()
    return {"verdict": "ahead", "models": judgement.leader, "reason": f"{reason}{_missing_note(block)}", "notes": notes}


def _undecided(models: Sequence[str], reason: str, notes: str) -> dict[str, str]:
    return {"verdict": "undecided", "models": ", ".join(models), "reason": reason, "notes": notes}


def _undecided_reason(block: ComparableRuns, judgement: Judgement) -> tuple[list[str], str]:
    eligible = [row.name for row in judgement.compared if row.name not in judgement.excluded]
    if len(judgement.rows) == 1:
        return eligible, f"{judgement.rows[0].name} is the only model; there is nothing to compare."
    if len(eligible) < 2:
        return eligible, _nothing_to_recommend(eligible, judgement)
    if not judgement.is_large_enough:
        reason = too_few_groups_reason(judgement.cases.groups, "patient" if block.grouped else "case")
        return eligible, f"{reason} Give the test split a larger share, or use more data."
    sample = _sample(block, judgement)
    best = judgement.candidate
    if best is None:
        first = [row.name for row in judgement.compared if row.name in eligible and _is_tied_for_first(row, judgement)]
        return first, f"{_join_names(first, 'and')} have the same {judgement.metric} on {sample}."
    if judgement.above_chance[best] is False:
        return [best], f"{_first(best, judgement)} but is not shown to be better than guessing on {sample}."
    if judgement.not_beaten:
        others = _join_names(judgement.not_beaten, "or")
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
        unit=_unit(block),
        seeds=max(len(row.by_seed) for row in judgement.compared if row.name in (closest.a, closest.b)),
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


def _sample(block: ComparableRuns, judgement: Judgement) -> str:
    return plural(judgement.cases.groups, _unit(block))


def _unit(block: ComparableRuns) -> str:
    return "patient" if block.grouped else "case"


def _missing_note(block: ComparableRuns) -> str:
    count = len(block.missing)
    return f" {count} {'cell is' if count == 1 else 'cells are'} missing." if count else ""


def _join_names(names: Sequence[str], conjunction: str) -> str:
    if len(names) > MAX_NAMES:
        return f"{', '.join(names[: MAX_NAMES - 1])} {conjunction} {len(names) - MAX_NAMES + 1} more models"
    *first, last = names
    return f"{', '.join(first)} {conjunction} {last}" if first else last


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


def _notes(block: ComparableRuns, judgement: Judgement) -> list[str]:
    """What a reader of the verdict must know, one sentence each."""
    return [
        *(f"{name} cannot be recommended: {reason}." for name, reason in judgement.excluded.items()),
        *_chance_notes(judgement),
        *_disagreement_notes(judgement),
        *_class_notes(block, judgement),
        *_seed_notes(judgement),
    ]


def _chance_notes(judgement: Judgement) -> list[str]:
    names = [name for name, above in judgement.above_chance.items() if above is False]
    if not names:
        return []
    return [
        f"Not shown to be better than guessing (always the most frequent class, or at random with the class "
        f"frequencies): {', '.join(names)}."
    ]


def _disagreement_notes(judgement: Judgement) -> list[str]:
    found = judgement.disagreement
    if found is None:
        return []
    first = next(row.name for row in judgement.compared if row.name not in judgement.excluded)
    shown = "this difference is shown" if found.shown else "this difference is not shown"
    return [
        f"The metrics disagree: by {judgement.metric} {first} is first, by {found.metric} {found.leader} "
        f"({found.value:.3f} against {found.other_value:.3f}; {shown})."
    ]


def _class_notes(block: ComparableRuns, judgement: Judgement) -> list[str]:
    cases, notes = judgement.cases, []
    counts = cases.groups_per_class
    if counts is None:
        return []
    if cases.missing_classes:
        effect = (
            "averages over classes leave it out for every model" if _is_macro(judgement) else "nothing is known of it"
        )
        notes.append(f"No test case of {', '.join(cases.missing_classes)}: {effect}.")
    for code, (name, count) in enumerate(zip(cases.class_names, counts, strict=True)):
        if 0 < count < FEW_GROUPS_OF_CLASS:
            size = f"The class {name} has {plural(int(count), _unit(block))} in the test split"
            notes.append(f"{size}, {_class_weight(code, judgement)}.")
    return notes


def _is_macro(judgement: Judgement) -> bool:
    return judgement.cases.task.metrics[judgement.metric].averaged_over == "classes"


def _class_weight(code: int, judgement: Judgement) -> str:
    """What a class contributes to the deciding metric."""
    cases, metric = judgement.cases, judgement.metric
    over = cases.task.metrics[metric].averaged_over
    if metric in TWO_CLASS_METRICS:
        read = {"specificity": (0,), "auroc": (0, 1)}.get(metric, (1,))
        return f"on which {metric} rests" if code in read else f"of little weight in {metric}"
    if over == "classes":
        present = int((np.asarray(cases.groups_per_class) > 0).sum())
        return f"and weighs 1/{present} of {metric}"
    share = float((np.asarray(cases.task.strata(cases.predictions)) == code).mean())
    return f"{100 * share:.1f} % of its cases"


def _seed_notes(judgement: Judgement) -> list[str]:
    if len(judgement.compared) < 2:
        return []
    eligible = [row for row in judgement.compared if row.name not in judgement.excluded]
    fits = [row.name for row in eligible if row.row.is_single_fit]
    if not fits:
        return []
    return [
        f"One seed: the verdict is about this fit of {_join_names(fits, 'and')}, not about the recipe, which another "
        f"seed fits differently. Run several seeds (seed=1,2,3) to compare recipes."
    ]

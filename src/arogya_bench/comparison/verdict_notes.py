"""What a reader of a verdict must know beside it, one sentence each."""

from collections.abc import Sequence

import numpy as np

from arogya_bench.analysis.judgement import Judgement
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.eligibility import Eligibility
from arogya_bench.comparison.verdict_words import join_names, unit_of
from arogya_bench.metrics.agreement import GRADED_METRICS
from arogya_bench.metrics.class_order import needs_order
from arogya_bench.metrics.classification import TWO_CLASS_METRICS
from arogya_bench.runtime.console import plural

FEW_GROUPS_OF_CLASS = 5
MAX_CLASSES_NAMED = 5  # in the notes


def build_notes(block: ComparableRuns, judgement: Judgement, eligibility: Eligibility) -> list[str]:
    """What a reader of the verdict must know, one sentence each."""
    return [
        *(_exclusion_note(name, reason, eligibility) for name, reason in judgement.excluded.items()),
        *_chance_notes(judgement),
        *_disagreement_notes(judgement),
        *_order_notes(judgement),
        *_class_notes(block, judgement),
        *_seed_notes(judgement),
    ]


def _exclusion_note(name: str, reason: str, eligibility: Eligibility) -> str:
    """Why a model is not recommended; a limit that is not decided says what would decide it."""
    if eligibility.undecided.get(name) == reason:
        return f"{name} is not eligible yet: {reason}."
    return f"{name} {'is excluded' if eligibility.excluded.get(name) == reason else 'cannot be recommended'}: {reason}."


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


def _order_notes(judgement: Judgement) -> list[str]:
    names = judgement.cases.class_names
    if judgement.metric not in GRADED_METRICS or not needs_order(names):
        return []
    return [
        f"{judgement.metric} takes the classes for grades in this order: {_name_some(names)}. It means nothing in "
        "another one: dataset.ordinal=true with dataset.classes (or import --classes) states the order."
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
        notes.append(f"No test case of {_name_some(cases.missing_classes)}: {effect}.")
    small = {code: int(count) for code, count in enumerate(counts) if 0 < count < FEW_GROUPS_OF_CLASS}
    if len(small) > MAX_CLASSES_NAMED:
        named = [f"{cases.class_names[code]} ({count})" for code, count in small.items()]
        size = f"{len(small)} classes have fewer than {FEW_GROUPS_OF_CLASS} {unit_of(block)}s in the test split"
        return [*notes, f"{size}: {_name_some(named)}; the table per_class has all of them."]
    for code, count in small.items():
        size = f"The class {cases.class_names[code]} has {plural(count, unit_of(block))} in the test split"
        notes.append(f"{size}, {_class_weight(code, judgement)}.")
    return notes


def _name_some(names: Sequence[str]) -> str:
    """The first names, and how many others."""
    more = len(names) - MAX_CLASSES_NAMED
    return ", ".join(names[:MAX_CLASSES_NAMED]) + (f" and {more} more" if more > 0 else "")


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
        f"One seed: the verdict is about this fit of {join_names(fits, 'and')}, not about the recipe, which another "
        f"seed fits differently. Run several seeds (seed=1,2,3) to compare recipes."
    ]

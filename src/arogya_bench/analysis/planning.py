"""The table for planning: which differences these test cases can show, and how many more another difference needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import ceil

import numpy as np

from arogya_bench.analysis.correct_answers import correct_shares
from arogya_bench.analysis.row_draws import draw_rows
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.proportions import minimum_detectable_difference
from arogya_bench.statistics.sample_size import (
    design_effect,
    effective_sample_size,
    false_claim_from_replicates,
    intraclass_correlation,
    sample_size,
)
from arogya_bench.types import Floats

PLANNING_COLUMNS = (
    "dataset", "a", "b", "false_claim", "accuracy_difference", "discordant_share", "cases", "groups", "icc",
    "design_effect", "effective_cases", "detectable_difference", "margin", "cases_for_margin", "groups_for_margin",
    "note",
)  # fmt: skip


def planning_rows(study: Study) -> list[TableRow]:
    """One row per pair, the better row by the deciding metric first.

    ``false_claim`` is by that metric: the share of resamples in which the second row is as good. The rest is by
    accuracy, with 80 % power at the 5 % level: the difference that these cases can show, and the cases that would
    show one as large as the margin, both for cases that come in groups as these do.
    """
    rows = [
        _PlannedRow(name=row.name, drawn=drawn, right=correct_shares(row))
        for row, drawn in zip(study.judgement.compared, draw_rows(study, study.judgement.compared), strict=True)
    ]
    return [_row(study, a, b) for a, b in combinations(rows, 2)]


@dataclass(frozen=True, kw_only=True)
class _PlannedRow:
    """What is read of a row: the deciding metric on resamples, and how many of its seeds are right, shape (n,)."""

    name: str
    drawn: Floats
    right: Floats | None


def _row(study: Study, a: _PlannedRow, b: _PlannedRow) -> TableRow:
    start: TableRow = {
        **dict.fromkeys(PLANNING_COLUMNS),  # their order
        "dataset": study.dataset,
        "a": a.name,
        "b": b.name,
        "cases": study.cases.cases,
        "groups": study.cases.groups,
        "margin": study.options.margin,
    }
    claim, claim_note = _false_claim(study, a, b)
    numbers = [] if a.right is None or b.right is None else list(_numbers(study, a.right - b.right))
    notes = [str(value) for name, value in numbers if name == "note"]
    return {**start, "false_claim": claim, **dict(numbers), "note": join_notes(claim_note, *notes)}


def _false_claim(study: Study, a: _PlannedRow, b: _PlannedRow) -> tuple[float | None, str]:
    draws = study.judgement.compared[0].by_seed[0][study.metric].draws
    sign = 1 if study.task.metrics[study.metric].best == "high" else -1
    if a.drawn.size != draws.resamples:
        return None, "a slow metric has too few resamples for the probability of a false claim"
    try:
        claim = false_claim_from_replicates(sign * (a.drawn - b.drawn), draws=draws)
    except UndefinedMetric as error:
        return None, f"no probability of a false claim: {error}"
    return claim.probability, claim.note


def _numbers(study: Study, difference: Floats) -> Iterator[tuple[str, object]]:
    """What follows from the difference in right answers of each case; of several seeds from their mean."""
    cases, groups = study.cases.cases, study.cases.groups
    discordant = float((difference**2).mean())
    yield "accuracy_difference", float(difference.mean())
    yield "discordant_share", discordant
    if not discordant:
        yield "note", "the models are right in the same cases: nothing can be planned from them"
        return
    correlation = 0.0
    if cases > groups:
        try:
            correlation = intraclass_correlation(difference, study.cases.group_of)
        except UndefinedMetric as error:
            yield "note", f"the groups are taken as independent cases: {error}"
        yield "icc", correlation
    correlation = float(np.clip(correlation, -1, 1))
    effect = design_effect(cases / groups, correlation)
    effective = effective_sample_size(cases, cases / groups, correlation)
    yield "design_effect", effect
    yield "effective_cases", effective
    yield "detectable_difference", min(1.0, minimum_detectable_difference(discordant, max(1, int(effective))))
    yield from _for_margin(study.options.margin, discordant, effect, cases / groups)


def _for_margin(margin: float, discordant: float, effect: float, per_group: float) -> Iterator[tuple[str, object]]:
    if not 0 < margin <= discordant:
        yield "note", "the models differ in a smaller share of cases than the margin" if margin else "the margin is 0"
        return
    needed = ceil(sample_size(margin, discordant) * effect)
    yield "cases_for_margin", needed
    yield "groups_for_margin", ceil(needed / per_group)

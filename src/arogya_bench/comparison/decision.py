"""The decision among the models that may be recommended: one of them, several equivalent ones, or none yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from arogya_bench.analysis.judgement import Judgement
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.pareto import unsuitable
from arogya_bench.comparison.recommendations import is_cheaper, worst_loss_all_pairs

Kind = Literal["ahead", "only one", "cheaper", "not worse", "equivalent", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Which model to take.

    Attributes:
        kind: ``ahead``: shown to be better than each other; ``only one``: it alone is shown to meet every limit;
            ``cheaper``: of the models that lose at most the margin, it is shown to be the cheapest; ``not worse``: it
            alone is shown to lose at most the margin; ``equivalent``: several are, without a cheapest one.
        recommended: The model; None if the data cannot say.
        alternatives: Cheaper models within the margin, or the equivalent ones.
        margin: Largest loss of the deciding metric that counts as none.
    """

    kind: Kind
    recommended: str | None = None
    alternatives: tuple[str, ...] = ()
    margin: float


def decide(judgement: Judgement, costs: Mapping[str, TableRow], *, margin: float, limited: bool) -> Decision:
    """Choose among the models that are not excluded.

    Args:
        judgement: Without the models that miss a limit or are not shown to meet it.
        costs: Of each model, as far as they are known and usable.
        margin: Largest loss of the deciding metric that counts as none.
        limited: Whether there are limits, all of which the others are shown to meet.
    """
    if not judgement.is_large_enough:
        return Decision(kind="undecided", margin=margin)
    if judgement.leader is not None:
        cheaper = _cheaper_within_margin(judgement, judgement.leader, costs, margin)
        return Decision(kind="ahead", recommended=judgement.leader, alternatives=cheaper, margin=margin)
    eligible = [row.name for row in judgement.compared if row.name not in judgement.excluded]
    if len(eligible) < 2:
        only = [name for name in eligible if limited and not unsuitable(name, judgement)]
        return Decision(kind="only one" if only else "undecided", recommended=next(iter(only), None), margin=margin)
    equivalent = [name for name in eligible if _loses_at_most(judgement, name, eligible, margin)]
    if len(equivalent) == 1:
        cheaper = _cheaper_within_margin(judgement, equivalent[0], costs, margin)
        return Decision(kind="not worse", recommended=equivalent[0], alternatives=cheaper, margin=margin)
    return _decide_by_cost(equivalent, costs, margin)


def _decide_by_cost(equivalent: Sequence[str], costs: Mapping[str, TableRow], margin: float) -> Decision:
    if not equivalent:
        return Decision(kind="undecided", margin=margin)
    for name in equivalent:
        others = [other for other in equivalent if other != name]
        known = all(each in costs for each in equivalent)
        if known and all(is_cheaper(costs[name], costs[other]) for other in others):
            return Decision(kind="cheaper", recommended=name, alternatives=tuple(others), margin=margin)
    return Decision(kind="equivalent", alternatives=tuple(equivalent), margin=margin)


def _loses_at_most(judgement: Judgement, name: str, eligible: Sequence[str], margin: float) -> bool:
    """Whether a model is shown to lose less than the margin against every other, by the intervals for all pairs."""
    if unsuitable(name, judgement):
        return False
    losses = [worst_loss_all_pairs(judgement, other, name) for other in eligible if other != name]
    return all(loss is not None and loss < margin for loss in losses)


def _cheaper_within_margin(
    judgement: Judgement, chosen: str, costs: Mapping[str, TableRow], margin: float
) -> tuple[str, ...]:
    return tuple(
        name
        for name in costs
        if name != chosen
        and chosen in costs
        and not unsuitable(name, judgement)
        and is_cheaper(costs[name], costs[chosen])
        and (loss := worst_loss_all_pairs(judgement, chosen, name)) is not None
        and loss < margin
    )

"""Which row of a comparison may be named as best, once the pairs are judged."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from arogya_bench.analysis.disagreement import TIE_TOLERANCE, Disagreement, find_disagreement
from arogya_bench.analysis.pairs import PairJudgement, detectable_difference
from arogya_bench.analysis.scored_rows import ScoredRow, SharedCases
from arogya_bench.statistics.paired_differences import PairedDifferences
from arogya_bench.statistics.sample_size import MIN_VERDICT_GROUPS


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the choice of a leader rests on.

    Attributes:
        compared: The rows with a defined metric, best first.
        pairs: Every pair of these.
        all_pairs: The statistics behind ``pairs``, by positions in ``compared``.
        chance: By row, whether it is shown to be better than guessing; None if that is not judged.
    """

    compared: Sequence[ScoredRow]
    cases: SharedCases
    metric: str
    pairs: Sequence[PairJudgement]
    all_pairs: PairedDifferences
    chance: Mapping[str, bool | None]

    @property
    def high_is_better(self) -> bool:
        """Whether a high value of the metric is better."""
        return self.cases.task.metrics[self.metric].best == "high"


@dataclass(frozen=True, kw_only=True)
class LeaderChoice:
    """The fields of a judgement that depend on which rows may be recommended; ``Judgement`` describes them."""

    leader: str | None
    candidate: str | None
    not_beaten: tuple[str, ...]
    disagreement: Disagreement | None
    detectable_difference: float | None


def find_leader(evidence: Evidence, excluded: Collection[str]) -> LeaderChoice:
    """Find the row that is shown to be better than each other row that may be recommended."""
    eligible = [row for row in evidence.compared if row.name not in excluded]
    candidate = _find_candidate(eligible, evidence.metric)
    others = [row.name for row in eligible if row.name != candidate]
    not_beaten = tuple(name for name in others if candidate and not _is_beaten(evidence, candidate, name))
    large = evidence.cases.groups >= MIN_VERDICT_GROUPS
    wins = large and candidate is not None and bool(others) and not not_beaten
    return LeaderChoice(
        leader=candidate if wins and candidate and evidence.chance[candidate] is not False else None,
        candidate=candidate,
        not_beaten=not_beaten,
        disagreement=find_disagreement(eligible, evidence.cases, evidence.metric),
        detectable_difference=_detectable(evidence, candidate, [row.name for row in eligible]),
    )


def _find_candidate(eligible: Sequence[ScoredRow], metric: str) -> str | None:
    """The first row; None on a tie for the first place."""
    if not eligible:
        return None
    values = [row.estimate(metric) for row in eligible]
    tied = len(values) > 1 and abs(values[0] - values[1]) <= TIE_TOLERANCE
    return None if tied else eligible[0].name


def _is_beaten(evidence: Evidence, candidate: str, other: str) -> bool:
    (pair,) = (pair for pair in evidence.pairs if {pair.a, pair.b} == {candidate, other})
    result, first = pair.result, pair.a == candidate
    return result.low > 0 if first == evidence.high_is_better else result.high < 0


def _detectable(evidence: Evidence, candidate: str | None, eligible: Sequence[str]) -> float | None:
    first = candidate or next(iter(eligible), None)
    if first is None:
        return None
    positions = {row.name: i for i, row in enumerate(evidence.compared)}
    others = [positions[name] for name in eligible if name != first]
    of_first = [pair for pair in evidence.pairs if first in (pair.a, pair.b) and {pair.a, pair.b} <= set(eligible)]
    definition = evidence.cases.task.metrics[evidence.metric]
    return detectable_difference(
        evidence.all_pairs, positions[first], others, of_first, largest=definition.high - definition.low
    )

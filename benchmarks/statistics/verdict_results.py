"""What the studies of one setting came to, and which goals of the setting they miss."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from benchmarks.statistics.verdict_measures import MEASURES, Count
from benchmarks.statistics.verdict_settings import Setting


@dataclass(frozen=True, kw_only=True)
class SettingResult:
    """Sums over the studies of a setting.

    Attributes:
        resamples: Of each study.
        counts: By measure.
        leaders: How often each row was named; undecided studies are under the empty name.
        seconds: Of processor time, drawing and judging.
        printed: Studies that print a detectable difference.
        printed_sum: Sum of these differences.
        planted: The difference that was planted because pilot studies printed it.
    """

    studies: int
    resamples: int
    counts: Mapping[str, Count]
    leaders: Mapping[str, int]
    seconds: float
    printed: int = 0
    printed_sum: float = 0.0
    planted: float | None = None

    def __add__(self, other: "SettingResult") -> "SettingResult":
        """The studies of both."""
        return SettingResult(
            studies=self.studies + other.studies,
            resamples=self.resamples,
            counts={name: self.counts[name].plus(other.counts[name]) for name in MEASURES},
            leaders=dict(Counter(self.leaders) + Counter(other.leaders)),
            seconds=self.seconds + other.seconds,
            printed=self.printed + other.printed,
            printed_sum=self.printed_sum + other.printed_sum,
        )

    @property
    def mean_printed(self) -> float | None:
        """Mean detectable difference of the studies that print one."""
        return self.printed_sum / self.printed if self.printed else None

    def to_json(self) -> dict[str, Any]:
        """Plain values, which ``from_json`` reads."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote."""
        counts = {name: Count(*count) for name, count in stored["counts"].items()}
        return cls(**{**stored, "counts": counts})


def unmet_goals(setting: Setting, result: SettingResult) -> list[str]:
    """One text per goal that the studies of a setting miss."""
    texts = []
    for goal in setting.goals:
        count = result.counts[goal.measure]
        if not goal.is_met(count):
            texts.append(f"{setting.section}, {setting.name}: {goal.measure} {render_share(count)} %")
    return texts


def render_share(count: Count) -> str:
    """A share in per cent; a dash if nothing counts."""
    return f"{100 * count.hits / count.of:.1f}" if count.of else "\u2013"

"""What a model must be shown to meet before it may be recommended: limits, and the settings that they refer to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self

from arogya_bench.analysis.options import DEFAULT_TEST, AnalysisOptions
from arogya_bench.errors import ConfigError

WORST_SUBGROUP, ROBUSTNESS, LICENCE = "worst_subgroup", "robustness", "licence"
FITNESS, ABOVE_CHANCE = "fitness", "above_chance"  # which every model must have
IN_WORDS = {
    FITNESS: "may be recommended at all",
    ABOVE_CHANCE: "better than guessing",
    LICENCE: "licence for commercial use",
}


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A bound that a quantity must be shown to keep.

    Attributes:
        quantity: A metric, a column of ``measurements`` or the cost, or one of the three names above.
        at_least: The lower bound of the quantity must be as high; None for a limit from above, and for a licence.
        at_most: The upper bound of the quantity must be as low.
        column: Of ``worst_subgroup``: the metadata column; None for every column.
        metric: Of ``worst_subgroup``: None takes the deciding metric.
        allowed: Of ``licence``: models of which the user states that they may be used commercially.
    """

    quantity: str
    at_least: float | None = None
    at_most: float | None = None
    column: str | None = None
    metric: str | None = None
    allowed: tuple[str, ...] = ()

    @property
    def value(self) -> float | None:
        """The number; None for a licence."""
        return self.at_least if self.at_most is None else self.at_most

    @property
    def best(self) -> Literal["high", "low"]:
        """Which values keep the limit."""
        return "high" if self.at_most is None else "low"

    @property
    def label(self) -> str:
        """The limit in words, such as ``sensitivity at least 0.95``."""
        if self.value is None:
            return IN_WORDS[self.quantity]
        name = self.quantity.replace("_", " ") if self.quantity == WORST_SUBGROUP else self.quantity
        parts = [name, f"of {self.column}" if self.column else "", f"by {self.metric}" if self.metric else ""]
        side = "at least" if self.at_most is None else "at most"
        return " ".join([*filter(None, parts), side, f"{self.value:g}"])


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What a limits file says.

    Attributes:
        limits: Each must be shown to hold.
        metric: The deciding metric, if the file names it.
        settings: Those of the ``AnalysisOptions`` that the file names.
    """

    limits: tuple[Limit, ...] = ()
    metric: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names that may be metrics, which must be scored."""
        return tuple(dict.fromkeys(limit.metric or limit.quantity for limit in self.limits))

    def options(self, **given: object) -> AnalysisOptions:
        """The options of the analyses; what is given must not contradict the file.

        Without a stated correction, another test than the default one is corrected by Holm's method, since the joint
        distribution of its statistics is not known.

        Raises:
            ConfigError: For a setting that is given with another value.
        """
        for name, value in given.items():
            check_same(f"--{name}", value, self.settings.get(name))
        chosen = {**self.settings, **{name: value for name, value in given.items() if value is not None}}
        if chosen.get("test", DEFAULT_TEST) != DEFAULT_TEST:
            chosen.setdefault("correction", "holm")
        known = {name: chosen[name] for name in (each.name for each in fields(AnalysisOptions)) if name in chosen}
        floor = next((limit.value for limit in self.limits if limit.quantity == ROBUSTNESS), None)
        return replace(AnalysisOptions(**{"robustness_floor": floor, **known}), extra_metrics=self.metrics)

    def to_record(self) -> dict[str, object]:
        """What a comparison says of its requirements, as JSON values."""
        limits = [
            {
                **{key: value for key, value in vars(limit).items() if value not in (None, ())},
                **({"commercial": True} if limit.quantity == LICENCE else {}),
            }
            for limit in self.limits
        ]
        settings = {key: list(value) if isinstance(value, tuple) else value for key, value in self.settings.items()}
        return {
            "limits": [
                {**limit, **({"allowed": list(limit["allowed"])} if "allowed" in limit else {})} for limit in limits
            ],
            "metric": self.metric,
            "settings": settings,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read what ``to_record`` wrote."""
        names = [each.name for each in fields(Limit)]
        limits = [{key: as_tuple(value) for key, value in limit.items() if key in names} for limit in record["limits"]]
        return cls(
            limits=tuple(Limit(**limit) for limit in limits),
            metric=record["metric"],
            settings={key: as_tuple(value) for key, value in record["settings"].items()},
        )


def as_tuple(value: Any) -> Any:
    """A list of JSON as the tuple that it was; other values as they are."""
    return tuple(value) if isinstance(value, list) else value


def check_same(option: str, given: object, stated: object) -> None:
    """Raise ConfigError if a setting is given and the limits file states another.

    Neither wins: a decision that names a limits file must rest on what stands in it.
    """
    if given is not None and stated is not None and given != stated:
        raise ConfigError(
            f"{option} is {given}, and the limits file states {stated}.",
            fix=f"leave out {option}, or change the file: a decision that names the file must rest on it.",
        )

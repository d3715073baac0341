"""Which models are shown to meet every limit, which are excluded by one, and which are undecided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.limit_outcomes import EXCLUDED, UNDECIDED


@dataclass(frozen=True, kw_only=True)
class Eligibility:
    """What the limits say of the models of a dataset.

    Attributes:
        limits: Number of limits; with none, every model is eligible.
        excluded: Model to the bounds that are shown to miss a limit.
        undecided: Model to the limits that it is not shown to meet, and what would decide.
    """

    limits: int = 0
    excluded: Mapping[str, str] = field(default_factory=dict)
    undecided: Mapping[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> dict[str, str]:
        """Every model that may not be recommended because of a limit, with the reason."""
        return {**self.undecided, **self.excluded}


def find_eligibility(rows: Sequence[TableRow]) -> Eligibility:
    """Read the table of limits of one dataset."""
    excluded, undecided = _reasons(rows, EXCLUDED), _reasons(rows, UNDECIDED)
    return Eligibility(
        limits=len({str(row["limit"]) for row in rows}),
        excluded=excluded,
        undecided={model: reason for model, reason in undecided.items() if model not in excluded},
    )


def _reasons(rows: Sequence[TableRow], verdict: str) -> dict[str, str]:
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row["verdict"] == verdict:
            reasons.setdefault(str(row["model"]), []).append(str(row["reason"]))
    return {model: "; ".join(dict.fromkeys(parts)) for model, parts in reasons.items()}

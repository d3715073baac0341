"""The conditions of stored evaluations."""

from dataclasses import dataclass, field

CLEAN = "clean"


@dataclass(frozen=True, kw_only=True, order=True)
class StoredCondition:
    """A condition as logged in MLflow; sorts by augmentation (clean first), then by severity.

    Attributes:
        scale: What the severity is, with its unit; empty if nobody declared it.
    """

    augmentation_order: int = field(repr=False)
    augmentation: str
    level: int
    severity: float | None = field(compare=False)
    name: str = field(compare=False)
    scale: str = field(default="", compare=False)

"""A finding of one of the codes, and the report that holds them all."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from arogya_bench.gate.codes import CODES, Severity
from arogya_bench.runtime.console import plural

MAX_EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class GateFinding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        code: Stable, one of ``CODES``.
        count: How many cases, groups, sets or pairs ``detail`` or the title speaks of; 1 or more.
        examples: At most five of them.
        detail: Numbers behind the title; empty if there are none.
    """

    code: str
    severity: Severity
    title: str
    count: int
    examples: tuple[str, ...]
    fix: str
    detail: str = ""

    @property
    def examples_text(self) -> str:
        """The examples in one line, and how many more there are."""
        rest = self.count - len(self.examples)
        shown = ", ".join(self.examples)
        return f"{shown} and {rest} more" if shown and rest > 0 else shown


def finding(
    code: str,
    names: Sequence[str],
    *,
    count: int | None = None,
    detail: str = "",
    severity: Severity | None = None,
) -> GateFinding:
    """Make a finding with what its code stands for.

    Args:
        code: One of ``CODES``.
        names: Of what was found; the first five are kept.
        count: Where ``names`` are not all; else their number.
        detail: What the numbers are.
        severity: Where it is not that of the code.
    """
    meaning = CODES[code]
    return GateFinding(
        code=code,
        severity=severity or meaning.severity,
        title=meaning.title,
        count=len(names) if count is None else count,
        examples=tuple(names[:MAX_EXAMPLES]),
        fix=meaning.fix,
        detail=detail,
    )


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """What the gate found in one dataset as it was divided.

    Attributes:
        cases: Number of cases that were looked at.
        findings: Errors first, then by code.
        unusable: Ids of cases that cannot be read or have no label.
        notes: What was not looked at, and why.
    """

    dataset: str
    dataset_digest: str
    split: str
    split_digest: str
    cases: int
    findings: tuple[GateFinding, ...]
    unusable: frozenset[str]
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[GateFinding, ...]:
        """What stops a run."""
        return self._with_severity("error")

    @property
    def warnings(self) -> tuple[GateFinding, ...]:
        """What a reader of the numbers must know."""
        return self._with_severity("warning")

    def summary(self) -> str:
        """Say in one line what was found."""
        said = [
            f"{plural(len(own), noun)} ({', '.join(each.code for each in own)})"
            for noun, own in (("error", self.errors), ("warning", self.warnings))
            if own
        ]
        where = f"{plural(self.cases, 'case')} of {self.dataset}, split {self.split}"
        return f"Gate: {' and '.join(said) or 'no error and no warning'} in {where}."

    def table(self) -> pd.DataFrame:
        """One row per finding: code, severity, what, count, detail, examples, fix."""
        columns = ["code", "severity", "what", "count", "detail", "examples", "fix"]
        rows = [
            (
                each.code,
                each.severity,
                each.title,
                each.count,
                each.detail,
                each.examples_text,
                each.fix,
            )
            for each in self.findings
        ]
        return pd.DataFrame(rows, columns=columns)

    def to_json(self) -> str:
        """Everything, as indented JSON; the same report gives the same text."""
        facts = asdict(self) | {"unusable": sorted(self.unusable), "summary": self.summary()}
        return json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)

    def _with_severity(self, severity: Severity) -> tuple[GateFinding, ...]:
        return tuple(each for each in self.findings if each.severity == severity)

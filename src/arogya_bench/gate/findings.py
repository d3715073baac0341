"""Findings of the gate, and the report that collects them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

import pandas as pd

from arogya_bench.gate.codes import CODES, Severity
from arogya_bench.gate.copies import CopyPair, copies_table
from arogya_bench.runtime.console import plural

MAX_EXAMPLES = 5
MAX_DETAIL_LENGTH = 120  # characters; longer details are in the table of findings and in gate.json


@dataclass(frozen=True, kw_only=True)
class GateFinding:
    """One problem with the data, or a fact worth knowing.

    Attributes:
        code: One of ``CODES``.
        count: Number of affected cases, groups, sets or pairs; at least 1.
        examples: At most five of them.
        detail: Numbers that explain the title; may be empty.
        pairs: Every pair of copies, of which the examples are the first; empty for findings about other things.
    """

    code: str
    severity: Severity
    title: str
    count: int
    examples: tuple[str, ...]
    fix: str
    detail: str = ""
    pairs: tuple[CopyPair, ...] = field(default=(), repr=False)

    @property
    def examples_text(self) -> str:
        """The examples in one line, and how many more there are."""
        n_more = self.count - len(self.examples)
        shown = ", ".join(self.examples)
        return f"{shown} and {n_more} more" if shown and n_more > 0 else shown


def format_finding(finding: Mapping[str, Any]) -> str:
    """Format the fields of a finding in one line: severity, code, title, count, a short detail, and the fix."""
    return f"{str(finding['severity']).capitalize()} {describe_finding(finding)}"


def describe_finding(finding: Mapping[str, Any]) -> str:
    """The line of ``format_finding`` without the severity, where that stands beside it."""
    detail = str(finding["detail"])
    shown = f": {detail.rstrip('.')}" if 0 < len(detail) <= MAX_DETAIL_LENGTH else ""
    return f"{finding['code']}: {finding['title']} ({finding['count']:,}){shown}. Fix: {finding['fix']}."


def finding(
    code: str,
    names: Sequence[str],
    *,
    count: int | None = None,
    detail: str = "",
    severity: Severity | None = None,
    pairs: Sequence[CopyPair] = (),
) -> GateFinding:
    """Build a finding with the title and fix of its code.

    Args:
        code: One of ``CODES``.
        names: Names of the affected items; the first five become examples.
        count: Number of affected items, if not that of ``names``.
        detail: Numbers that explain the title.
        severity: Severity, if not that of the code.
        pairs: Every pair of copies, for the full list.
    """
    gate_code = CODES[code]
    return GateFinding(
        code=code,
        severity=severity or gate_code.severity,
        title=gate_code.title,
        count=len(names) if count is None else count,
        examples=tuple(names[:MAX_EXAMPLES]),
        fix=gate_code.fix,
        detail=detail,
        pairs=tuple(pairs),
    )


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """The findings of the gate in one divided dataset.

    Attributes:
        cases: Number of inspected cases.
        findings: Sorted by severity, errors first, then by code.
        unusable: Ids of cases that cannot be read or have no label.
        notes: What was not checked, and why.
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
        """Findings that stop a run."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[GateFinding, ...]:
        """Findings that affect the interpretation of the results."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def summary(self) -> str:
        """Summarise the report in one line."""
        counts = [
            f"{plural(len(findings), noun)} ({', '.join(finding.code for finding in findings)})"
            for noun, findings in (("error", self.errors), ("warning", self.warnings))
            if findings
        ]
        scope = f"{plural(self.cases, 'case')} of {self.dataset}, split {self.split}"
        return f"Gate: {' and '.join(counts) or 'no error and no warning'} in {scope}."

    def table(self) -> pd.DataFrame:
        """Return one row per finding."""
        columns = ["code", "severity", "title", "count", "detail", "examples_text", "fix"]
        rows = [{name: getattr(finding, name) for name in columns} for finding in self.findings]
        table = pd.DataFrame(rows, columns=columns)
        return table.rename(columns={"title": "what", "examples_text": "examples"})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote."""
        facts = json.loads(text)
        names = [field.name for field in fields(cls)]
        findings = [GateFinding(**{**found, "examples": tuple(found["examples"])}) for found in facts["findings"]]
        lists = {
            "findings": tuple(findings),
            "unusable": frozenset(facts["unusable"]),
            "notes": tuple(facts.get("notes", ())),
        }
        return cls(**{name: facts[name] for name in names if name in facts} | lists)

    def copies(self) -> pd.DataFrame:
        """Return every pair of copies, exact and near, one row per pair and code."""
        return copies_table((finding.code, finding.pairs) for finding in self.findings)

    def to_json(self, *, with_copies: bool = False) -> str:
        """Serialise the report as indented JSON; equal reports give equal text.

        Args:
            with_copies: Whether to add every pair of copies, of which a finding has five.
        """
        short = replace(self, findings=tuple(replace(finding, pairs=()) for finding in self.findings))
        facts = asdict(short) | {"unusable": sorted(self.unusable), "summary": self.summary()}
        for finding in facts["findings"]:
            del finding["pairs"]
        if with_copies:
            facts["copies"] = self.copies().to_dict("records")
        return json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)

"""What the data gate found in the data of a comparison, read from the tags and artifacts of its runs."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from arogya_bench.errors import ArtifactMissing
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import GATE, GATE_OVERRIDDEN, MODEL_CONFIG_DIGEST

Finding: TypeAlias = Mapping[str, object]

GATE_FILE = "gate.json"
FIELDS = ("severity", "code", "title", "count", "detail", "fix")
SEVERITIES = ("error", "warning")  # findings of other severities do not affect the interpretation of results
# Leakage and duplicates, weights trained on the data, labels and splits, shortcuts, files: by effect on the scores.
CODE_GROUPS = ("AB1", "AB5", "AB3", "AB4", "AB2")
TRAINED_ON_TEST = "AB501"
CODE = re.compile(r"\bAB\d{3}\b")


class GateFindings(NamedTuple):
    """Findings by weight, the heaviest first, and summaries of the gate whose findings are not in the store."""

    findings: tuple[Finding, ...]
    unavailable: tuple[str, ...]


def load_gate_findings(store: Store, runs: Iterable[RunRecord], names: Mapping[str, str]) -> GateFindings:
    """Read the errors and warnings of the gate from one finished run for each distinct summary of it.

    Runs of one block were made from the same data, so that few summaries are distinct, and often only one.

    Args:
        store: Where the runs are.
        runs: Evaluations of one block, oldest first.
        names: Row digest to display name.
    """
    runs = list(runs)
    newest = {run.tags.get(GATE, ""): run for run in runs if run.status == "FINISHED"}
    found: dict[tuple[str, str], dict[str, object]] = {}
    unavailable = []
    for summary, run in newest.items():
        if not CODE.search(summary):
            continue
        try:
            with fetch_artifact(run, GATE_FILE, uri=store.uri) as path:
                findings = json.loads(path.read_text(encoding="utf-8"))["findings"]
        except ArtifactMissing:
            unavailable.append(summary)
            continue
        for finding in findings:
            if finding["severity"] in SEVERITIES:
                found[finding["severity"], finding["code"]] = {name: finding.get(name, "") for name in FIELDS}
    for severity, names_of in (("error", rows_trained_on_test), ("warning", _rows_trained_on_related_data)):
        if (finding := found.get((severity, TRAINED_ON_TEST))) and (models := names_of(runs, names)):
            finding |= {"count": len(models), "detail": ", ".join(models)}
    return GateFindings(tuple(sorted(found.values(), key=_weight)), tuple(unavailable))


def rows_trained_on_test(runs: Iterable[RunRecord], names: Mapping[str, str]) -> tuple[str, ...]:
    """Display names of the rows whose weights are declared as trained on this dataset, in order of appearance."""
    return _rows_with(runs, names, GATE_OVERRIDDEN)


def _rows_trained_on_related_data(runs: Iterable[RunRecord], names: Mapping[str, str]) -> tuple[str, ...]:
    runs = list(runs)
    errors = rows_trained_on_test(runs, names)
    return tuple(name for name in _rows_with(runs, names, GATE) if name not in errors)


def _rows_with(runs: Iterable[RunRecord], names: Mapping[str, str], tag: str) -> tuple[str, ...]:
    rows = {run.tags[MODEL_CONFIG_DIGEST] for run in runs if TRAINED_ON_TEST in run.tags.get(tag, "")}
    return tuple(name for row, name in names.items() if row in rows)


def _weight(finding: Finding) -> tuple[int, int, str]:
    code = str(finding["code"])
    group = CODE_GROUPS.index(code[:3]) if code[:3] in CODE_GROUPS else len(CODE_GROUPS)
    return SEVERITIES.index(str(finding["severity"])), group, code

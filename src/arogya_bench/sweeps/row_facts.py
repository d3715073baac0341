"""Brings what finished runs say of their row up to date: its name, and what its weights were fitted on.

Neither is part of a key, so a sweep finds the cells of a row however it is called and whatever is declared of it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from rich.markup import escape

from arogya_bench.errors import ArtifactMissing, UserError
from arogya_bench.evaluation.job import Job, row_digest
from arogya_bench.evaluation.run_items import gate_tags, training_data_tags
from arogya_bench.gate.codes import CODES
from arogya_bench.gate.contamination import find_contamination
from arogya_bench.gate.findings import GateFinding, GateReport
from arogya_bench.runtime.console import echo, plural
from arogya_bench.sweeps.plan import SweepPlan
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.items import Tags, Text
from arogya_bench.tracking.runs import FINISHED_EVALUATIONS, RunRecord, rename_run, search_runs, write_items
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import (
    DATASET,
    GATE,
    GATE_OVERRIDDEN,
    MODEL,
    MODEL_CONFIG_DIGEST,
    TRAINED_ON,
    evaluation_name,
)

GATE_FILE = "gate.json"
CONTAMINATION = "AB501"


def declare_training_data(jobs: Sequence[Job], store: Store | None) -> None:
    """Tell the finished evaluations of a row what its weights are declared to be fitted on by now.

    This comes before the gate, which may stop the sweep for the same reason: what is known counts all the same. A row
    that is declared nothing of keeps what was declared before.
    """
    declaring = {job.row_name: job for job in jobs if training_data_tags(job)}
    if store is None or not declaring:
        return
    rows: dict[str, Job] = {}
    for job in declaring.values():
        with suppress(UserError):  # a model that cannot be found is reported when the sweep is planned
            rows[row_digest(job)] = job
    told: Counter[str] = Counter()
    for run in search_runs(store, FINISHED_EVALUATIONS):
        declared_by = rows.get(run.tags[MODEL_CONFIG_DIGEST])
        if declared_by and _declare(store, run, declared_by):
            told[declared_by.row_name] += 1
    for name, count in told.items():
        echo(f"{escape(name)}: {plural(count, 'finished cell')} told what its weights were trained on.")


def _declare(store: Store, run: RunRecord, job: Job, *, overlaps: Sequence[str] = ()) -> bool:
    """Tag a run with the training data of its weights, and add what that means for its dataset to its gate report.

    Returns:
        Whether that was new.
    """
    declared = training_data_tags(job)
    findings = tuple(
        find_contamination(run.tags[DATASET], {job.display_name: json.loads(declared[TRAINED_ON])}, overlaps=overlaps)
    )
    if run.tags.get(TRAINED_ON) == declared[TRAINED_ON] and (not findings or CONTAMINATION in run.tags.get(GATE, "")):
        return False
    report = _stored_report(store, run)
    if not findings or report is None:
        without_report = {GATE_OVERRIDDEN: f"{CONTAMINATION} {CODES[CONTAMINATION].title}"} if findings else {}
        write_items(store, run.run_id, [Tags(values=declared | without_report)])
        return True
    report = _with_findings(report, findings)
    tags = Tags(values=declared | gate_tags(report))
    write_items(store, run.run_id, [Text(file=GATE_FILE, text=report.to_json()), tags])
    return True


def _stored_report(store: Store, run: RunRecord) -> GateReport | None:
    with suppress(ArtifactMissing), fetch_artifact(run, GATE_FILE, uri=store.uri) as path:
        return GateReport.from_json(path.read_text(encoding="utf-8"))
    return None


def _with_findings(report: GateReport, findings: Iterable[GateFinding]) -> GateReport:
    others = [finding for finding in report.findings if finding.code != CONTAMINATION]
    order = sorted([*others, *findings], key=lambda finding: (finding.severity != "error", finding.code))
    return replace(report, findings=tuple(order))


def update_reused_runs(plan: SweepPlan, store: Store) -> None:
    """Give the finished runs of the rows of a plan the names that the rows have now, and the findings on their weights.

    A renamed row is renamed wherever it was evaluated, so that it has one name in each table.
    """
    if not plan.finished:
        return
    rows = {planned.model_config_digest: planned for planned in plan.jobs}
    overlaps = {planned.dataset.name: planned.dataset.overlaps for planned in plan.jobs}
    renamed: dict[str, int] = {}
    for run in search_runs(store, FINISHED_EVALUATIONS):
        planned = rows.get(run.tags[MODEL_CONFIG_DIGEST])
        if planned is None:
            continue
        if training_data_tags(planned.job) and run.tags[DATASET] in overlaps:
            _declare(store, run, planned.job, overlaps=overlaps[run.tags[DATASET]])
        if run.tags[MODEL] != planned.job.row_name:
            _rename(store, run, planned.job.row_name)
            change = f"{run.tags[MODEL]} is now {planned.job.row_name}"
            renamed[change] = renamed.get(change, 0) + 1
    for change, count in renamed.items():
        echo(f"{escape(change)}: {plural(count, 'finished cell')} renamed.")


def _rename(store: Store, run: RunRecord, name: str) -> None:
    tags: Mapping[str, str] = {**run.tags, MODEL: name}
    write_items(store, run.run_id, [Tags(values={MODEL: name})])
    rename_run(store, run.run_id, evaluation_name(tags))

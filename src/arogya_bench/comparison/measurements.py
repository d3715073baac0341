"""The measurement runs of a block: which are compared, and what is to be said of the others."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.measurement_choice import choose_machine, choose_runs, machine_of, session_of
from arogya_bench.comparison.measurement_notes import other_machines, other_options, row_notes, unequal_conditions
from arogya_bench.errors import ArtifactMissing
from arogya_bench.runtime.digests import digest_of
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import RunRecord, search_runs
from arogya_bench.tracking.tags import (
    CELL_KEY,
    DATASET_DIGEST,
    DEVICE,
    GRADE,
    GRADE_REASONS,
    KIND,
    MACHINE,
    MEASURE,
    MODEL_CONFIG_DIGEST,
    SPLIT_DIGEST,
    TASK,
    UNDEFINED_METRICS,
    read_json_tag,
)

DIGEST_LENGTH = 12  # of the options of a protocol
RATE_NAME = re.compile(r"throughput_b(?P<batch>\d+)_img_s")


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One measurement run.

    Attributes:
        row: Digest of the leaderboard row.
        absent: Metrics that the run has not, with the reason.
        batches: One mapping per batch size that was tried, as in ``measurement.json``.
        hardware: Facts of the machine, as in ``measurement.json``; empty if they are lost.
        options: Of the protocol, as in ``measurement.json``; empty if they are lost.
        document_note: Why ``batches`` holds only the metrics of the run, or empty.
    """

    row: str
    run: RunRecord = field(repr=False)
    absent: Mapping[str, str]
    batches: Sequence[Mapping[str, Any]]
    hardware: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    document_note: str = ""

    @property
    def metrics(self) -> Mapping[str, float]:
        """The metrics of the run."""
        return self.run.metrics

    @property
    def grade(self) -> str:
        """Grade of the environment, A to D; empty if the run has none."""
        return self.run.tags.get(GRADE, "")

    @property
    def grade_reasons(self) -> str:
        """Why the environment has its grade."""
        return self.run.tags.get(GRADE_REASONS, "")

    @property
    def device(self) -> str:
        """Such as ``cpu`` or ``cuda:0``."""
        return self.run.tags.get(DEVICE, "")

    @property
    def session(self) -> str:
        """Shared by the models that were interleaved."""
        return session_of(self.run)

    @property
    def protocol(self) -> str:
        """Name of the config that it was measured by."""
        return self.run.tags.get(MEASURE, "")

    @property
    def protocol_digest(self) -> str:
        """Of the options of that config; empty if they are lost."""
        return digest_of(self.options)[:DIGEST_LENGTH] if self.options else ""


@dataclass(frozen=True, kw_only=True)
class BlockMeasurements:
    """The measurements of one block that may be compared: all of one machine.

    Attributes:
        machine: The hardware in words; None if nothing is measured.
        by_row: Row digest to its measurement, in the order of the rows.
        notes: Display name of a row to what a reader must know about its measurement.
        caveats: What concerns several rows, one sentence each.
    """

    machine: str | None = None
    by_row: Mapping[str, Measurement] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()

    @property
    def devices(self) -> list[str]:
        """Each device that a model ran on, in the order of the rows."""
        return list(dict.fromkeys(measurement.device for measurement in self.by_row.values()))


def load_measurements(block: ComparableRuns) -> BlockMeasurements:
    """Read the measurement runs of a block, all in one search.

    Only those of its dataset and split count, and of those only the ones of one machine: that with most rows, then
    that of the newest run. ``choose_runs`` says which run of each row is taken. Models behind APIs
    are left out: a latency over the network stands beside no local one.
    """
    runs = [
        run
        for run in search_runs(
            block.store, f"tags.`{KIND}` = 'measurement' and tags.`{DATASET_DIGEST}` = '{block.digest}'"
        )
        if run.tags.get(SPLIT_DIGEST) in block.split_digests
        and run.tags.get(MODEL_CONFIG_DIGEST) in block.row_names.keys() - block.api_rows
        and run.tags.get(TASK, block.task.name) == block.task.name
    ]
    finished = [run for run in runs if run.status == "FINISHED"]
    machine = choose_machine(finished)
    on_machine = [run for run in finished if machine_of(run) == machine]
    taken = choose_runs(on_machine)
    by_row = {row: _read_measurement(block, row, taken[row]) for row in block.row_names if row in taken}
    first = next(iter(taken.values()), None)
    return BlockMeasurements(
        machine=first.tags.get(MACHINE, "an unnamed machine") if first else None,
        by_row=by_row,
        notes=row_notes(block, runs, on_machine, taken),
        caveats=(
            *other_machines(block, finished, machine),
            *_unequal_conditions(block, by_row),
            *_other_protocols(block, on_machine, by_row),
        ),
    )


def _unequal_conditions(block: ComparableRuns, by_row: Mapping[str, Measurement]) -> list[str]:
    by_name = {block.row_names[row]: measurement for row, measurement in by_row.items()}
    return unequal_conditions(
        {name: measurement.run for name, measurement in by_name.items()},
        {name: measurement.options for name, measurement in by_name.items() if measurement.options},
    )


def _other_protocols(
    block: ComparableRuns, on_machine: Iterable[RunRecord], by_row: Mapping[str, Measurement]
) -> list[str]:
    """Name the sessions that are not shown and were measured with other options, by one run of each."""
    shown = {measurement.session for measurement in by_row.values()}
    known_cells = {measurement.run.tags.get(CELL_KEY) for measurement in by_row.values()}  # digest of the options too
    others: dict[str, RunRecord] = {}
    for run in on_machine:
        if session_of(run) not in shown and run.tags.get(CELL_KEY, run.run_id) not in known_cells:
            others[session_of(run)] = run
    caveats = []
    for session, run in others.items():
        row = run.tags[MODEL_CONFIG_DIGEST]
        caveats += other_options(session, _read_measurement(block, row, run).options, by_row[row].options)
    return caveats


def read_latencies(block: ComparableRuns, measurement: Measurement) -> pd.DataFrame | None:
    """The raw samples of a measurement; None if the store has lost them."""
    try:
        with fetch_artifact(measurement.run, "latencies.parquet", uri=block.store.uri) as path:
            return pd.read_parquet(path)
    except ArtifactMissing:
        return None


def _read_measurement(block: ComparableRuns, row: str, run: RunRecord) -> Measurement:
    absent = read_json_tag(run.tags, UNDEFINED_METRICS)
    try:
        with fetch_artifact(run, "measurement.json", uri=block.store.uri) as path:
            document = json.loads(path.read_text(encoding="utf-8"))
        batches = sorted(document["batches"], key=lambda batch: int(batch["batch"]))
    except (ArtifactMissing, ValueError, KeyError):
        note = "measurement.json is missing from the store or damaged: memory by batch size is unknown"
        batches = _batches_from_metrics(run.metrics)
        return Measurement(row=row, run=run, absent=absent, batches=batches, document_note=note)
    return Measurement(
        row=row,
        run=run,
        absent=absent,
        batches=batches,
        hardware=document.get("hardware", {}),
        options=document.get("protocol", {}),
    )


def _batches_from_metrics(metrics: Mapping[str, float]) -> list[dict[str, Any]]:
    matches = [match for name in metrics if (match := RATE_NAME.fullmatch(name))]
    return [
        {
            "batch": batch,
            "status": "ok",
            "images_per_s": metrics[f"throughput_b{batch}_img_s"],
            "ci_low": metrics.get(f"throughput_b{batch}_img_s.ci_low"),
            "ci_high": metrics.get(f"throughput_b{batch}_img_s.ci_high"),
            "no_decode_images_per_s": metrics.get(f"throughput_b{batch}_no_decode_img_s"),
        }
        for batch in sorted(int(match["batch"]) for match in matches)
    ]

"""Evaluations on the same test cases, which may be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from arogya_bench.comparison.scored_rows import EvaluatedRow
from arogya_bench.errors import TrackingError
from arogya_bench.scoring.task import Task
from arogya_bench.scoring.tasks import from_table, get_task
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import API, API_CONTROL, SEEDED
from arogya_bench.types import BoxPredictions, Predictions

CLEAN = "clean"
CONTROLS = {
    "blank": "it is a control, which sees a grey image in place of every case",
    "shuffled_labels": "it is a control, with the answers of the model exchanged between cases at random",
}  # of models behind APIs


@dataclass(frozen=True, kw_only=True, order=True)
class StoredCondition:
    """A condition as logged in MLflow; sorts by augmentation (clean first), then by severity."""

    augmentation_order: int = field(repr=False)
    augmentation: str
    level: int
    severity: float | None = field(compare=False)
    name: str = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class ComparableRuns:
    """Evaluations that share images, labels, classes and split, and may therefore be compared.

    A leaderboard row is a model with its training settings. Below, ``row`` is the digest of both.

    Attributes:
        dataset: Display name: ``name``, followed by digests where several blocks share that name.
        digest: Digest of the dataset's content.
        grouped: Whether the dataset names patients.
        row_names: Row to display name, in order of first appearance.
        runs: Newest finished run by (row, condition name, seed).
        missing: One mapping per cell without a finished run.
        caveats: Limitations of the data, one sentence each.
        gate_findings: Errors and warnings of the data gate, the heaviest first.
        trained_on_test: Display names of rows whose weights are declared as trained on this dataset.
    """

    dataset: str
    name: str
    digest: str
    split: str
    task: Task[Any]
    store: Store
    split_digest: str
    grouped: bool
    conditions: tuple[StoredCondition, ...]
    row_names: Mapping[str, str]
    runs: Mapping[tuple[str, str, str], RunRecord]
    missing: tuple[Mapping[str, str], ...]
    resamples: int
    caveats: tuple[str, ...] = ()
    gate_findings: tuple[Mapping[str, object], ...] = ()
    trained_on_test: tuple[str, ...] = ()

    @property
    def not_recommendable(self) -> dict[str, str]:
        """Rows that cannot be recommended, by display name, with the reason."""
        trained = dict.fromkeys(
            self.trained_on_test, "its weights are declared as trained on this dataset, perhaps on its test images"
        )
        return {**trained, **self.controls}

    @property
    def api_rows(self) -> frozenset[str]:
        """Rows whose model is behind an API."""
        return frozenset(row for (row, *_), run in self.runs.items() if run.tags.get(API))

    @property
    def controls(self) -> dict[str, str]:
        """Rows that are controls, by display name, with what they show."""
        found = {row: run.tags[API_CONTROL] for (row, *_), run in self.runs.items() if run.tags.get(API_CONTROL)}
        return {self.row_names[row]: CONTROLS.get(name, f"it is the control {name}") for row, name in found.items()}

    def seeds(self, row: str, condition: str) -> list[str]:
        """Seeds for which a row has a finished run under a condition."""
        return sorted(seed for r, c, seed in self.runs if (r, c) == (row, condition))

    def primary_metric(self, requested_metric: str) -> str:
        """Return the requested metric, or the default of the task if the task lacks it."""
        return requested_metric if requested_metric in self.task.metrics else self.task.default_metric

    def load_predictions(self, row: str, condition: str) -> list[Predictions | BoxPredictions]:
        """Read the predictions of each seed, with cases sorted by id."""
        return [_read_predictions(self.store, self.runs[row, condition, seed]) for seed in self.seeds(row, condition)]

    def check_same_cases(self, rows: Sequence[Sequence[Predictions | BoxPredictions]]) -> None:
        """Raise a TrackingError unless the stored predictions of several rows cover the same cases."""
        predictions = [seed_predictions for row in rows for seed_predictions in row]
        for other in predictions[1:]:
            if not _same_cases(other, predictions[0]):
                raise TrackingError(
                    f"Stored predictions on {self.dataset} cover different cases although their "
                    "digests agree: a file was modified after it was logged.",
                    fix="delete the modified runs in MLflow and run the sweep again.",
                )

    def evaluated_row(self, row: str, condition: str) -> EvaluatedRow | None:
        """Read the predictions of a row under a condition; None if it has no finished run."""
        predictions = self.load_predictions(row, condition)
        if not predictions:
            return None
        seeded = any(run.tags.get(SEEDED, "true") != "false" for (name, *_), run in self.runs.items() if name == row)
        return EvaluatedRow(
            name=self.row_names[row],
            predictions=tuple(predictions),
            seeds=tuple(self.seeds(row, condition)),
            seeded=seeded,
        )


def _read_predictions(store: Store, run: RunRecord) -> Predictions | BoxPredictions:
    with fetch_artifact(run, "predictions.parquet", uri=store.uri) as path:
        return from_table(pd.read_parquet(path).sort_values("case_id", kind="stable"))


def _same_cases(a: Predictions | BoxPredictions, b: Predictions | BoxPredictions) -> bool:
    """Whether ids, groups, classes and labels agree; true boxes move with an augmented image."""
    if (a.case_ids, a.group_ids, a.classes) != (b.case_ids, b.group_ids, b.classes):
        return False
    return a.task == b.task and get_task(a).same_truth(a, b)

"""Evaluations on the same test cases, which may be compared."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from arogya_bench.analysis.conditions import CLEAN, StoredCondition
from arogya_bench.analysis.scored_rows import EvaluatedRow
from arogya_bench.analysis.table_rows import TableRow
from arogya_bench.comparison.missing_cells import CellKey
from arogya_bench.comparison.pooled_folds import CrossValidation, Fold
from arogya_bench.comparison.pooled_predictions import pool_predictions
from arogya_bench.comparison.validation import load_validation
from arogya_bench.errors import TrackingError
from arogya_bench.scoring.task import Task
from arogya_bench.scoring.tasks import from_table, get_task
from arogya_bench.tracking.artifacts import read_artifacts
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import API, API_CONTROL, SEEDED, SPLIT_DIGEST
from arogya_bench.types import BoxPredictions, Predictions

PREDICTIONS_FILE = "predictions.parquet"
CONTROLS = {
    "blank": "it is a control, which sees a grey image in place of every case",
    "shuffled_labels": "it is a control, with the answers of the model exchanged between cases at random",
}  # of models behind APIs


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
        tried: Row to display name of the variants that were not chosen on the validation split; they are no rows.
        variants: Rows of a table of the variants of models, with their scores on the validation split.
        fits: Runs of fits by their id.
        cross_validation: Whose folds are pooled, if these are pooled predictions.
        fold_runs: Of pooled predictions, the runs of all folds behind each entry of ``runs``.
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
    tried: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[TableRow, ...] = ()
    fits: Mapping[str, RunRecord] = field(default_factory=dict, repr=False)
    cross_validation: CrossValidation | None = field(default=None, repr=False)
    fold_runs: Mapping[CellKey, tuple[RunRecord, ...]] = field(default_factory=dict, repr=False)

    @property
    def all_runs(self) -> list[RunRecord]:
        """Every run that predictions are read from."""
        return [run for key in self.runs for run in self.parts(key)]

    @property
    def split_digests(self) -> frozenset[str]:
        """Of the splits that the runs were tested on: several for folds."""
        return frozenset(run.tags[SPLIT_DIGEST] for run in self.all_runs)

    @cached_property
    def read_digests(self) -> dict[str, str]:
        """SHA-256 of the prediction tables that were read so far, by run id."""
        return {}

    def parts(self, key: CellKey) -> tuple[RunRecord, ...]:
        """The runs behind one entry of ``runs``: one per fold, else one."""
        return self.fold_runs.get(key) or (self.runs[key],)

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
        return self._seeds.get((row, condition), [])

    @cached_property
    def _seeds(self) -> dict[tuple[str, str], list[str]]:
        found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for row, condition, seed in sorted(self.runs):
            found[row, condition].append(seed)
        return dict(found)

    def primary_metric(self, requested_metric: str) -> str:
        """Return the requested metric, or the default of the task if the task lacks it."""
        return requested_metric if requested_metric in self.task.metrics else self.task.default_metric

    def load_predictions(self, row: str, condition: str) -> list[Predictions | BoxPredictions]:
        """Read the predictions of each seed, with cases sorted by id."""
        found = self.evaluated_rows([row], condition)
        return list(found[row].predictions) if found else []

    def load_validation(self, digests: Mapping[str, str]) -> dict[str, tuple[Predictions | BoxPredictions, ...]]:
        """The predictions of the validation split, one per seed of the clean evaluation, with cases sorted by id.

        None for pooled folds: the validation cases of one fold are test cases of others, and each fit has its own.

        Args:
            digests: Display name to row.

        Returns:
            By display name; a row is absent if the fit of a seed has none, as those of APIs and imported ones, or if
            they are not of its kind, as those of a detector that is evaluated on labels.
        """
        if self.cross_validation:
            return {}
        runs = {name: [self.runs[row, CLEAN, seed] for seed in self.seeds(row, CLEAN)] for name, row in digests.items()}
        return load_validation(runs, self.fits, uri=self.store.uri)

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
        return self.evaluated_rows([row], condition).get(row)

    def evaluated_rows(self, rows: Collection[str], condition: str) -> dict[str, EvaluatedRow]:
        """Read the predictions of rows under a condition, side by side where they have to be downloaded.

        Returns:
            By row, in the given order; a row without a finished run is absent. Variants of ``tried`` can be read too.
        """
        seeds = {row: self.seeds(row, condition) for row in rows}
        keys = [(row, condition, seed) for row in rows for seed in seeds[row]]
        runs = [run for key in keys for run in self.parts(key)]
        read = read_artifacts(runs, PREDICTIONS_FILE, _read_predictions, uri=self.store.uri)
        self.read_digests.update((run.run_id, digest) for run, (digest, _) in zip(runs, read, strict=True))
        parts = (found for _, found in read)
        predictions = {key: pool_predictions([next(parts) for _ in self.parts(key)]) for key in keys}
        names = {**self.row_names, **self.tried}
        unseeded = {row for (row, *_), run in self.runs.items() if run.tags.get(SEEDED, "true") == "false"}
        return {
            row: EvaluatedRow(
                name=names[row],
                predictions=tuple(predictions[row, condition, seed] for seed in seeds[row]),
                seeds=tuple(seeds[row]),
                # Pooled predictions come from several fits, so that a row is not the single fit of one seed.
                seeded=row not in unseeded and not self.fold_runs,
                repeats=self.cross_validation.repeats_of(seeds[row]) if self.cross_validation else (),
            )
            for row in rows
            if seeds[row]
        }

    def fold_cases(self, seed: str) -> dict[Fold, frozenset[str]]:
        """The case ids of each fold behind a seed of pooled predictions, read from the runs of one row."""
        if self.cross_validation is None:
            return {}
        key = next(key for key in self.runs if key[1:] == (CLEAN, seed))
        cases = read_artifacts(self.parts(key), PREDICTIONS_FILE, _parse_case_ids, uri=self.store.uri)
        return dict(zip(self.cross_validation.folds_of(seed), cases, strict=True))


def _read_predictions(path: Path) -> tuple[str, Predictions | BoxPredictions]:
    """The SHA-256 of a prediction table, and what it holds, from one reading of the file."""
    content = path.read_bytes()
    table = pd.read_parquet(BytesIO(content)).sort_values("case_id", kind="stable")
    return hashlib.sha256(content).hexdigest(), from_table(table)


def _parse_case_ids(path: Path) -> frozenset[str]:
    return frozenset(pd.read_parquet(path, columns=["case_id"])["case_id"].astype(str))


def _same_cases(a: Predictions | BoxPredictions, b: Predictions | BoxPredictions) -> bool:
    """Whether ids, groups, classes and labels agree; true boxes move with an augmented image."""
    if (a.case_ids, a.group_ids, a.classes) != (b.case_ids, b.group_ids, b.classes):
        return False
    return a.task == b.task and get_task(a).same_truth(a, b)

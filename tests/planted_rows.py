"""Evaluations whose every answer is planted, in the form that a sweep logs."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from arogya_bench.datasets.splits import SplitPolicy
from arogya_bench.evaluation.job import prepare
from arogya_bench.evaluation.run_items import cell_tags, job_params
from arogya_bench.scoring.label_table import predictions_to_table
from arogya_bench.tracking.items import Params, ParquetTable
from arogya_bench.tracking.runs import finish_run, get_run, start_run, write_items
from arogya_bench.types import Predictions

SPLIT = SplitPolicy(train=0.2, validation=0.2, test=0.6)
SURE = 0.9  # probability of the class that is answered


@dataclass(frozen=True, kw_only=True)
class TwoClasses:
    """A dataset of ids with two classes, made from one of three."""

    roster: Any

    def load(self):
        dataset = self.roster.load()
        cases = tuple(replace(case, target=int(case.target == 1)) for case in dataset.cases)
        return replace(dataset, classes=("benign", "malignant"), cases=cases)


@dataclass(frozen=True, kw_only=True)
class PlantedStudy:
    """Logs rows on the same cases."""

    store: Any
    job_of: Any
    source: Any

    def log(self, name, *, wrong=0.0, missed=None, unanswered=0.0, draw=0, seed=42, tags=(), **job):
        """Log a row; return the tags of its run.

        Args:
            wrong: Share of the cases of each class that are answered wrongly; one number, or one a class.
            missed: Number of cases of the last class that are answered wrongly, instead.
            unanswered: Share of the cases that have no answer.
            draw: Which of the cases are wrong; equal draws are wrong on the same ones.
        """
        planned = prepare(self.job_of(name, source=self.source, split=SPLIT, seed=seed, **job))
        predictions = planted(planned.split.test, wrong=wrong, missed=missed, unanswered=unanswered, draw=draw)
        for condition in planned.job.conditions:
            run_id = start_run(self.store, name, {**cell_tags(planned, condition), **dict(tags)})
            table = ParquetTable(file="predictions.parquet", rows=predictions_to_table(predictions))
            write_items(self.store, run_id, [Params(values=job_params(planned)), table])
            finish_run(self.store, run_id)
        return get_run(self.store.uri, run_id).tags


def planted(cases, *, wrong=0.0, missed=None, unanswered=0.0, draw=0):
    """Predictions with exact numbers of right, wrong and missing answers."""
    rng = np.random.default_rng(draw)
    classes, targets = len(cases.classes), np.asarray(cases.targets)
    answers = targets.copy()
    shares = np.broadcast_to(np.asarray(wrong, dtype=float), (classes,))
    for code in range(classes):
        members = rng.permutation(np.flatnonzero(targets == code))
        count = missed if missed is not None and code == classes - 1 else round(shares[code] * members.size)
        answers[members[:count]] = (code + 1) % classes
    probabilities = np.full((targets.size, classes), (1 - SURE) / (classes - 1))
    probabilities[np.arange(targets.size), answers] = SURE
    silent = rng.permutation(targets.size)[: round(unanswered * targets.size)]
    probabilities[silent] = np.nan
    return Predictions(
        classes=cases.classes,
        case_ids=tuple(case.case_id for case in cases.cases),
        group_ids=tuple(case.group_id for case in cases.cases),
        targets=cases.targets,
        probabilities=probabilities,
        metadata={name: tuple(case.metadata[name] for case in cases.cases) for name in cases.cases[0].metadata},
    )

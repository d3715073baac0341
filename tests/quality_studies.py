"""Studies with planted truths, built by hand as a comparison builds them from runs."""

from dataclasses import replace

import numpy as np

from arogya_bench.analysis.conditions import StoredCondition
from arogya_bench.analysis.judgement import judge, verdict_metrics
from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.scored_rows import EvaluatedRow, score_rows, shared_cases
from arogya_bench.analysis.study import DegradedRows, Study
from arogya_bench.scoring.scores import Resampling
from arogya_bench.scoring.tasks import get_task
from arogya_bench.types import Predictions

SEED = "c0ffee"


def predict(targets, probabilities, *, groups=None, metadata=None, prefix="c"):
    """Predictions with the given table, or of two classes with the given column of the second."""
    targets, table = np.asarray(targets), np.asarray(probabilities, dtype=np.float64)
    if table.ndim == 1:
        table = np.column_stack([1 - table, table])
    names = tuple(f"{prefix}{i}" for i in range(targets.size))
    return Predictions(
        classes=("benign", "malignant", "other")[: table.shape[1]],
        case_ids=names,
        group_ids=names if groups is None else tuple(map(str, groups)),
        targets=targets,
        probabilities=table,
        metadata=metadata or {},
    )


def scored(seed, targets, skill=2.0, *, spread=1.0):
    """Probabilities of the second class that are calibrated for cases of both classes in equal numbers."""
    noise = np.random.default_rng(seed).normal(size=np.size(targets))
    return 1 / (1 + np.exp(-spread * skill * (skill * (np.asarray(targets) - 0.5) + noise)))


def study_of(rows, *, metric="accuracy", validation=None, conditions=(), excluded=None, resamples=500, **options):
    """A study of rows by name, each a list of the predictions of its seeds.

    Args:
        conditions: Pairs of a condition and its rows, by name.
    """
    evaluated = [_evaluated(name, seeds) for name, seeds in rows.items()]
    first = evaluated[0].predictions[0]
    task = get_task(first)
    resampling = Resampling(predictions=first, resamples=resamples, seed=SEED)
    names = dict.fromkeys((*task.interval_metrics, metric, *verdict_metrics(metric)))
    known = [name for name in names if name in task.metrics]
    judgement = judge(
        score_rows(evaluated, task, known, resampling),
        shared_cases(evaluated, task),
        metric,
        seed=SEED,
        excluded=excluded or {},
    )
    return Study(
        dataset="clinic",
        grouped=len(set(first.group_ids)) < len(first.group_ids),
        judgement=judgement,
        resampling=resampling,
        evaluated={row.name: row for row in evaluated},
        degraded=tuple(_degraded(*pair, judgement, task, metric, resampling) for pair in conditions),
        validation={name: tuple(seeds) for name, seeds in (validation or {}).items()},
        options=replace(AnalysisOptions(), **options),
    )


def condition(augmentation, level, severity):
    return StoredCondition(
        augmentation_order=1,
        augmentation=augmentation,
        level=level,
        severity=severity,
        name=augmentation if severity is None else f"{augmentation}_{severity:g}",
    )


def _evaluated(name, seeds):
    return EvaluatedRow(name=name, predictions=tuple(seeds), seeds=tuple(map(str, range(len(seeds)))))


def _degraded(stored, rows, judgement, task, metric, resampling):
    there = [row for row in judgement.rows if row.name in rows]
    evaluated = [_evaluated(row.name, rows[row.name]) for row in there]
    names = [metric, "ece"] if "ece" in task.metrics else [metric]
    return DegradedRows(
        condition=stored, rows=tuple(score_rows(evaluated, task, names, resampling)), clean=tuple(there), notes={}
    )

"""Predictions with a planted truth, and the studies of them."""

from dataclasses import replace

import numpy as np

from arogya_bench.analysis.judgement import judge, verdict_metrics
from arogya_bench.analysis.options import AnalysisOptions
from arogya_bench.analysis.scored_rows import EvaluatedRow, score_rows, shared_cases
from arogya_bench.analysis.study import Study
from arogya_bench.scoring.scores import Resampling
from arogya_bench.types import Predictions

SEED = "c0ffee"


def predict(targets, answers, *, classes, groups=None, confidence=0.8):
    """Predictions with the given answers, as stored."""
    targets, answers = np.asarray(targets), np.asarray(answers)
    probabilities = np.full((targets.size, classes), (1 - confidence) / (classes - 1))
    probabilities[np.arange(targets.size), answers] = confidence
    names = tuple(f"c{i}" for i in range(targets.size))
    return Predictions(
        classes=tuple(f"k{i}" for i in range(classes)),
        case_ids=names,
        group_ids=names if groups is None else tuple(map(str, groups)),
        targets=targets,
        probabilities=probabilities,
    )


def row(name, *predictions, seeded=True):
    return EvaluatedRow(
        name=name, predictions=predictions, seeds=tuple(map(str, range(len(predictions)))), seeded=seeded
    )


def answers(rng, targets, accuracy, classes):
    """The right answer in exactly a share of the cases, another class in the rest."""
    right = np.arange(targets.size) < round(accuracy * targets.size)
    wrong = (targets + rng.integers(1, classes, size=targets.size)) % classes
    return np.where(rng.permutation(right), targets, wrong)


def build_study(rows, *, metric="accuracy", resamples=500, excluded=(), controls=(), tried=(), **options):
    """The study of rows on the same cases, as a comparison builds it."""
    cases = shared_cases(rows)
    resampling = Resampling(predictions=cases.predictions, resamples=resamples, seed=SEED)
    names = [name for name in dict.fromkeys((metric, *verdict_metrics(metric))) if name in cases.task.metrics]
    scored, others = (score_rows(part, cases.task, names, resampling) for part in (rows, list(tried)))
    reasons = dict.fromkeys(excluded, "its weights may have been trained on the test images")
    judgement = judge(scored, cases, metric, seed=SEED, excluded=reasons, controls=controls)
    return Study(
        dataset="lesions",
        grouped=True,
        judgement=judgement,
        resampling=resampling,
        evaluated={each.name: each for each in rows},
        tried=tuple(others),
        options=replace(AnalysisOptions(), **options),
    )

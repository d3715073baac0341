"""Simulated studies with a planted truth: several models on the same patients, with known true metrics."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from math import sqrt
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from arogya_bench.metrics.classification import score
from arogya_bench.types import Floats, Labels, Predictions, Probabilities
from benchmarks.statistics.simulation import draw_noise

MIN_MARGIN = 1e-9  # keeps the answer of a model above every other class
LARGE_SAMPLE = 1_000_000  # cases behind a true AUROC, whose standard error is then below .0005
LARGE_SAMPLE_SEED = 97


@dataclass(frozen=True, kw_only=True)
class RowTruth:
    """How good the fits of one row are.

    Attributes:
        recalls: Chance of a right answer by true class, averaged over seeds.
        seeds: Number of fits.
        seeded: Whether a seed changes the row; if not, it has one fit.
        seed_spread: Standard deviation between seeds of the recalls, which rise and fall together.
        wrong_answers: Classes that wrong answers are spread over evenly; all if None.
    """

    name: str
    recalls: tuple[float, ...]
    seeds: int = 1
    seeded: bool = True
    seed_spread: float = 0.0
    wrong_answers: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class StudyDesign:
    """How a study is drawn.

    A fit is right about a case if a normal score of variance 1 is below the quantile of its recall.

    Attributes:
        shares: Of the classes among the patients; a share of 0 is a class that the test split lacks.
        mix: Whether each study has exactly these shares, or draws the class of each patient.
        images: Per patient; all have the class of the patient.
        icc: Share of the variance of every part of the score that images of a patient have in common.
        correlation: Share of the variance of the score that is common to all fits.
        row_correlation: Share that is common to the fits of one row, in addition.
    """

    patients: int
    shares: tuple[float, ...]
    rows: tuple[RowTruth, ...]
    mix: Literal["fixed", "random"] = "random"
    images: int = 1
    icc: float = 0.0
    correlation: float = 0.3
    row_correlation: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SimulatedRow:
    """The predictions of one row in one study, one per seed."""

    name: str
    predictions: tuple[Predictions, ...] = field(repr=False)
    seeded: bool


def draw_study(design: StudyDesign, rng: np.random.Generator) -> tuple[SimulatedRow, ...]:
    """Draw patients, and the answers of every row about them."""
    patient = np.repeat(np.arange(design.patients), design.images)
    targets = _draw_classes(design, rng)[patient]
    common = sqrt(design.correlation) * draw_noise(rng, 1, patient, design.icc)
    return tuple(_draw_row(design, row, targets, patient, common, rng) for row in design.rows)


def true_value(design: StudyDesign, row: RowTruth, metric: str) -> float:
    """A metric of a row in the limit of infinitely many patients; macro F1 is over the classes of the truth."""
    if metric == "auroc_macro_ovr":
        return _true_auroc(row, design.shares)
    shares, recalls = np.array(design.shares), np.array(row.recalls)
    present = shares > 0
    if metric == "accuracy":
        return float(shares @ recalls)
    if metric == "balanced_accuracy":
        return float(recalls[present].mean())
    if metric == "f1_macro":
        answered = shares @ _answer_rates(row, len(shares))
        f1 = 2 * (shares * recalls)[present] / (shares + answered)[present]
        return float(f1.mean())
    raise ValueError(f"no true value of {metric}")


def draw_predictions(
    row: RowTruth, scores: Floats, targets: Labels, classes: int, rng: np.random.Generator
) -> Sequence[Probabilities]:
    """Turn the scores of each fit, shape (fits, n), into class probabilities.

    The answer has the highest probability, which rises with the distance of the score from its threshold; the others
    share the rest.
    """
    shifts = row.seed_spread * rng.normal(size=(len(scores), 1))
    thresholds = ndtri(np.clip(np.array(row.recalls) + shifts, 0.0, 1.0))[:, targets]
    answers = np.where(scores < thresholds, targets, _draw_wrong_answers(row, targets, classes, scores.shape, rng))
    certainty = np.maximum(2 * ndtr(np.abs(thresholds - scores)) - 1, MIN_MARGIN)
    highest = (1 + (classes - 1) * certainty) / classes
    tables = np.repeat(((1 - highest) / (classes - 1))[..., None], classes, axis=2)
    np.put_along_axis(tables, answers[..., None], highest[..., None], axis=2)
    return list(tables)


def _draw_row(
    design: StudyDesign, row: RowTruth, targets: Labels, patient: Labels, common: Floats, rng: np.random.Generator
) -> SimulatedRow:
    of_row = sqrt(design.row_correlation) * draw_noise(rng, 1, patient, design.icc)
    own = sqrt(1 - design.correlation - design.row_correlation)
    scores = common + of_row + own * draw_noise(rng, row.seeds, patient, design.icc)
    classes, case_ids, group_ids = _labels(len(design.shares), design.patients, design.images)
    predictions = tuple(
        Predictions(classes=classes, case_ids=case_ids, group_ids=group_ids, targets=targets, probabilities=table)
        for table in draw_predictions(row, scores, targets, len(design.shares), rng)
    )
    return SimulatedRow(name=row.name, predictions=predictions, seeded=row.seeded)


def _draw_classes(design: StudyDesign, rng: np.random.Generator) -> Labels:
    if design.mix == "random":
        return rng.choice(len(design.shares), size=design.patients, p=design.shares)
    return np.repeat(np.arange(len(design.shares)), fixed_counts(design.shares, design.patients))


def fixed_counts(shares: Sequence[float], patients: int) -> list[int]:
    """Whole numbers of patients in these shares; the largest remainders are rounded up."""
    exact = np.array(shares) * patients
    counts = np.floor(exact + 1e-9).astype(int)
    remainders = np.argsort(counts - exact, kind="stable")
    counts[remainders[: patients - counts.sum()]] += 1
    return [int(count) for count in counts]


def _draw_wrong_answers(
    row: RowTruth, targets: Labels, classes: int, shape: tuple[int, ...], rng: np.random.Generator
) -> Labels:
    answers = np.empty(shape, dtype=np.int64)
    for true_class in np.unique(targets).tolist():
        of_class = targets == true_class
        wrong = _wrong_answers(row, true_class, classes)
        answers[:, of_class] = np.array(wrong)[rng.integers(len(wrong), size=(shape[0], int(of_class.sum())))]
    return answers


def _wrong_answers(row: RowTruth, true_class: int, classes: int) -> list[int]:
    allowed = range(classes) if row.wrong_answers is None else row.wrong_answers
    return [answer for answer in allowed if answer != true_class]


def _answer_rates(row: RowTruth, classes: int) -> Floats:
    """Chance of each answer by true class, shape (classes, classes)."""
    rates = np.diag(np.array(row.recalls))
    for true_class, recall in enumerate(row.recalls):
        wrong = _wrong_answers(row, true_class, classes)
        rates[true_class, wrong] = (1 - recall) / max(1, len(wrong))
    return rates


@cache
def _true_auroc(row: RowTruth, shares: tuple[float, ...]) -> float:
    rng = np.random.default_rng(LARGE_SAMPLE_SEED)
    targets = np.repeat(np.arange(len(shares)), fixed_counts(shares, LARGE_SAMPLE))
    (table,) = draw_predictions(row, rng.normal(size=(1, LARGE_SAMPLE)), targets, len(shares), rng)
    value = score(targets, table)["auroc_macro_ovr"]
    if value is None:
        raise ValueError(f"no true AUROC of {row.name}")
    return value


@cache
def _labels(classes: int, patients: int, images: int) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    groups = tuple(f"{patient:06d}" for patient in range(patients) for _ in range(images))
    cases = tuple(f"{case:07d}" for case in range(patients * images))
    return tuple(f"class {number}" for number in range(classes)), cases, groups

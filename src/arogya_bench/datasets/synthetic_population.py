"""Draw a synthetic population of patients with lesions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from arogya_bench.datasets.synthetic_rendering import LATENTS, SITES, TONES
from arogya_bench.types import Floats, Labels

# Tree names, so that no class can be mistaken for a diagnosis.
CLASSES = ("alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo", "hazel", "juniper", "larch")
# One row per class, one column per latent, in units of the separation.
CLASS_MEANS = np.array(
    [
        [0, 0, -1, -1, -1, 1, 0, 0],
        [1, -1, 1, 0, 1, 0, 0, 0],
        [-1, 1, 0, 0, 0, -1, 1, -1],
        [-1, -1, 0, 1, 0, 0, -1, 1],
        [1, 1, 0, -1, -1, -1, 0, 0],
        [0, -1, -1, 0, 0, -1, 1, 1],
        [-1, 0, 1, 0, 1, 1, 1, 0],
        [1, 0, 0, 1, -1, 1, 0, -1],
        [0, 1, 1, 1, 0, 0, -1, 0],
        [0, 0, 0, -1, 1, -1, -1, -1],
    ],
    dtype=np.float64,
)
IMBALANCE = 5.0  # ratio of the largest to the smallest class prior
PATIENT_SD = 0.35  # of the latents; makes lesions of a patient similar
LESION_SD = float(np.sqrt(1 - PATIENT_SD**2))


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """One lesion of one patient.

    Attributes:
        number: Index over all patients, from 0; seeds the rendering.
        target: Label, possibly wrong.
        truth: True class.
        latents: Shape (8,), in the order of ``LATENTS``.
        views: Number of images.
    """

    number: int
    patient: str
    site: str
    tone: str
    target: int
    truth: int
    latents: Floats
    views: int


class BayesAccuracy(NamedTuple):
    """Balanced accuracy of the Bayes classifier on the latents."""

    against_truth: float
    against_targets: float


class _Patient(NamedTuple):
    views: list[int]  # of each lesion
    site: str
    tone: str
    effect: Floats


def class_priors(classes: int) -> Floats:
    """Class probabilities, shape (classes,), decreasing geometrically."""
    weights = np.geomspace(IMBALANCE, 1, classes)
    return np.asarray(weights / weights.sum())


def draw_population(
    cases: int, *, classes: int, separation: float, label_noise: float, rng: np.random.Generator
) -> list[Lesion]:
    """Draw patients until they have exactly ``cases`` images."""
    patients = list(_draw_patients(cases, rng))
    truths = _draw_true_classes(sum(len(patient.views) for patient in patients), classes, rng)
    targets = _add_label_noise(truths, classes, label_noise, rng)
    lesions: list[Lesion] = []
    for index, patient in enumerate(patients):
        for views in patient.views:
            number = len(lesions)
            truth = int(truths[number])
            lesion_effect = rng.normal(0, LESION_SD, len(LATENTS))
            lesions.append(
                Lesion(
                    number=number,
                    patient=f"patient-{index:05d}",
                    site=patient.site,
                    tone=patient.tone,
                    target=int(targets[number]),
                    truth=truth,
                    latents=separation * CLASS_MEANS[truth] + patient.effect + lesion_effect,
                    views=views,
                )
            )
    return lesions


def estimate_bayes_accuracy(
    *, classes: int, separation: float, label_noise: float, rng: np.random.Generator
) -> BayesAccuracy:
    """Estimate the balanced accuracy of the Bayes classifier from 20,000 lesions.

    Latents have unit variance around the class means, so the nearest mean maximises balanced accuracy. Rendering loses
    information, so models on images stay below it.
    """
    truths = rng.choice(classes, 20_000, p=class_priors(classes))
    means = separation * CLASS_MEANS[:classes]
    latents = means[truths] + rng.standard_normal((len(truths), len(LATENTS)))
    nearest = ((latents[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    targets = _add_label_noise(truths, classes, label_noise, rng)
    return BayesAccuracy(
        against_truth=_balanced_accuracy(truths, nearest, classes),
        against_targets=_balanced_accuracy(targets, nearest, classes),
    )


def _draw_patients(cases: int, rng: np.random.Generator) -> Iterator[_Patient]:
    remaining = cases
    while remaining > 0:
        views = []
        for wanted in 1 + rng.poisson(0.5, size=1 + rng.poisson(0.6)):
            views.append(min(int(wanted), remaining))
            remaining -= views[-1]
            if not remaining:
                break
        effect = rng.normal(0, PATIENT_SD, len(LATENTS))
        yield _Patient(views, str(rng.choice(list(SITES))), str(rng.choice(list(TONES))), effect)


def _draw_true_classes(lesions: int, classes: int, rng: np.random.Generator) -> Labels:
    # Fixed counts rather than draws, so that a small dataset also has every class.
    share = np.floor(class_priors(classes) * max(lesions - classes, 0)).astype(np.int64) + 1
    share[0] += max(lesions - share.sum(), 0)
    return rng.permutation(np.repeat(np.arange(classes), share))


def _add_label_noise(truths: Labels, classes: int, label_noise: float, rng: np.random.Generator) -> Labels:
    wrong = rng.random(len(truths)) < label_noise
    shift = rng.integers(1, classes, len(truths))
    return np.where(wrong, (truths + shift) % classes, truths)


def _balanced_accuracy(truths: Labels, guesses: Labels, classes: int) -> float:
    return float(np.mean([(guesses[truths == k] == k).mean() for k in range(classes)]))

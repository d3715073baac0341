"""FROC: lesion sensitivity against false positives per image, with replicates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from arogya_bench.metrics.detection import check_box_predictions
from arogya_bench.metrics.detection_froc_matching import Criterion, LesionMatches, match_lesions, pool_classes
from arogya_bench.metrics.detection_matching import MAX_DETECTIONS
from arogya_bench.metrics.detection_outcomes import DetectionsLike, TrueBoxesLike, check_box_outcomes
from arogya_bench.metrics.detection_tally import BLOCK_CELLS, leave_one_out_weights
from arogya_bench.metrics.per_class import FEW_POSITIVES, safe_divide
from arogya_bench.metrics.replicates import Replicates, Resamples
from arogya_bench.metrics.result import Result
from arogya_bench.types import BoxPredictions, Floats, Labels

if TYPE_CHECKING:
    from arogya_bench.metrics.detection_tally import Sparse

FROC_RATES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)  # of LUNA16
RATE_TOLERANCE = 1e-9  # so that .29 per image allows 29 false positives in 100 images


@dataclass(frozen=True, kw_only=True)
class FrocCurve:
    """FROC curve with one point per distinct score.

    Attributes:
        thresholds: Shape (t,), descending; detections with at least this score count.
        false_positives_per_image: Shape (t,), mean over all images, ascending.
        sensitivity: Shape (t,), share of the lesions found, ascending. The three arrays are empty
            without lesions.
        sensitivity_at: Highest sensitivity at each rate of false positives per image; None without
            lesions.
        score: Mean of ``sensitivity_at``; None without lesions.
        lesions: Number of true boxes, without crowds.
    """

    name: str
    thresholds: Floats
    false_positives_per_image: Floats
    sensitivity: Floats
    sensitivity_at: tuple[float | None, ...]
    score: float | None
    lesions: int
    note: str


@dataclass(frozen=True, kw_only=True)
class Froc(FrocCurve, Result):
    """FROC curve of all classes together and of each class.

    Attributes:
        rates: False positives per image at which ``sensitivity_at`` is given.
        criterion: ``iou`` or ``centre``, which defines a hit.
        iou: Smallest IoU of a hit; None for ``centre``.
        images: Number of images, including those without lesions, as ``n`` and ``groups``; patients
            are accounted for by ``froc_replicates``.
    """

    per_class: tuple[FrocCurve, ...]
    rates: tuple[float, ...]
    criterion: Criterion
    iou: float | None
    images: int


@dataclass(frozen=True, kw_only=True)
class FrocGroupSums:
    """Contribution of each group to the curve: one row per score with a hit, best score first.

    Only hits raise the sensitivity, so that a row includes the false positives since the last row.

    Attributes:
        hits: Shape (rows, groups), lesions found at this score.
        misses: Shape (rows, groups), false positives.
    """

    hits: "Sparse"
    misses: "Sparse"
    lesions: Floats
    images: Floats

    def sensitivities(self, weights: Floats, rates: Sequence[float]) -> Floats:
        """Sensitivity at each rate, shape (b, rates), for weights of shape (b, groups); NaN without lesions."""
        step = max(1, BLOCK_CELLS // max(1, self.hits.shape[0]))
        parts = [self._hits_at_rates(weights[i : i + step], rates) for i in range(0, len(weights), step)]
        lesions = (weights @ self.lesions)[:, None]
        return safe_divide(np.concatenate(parts), np.repeat(lesions, len(rates), axis=1))

    def _hits_at_rates(self, weights: Floats, rates: Sequence[float]) -> Floats:
        upright = np.ascontiguousarray(weights.T)
        hits, misses = (np.asarray(m @ upright).cumsum(axis=0) for m in (self.hits, self.misses))
        hits_by_misses = np.concatenate([np.zeros((1, len(weights))), hits])
        allowed = np.outer(rates, weights @ self.images) + RATE_TOLERANCE
        reached = np.array([(misses <= limit).sum(axis=0) for limit in allowed])
        chosen: Floats = hits_by_misses[reached, np.arange(len(weights))].T
        return chosen

    def leave_one_group_out(self) -> Iterator[Floats]:
        """Yield weights that leave out each group in turn, in batches."""
        return leave_one_out_weights(self.images.size)


def froc(
    targets: Sequence[TrueBoxesLike],
    detections: Sequence[DetectionsLike],
    *,
    classes: Sequence[str] | int,
    criterion: Criterion = "iou",
    iou: float = 0.5,
    rates: Sequence[float] = FROC_RATES,
) -> Froc:
    """Compute sensitivity against false positives per image as the score threshold decreases.

    Hits are defined as in ``match_lesions``: by ``iou`` a second detection of a
    lesion is a false positive, by ``centre`` it is ignored. Detections in a crowd are ignored,
    and only the best 100 of each class and image count.

    Source: Bunch et al. 1978; rates, score and rule of the centre of LUNA16 (Setio et al. 2017).
    LUNA16 and CAMELYON interpolate between the points of the curve; here it is a step function,
    so that every reported sensitivity is reached by a threshold. Beyond the last point, its value
    is that of the last point.

    Args:
        targets: True boxes per image, as in ``detection.score``.
        detections: Detections per image, as in ``detection.score``.
        classes: Their names, or their number; labels are indices from 0.
        criterion: Definition of a hit.
        iou: Smallest IoU of a hit: .5, .55, … .95.
        rates: False positives per image, ascending.
    """
    cases = check_box_outcomes(targets, detections, classes=classes)
    checked_rates = _check_rates(rates)
    marks = match_lesions(cases, criterion=criterion, iou=iou)
    whole = _build_curve(pool_classes(marks), "all classes", checked_rates)
    by_iou = criterion == "iou"
    return Froc(
        **vars(whole),
        per_class=tuple(_build_curve(m, k, checked_rates) for m, k in zip(marks, cases.classes, strict=True)),
        rates=checked_rates,
        criterion=criterion,
        iou=float(iou) if by_iou else None,
        images=cases.n,
        method=f"FROC, hit by IoU >= {iou:g}" if by_iou else "FROC, hit by centre in the true box",
        n=cases.n,
        groups=cases.n,
    )


def froc_replicates(
    predictions: BoxPredictions,
    *,
    draws: Resamples,
    criterion: Criterion = "iou",
    iou: float = 0.5,
    rates: Sequence[float] = FROC_RATES,
) -> Replicates:
    """Resample the FROC of all classes together, with NaN where no lesion is drawn.

    Returns:
        Under ``froc`` the score, and under ``froc_<rate>`` the sensitivity at each rate, such as
        ``froc_1`` and ``froc_0.125``.
    """
    cases = check_box_predictions(predictions)
    if draws.group_of.shape != (cases.n,):
        raise ValueError(f"draws of {draws.group_of.size} cases for {cases.n} images")
    checked_rates = _check_rates(rates)
    marks = match_lesions(cases, criterion=criterion, iou=iou)
    sums = sum_froc_by_group(pool_classes(marks), draws.group_of)
    drawn = [sums.sensitivities(weights, checked_rates) for weights in draws.chunks()]
    jackknife = [sums.sensitivities(weights, checked_rates) for weights in sums.leave_one_group_out()]
    whole = sums.sensitivities(np.ones((1, sums.images.size)), checked_rates)
    return Replicates(
        estimates={name: float(value[0]) for name, value in _name_sensitivities(whole, checked_rates).items()},
        values=_name_sensitivities(np.concatenate(drawn), checked_rates),
        jackknife=_name_sensitivities(np.concatenate(jackknife), checked_rates),
        digest=draws.digest,
    )


def sum_froc_by_group(matches: LesionMatches, group_of: Labels) -> FrocGroupSums:
    """Sum up each group once; ``group_of`` has shape (images,), positions 0 to groups - 1."""
    groups = int(group_of.max()) + 1 if group_of.size else 1
    last = np.diff(matches.scores, append=-np.inf) != 0
    level = last.cumsum() - last
    with_hit = np.bincount(level, matches.hit) > 0
    row = (with_hit.cumsum() - with_hit)[level]
    shape = (int(with_hit.sum()), groups)
    column = group_of[matches.image]
    hits, misses = (
        csr_array((np.ones(int(m.sum())), (row[m], column[m])), shape=shape)
        for m in (matches.hit, matches.miss & (row < shape[0]))
    )
    return FrocGroupSums(
        hits=hits,
        misses=misses,
        lesions=np.bincount(group_of, matches.lesions, minlength=groups).astype(np.float64),
        images=np.bincount(group_of, minlength=groups).astype(np.float64),
    )


def _name_sensitivities(sensitivities: Floats, rates: Sequence[float]) -> dict[str, Floats]:
    by_rate = {f"froc_{rate:g}": sensitivities[:, i] for i, rate in enumerate(rates)}
    return {"froc": sensitivities.mean(axis=1), **by_rate}


def _check_rates(rates: Sequence[float]) -> tuple[float, ...]:
    values = np.asarray(rates, dtype=np.float64)
    positive = values.ndim == 1 and values.size > 0 and np.isfinite(values).all() and values[0] > 0
    if not positive or (np.diff(values) <= 0).any():
        raise ValueError(f"rates must be positive and ascending, not {rates}")
    return tuple(values.tolist())


def _build_curve(matches: LesionMatches, name: str, rates: Sequence[float]) -> FrocCurve:
    lesions = int(matches.lesions.sum())
    last = np.diff(matches.scores, append=-np.inf) != 0  # detections with equal scores share a threshold
    points = last & bool(lesions)
    one_group = np.zeros(matches.lesions.size, dtype=np.int64)
    at_rates = sum_froc_by_group(matches, one_group).sensitivities(np.ones((1, 1)), rates)
    alarms = matches.miss.cumsum()[points] / max(1, matches.lesions.size)
    return FrocCurve(
        name=name,
        thresholds=matches.scores[points],
        false_positives_per_image=alarms,
        sensitivity=matches.hit.cumsum()[points] / max(1, lesions),
        sensitivity_at=tuple(at_rates[0].tolist()) if lesions else (None,) * len(rates),
        score=float(at_rates.mean()) if lesions else None,
        lesions=lesions,
        note=_note(matches, lesions, float(alarms[-1]) if alarms.size else 0.0, rates),
    )


def _note(matches: LesionMatches, lesions: int, most: float, rates: Sequence[float]) -> str:
    if not lesions:
        return "no lesion in the truth"
    notes = []
    if lesions < FEW_POSITIVES:
        notes.append(f"fewer than {FEW_POSITIVES} lesions")
    if most < rates[-1]:
        notes.append(
            f"never more than {most:.3g} false positives per image: at higher rates the "
            "sensitivity is that of all detections"
        )
    if matches.dropped_detections:
        notes.append(
            f"{matches.dropped_detections} detections beyond the best {MAX_DETECTIONS} "
            "of their class and image are not counted"
        )
    return "; ".join(notes)

"""Flags for detection metrics with conventions, excluded classes or ties."""

from collections.abc import Iterator, Sequence

import numpy as np

from arogya_bench.metrics.detection_matching import MAX_DETECTIONS, Matches
from arogya_bench.metrics.detection_tally import BoxSufficientStatistics
from arogya_bench.metrics.flags import MetricFlag, flag_affected_classes, join_flags
from arogya_bench.metrics.per_class import FEW_POSITIVES

TRUE_CLASS_METRICS = ("mAP50_95", "mAP50", "mAP75")
OBSERVED_CLASS_METRICS = ("precision", "recall", "f1")


def flag_box_metrics(
    classes: Sequence[str], matches: Sequence[Matches], tally: BoxSufficientStatistics
) -> dict[str, str]:
    """Explain which classes an average excludes, and where ties or conventions matter.

    Args:
        classes: K names.
        matches: One per class.
        tally: Of all the images, without leading axes.

    Returns:
        One text per flagged metric, possibly including undefined metrics.
    """
    return join_flags((*_flag_classes(classes, tally), *_flag_detections(matches)))


def _flag_classes(classes: Sequence[str], tally: BoxSufficientStatistics) -> Iterator[MetricFlag]:
    true, detected = tally.truth > 0, tally.detections > 0
    rare = true & (tally.truth < FEW_POSITIVES)
    rules = (
        (TRUE_CLASS_METRICS, "left out, no box in the truth", ~true),
        (OBSERVED_CLASS_METRICS, "left out, in neither truth nor detections", ~true & ~detected),
        (("precision",), "never found, counts as 0", true & ~detected),
        (("recall", "f1"), "found without a box in the truth, counts as 0", ~true & detected),
        ((*TRUE_CLASS_METRICS, *OBSERVED_CLASS_METRICS), f"fewer than {FEW_POSITIVES} boxes", rare),
    )
    return flag_affected_classes(rules, classes)


def _flag_detections(matches: Sequence[Matches]) -> Iterator[MetricFlag]:
    dropped = sum(of_class.dropped_detections for of_class in matches)
    if dropped:
        yield MetricFlag(
            (*TRUE_CLASS_METRICS, *OBSERVED_CLASS_METRICS),
            f"{dropped} detections left out, beyond the best {MAX_DETECTIONS} of their class in their image",
        )
    tied = sum(_count_tied(of_class) for of_class in matches)
    if tied:
        yield MetricFlag(
            TRUE_CLASS_METRICS,
            f"{tied} detections, right and wrong ones, share their score with others; the order "
            "of the images ranks them",
        )


def _count_tied(matches: Matches) -> int:
    """Count detections whose score is shared by hits and misses of their class."""
    level = np.unique(matches.scores, return_inverse=True)[1]
    levels = int(level.max(initial=-1)) + 1
    mixed = np.zeros(levels, dtype=np.bool_)
    for hits, ignored in zip(matches.hits, matches.ignored_detections, strict=True):
        right = np.bincount(level[hits], minlength=levels)
        wrong = np.bincount(level[~hits & ~ignored], minlength=levels)
        mixed |= (right > 0) & (wrong > 0)
    return int(mixed[level].sum())

"""The table of FROC: how many lesions a detector finds at how many false alarms per image."""

import numpy as np

from arogya_bench.analysis.mean_intervals import mean_intervals
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.metrics.detection_froc import FROC_RATES, froc, froc_replicates
from arogya_bench.metrics.replicates import Replicates
from arogya_bench.statistics.intervals import Interval, interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.seed_variance import seed_scores
from arogya_bench.types import BoxPredictions

SCORE = "mean"  # instead of a rate, of the mean sensitivity over all rates
FROC_COLUMNS = (
    "dataset", "model", "false_positives_per_image", *bounds("sensitivity"), "lesions", "images", "groups",
    "criterion", "seeds", "note",
)  # fmt: skip


def froc_rows(study: Study) -> list[TableRow]:
    """The share of the lesions that each detector finds at each number of false positives per image.

    Rows in the order of the leaderboard; the last of each model is the mean over the rates, the FROC score. Groups are
    resampled; several seeds are averaged. Empty for classifiers, which find no lesions.
    """
    return [row for scored in study.rows for row in _model_rows(study, scored)]


def _model_rows(study: Study, scored: ScoredRow) -> list[TableRow]:
    seeds = [seed for seed in scored.row.predictions if isinstance(seed, BoxPredictions)]
    if not seeds:
        return []
    draws = study.secondary_resampling.of_all_groups
    drawn = [froc_replicates(seed, draws=draws) for seed in seeds]
    curve = froc(seeds[0].truth, seeds[0].detections, classes=seeds[0].classes)
    names = {**{f"froc_{rate:g}": f"{rate:g}" for rate in FROC_RATES}, "froc": SCORE}
    rows: list[TableRow] = []
    for name, rate in names.items():
        found = _interval(study, drawn, name, scored.row.repeats)
        rows.append(
            {
                "dataset": study.dataset,
                "model": scored.name,
                "false_positives_per_image": rate,
                **interval_columns("sensitivity", found),
                "lesions": curve.lesions,
                "images": curve.images,
                "groups": study.cases.groups,
                "criterion": curve.method,
                "seeds": len(seeds),
                "note": join_notes(curve.note, found.note if found else ""),
            }
        )
    return rows


def _interval(study: Study, seeds: list[Replicates], name: str, repeats: tuple[str, ...]) -> Interval | None:
    """Of resampled groups, or with several seeds by Student's t over groups and seeds; None without lesions."""
    estimates = [seed.estimates[name] for seed in seeds]
    if not np.isfinite(estimates).all():
        return None
    if len(seeds) > 1:
        scores = seed_scores(estimates, [seed.jackknife[name] for seed in seeds], repeats)
        return mean_intervals([scores], cases=study.cases.cases, low=0.0, high=1.0)[0]
    (only,) = seeds
    draws = study.secondary_resampling.of_all_groups
    return interval(estimates[0], only.values[name], only.jackknife[name], draws=draws)

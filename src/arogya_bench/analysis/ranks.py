"""The table of ranks: how far the place of each model depends on the sample of test cases."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

from arogya_bench.analysis.pair_tests import pair_outcomes
from arogya_bench.analysis.row_draws import draw_rows
from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.selection_optimism import selection_optimism
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.errors import UndefinedMetric
from arogya_bench.statistics.letter_display import letter_display
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.ranking import Ranking, bootstrap_ranks

TOP = 3
RANK_COLUMNS = (
    "dataset", "metric", "model", *bounds("rank"), "p_best", "p_top_3", "tie_group", "selection_share",
    "optimism_corrected", "optimism", "note",
)  # fmt: skip
ON_LEADERBOARD = ("rank.ci_low", "rank.ci_high", "p_best", "tie_group", "optimism_corrected")


@dataclass(frozen=True, kw_only=True)
class _Ranked:
    """What some rows reach by name, or why nothing is known of it."""

    by_row: Mapping[str, TableRow]
    reason: str = ""


def rank_rows(study: Study) -> list[TableRow]:
    """One row per model, in the order of the leaderboard.

    Returns:
        ``rank`` with its interval among all ranked rows; ``p_best`` and ``p_top_3``, the shares of resamples in which
        a row is the best, or among the three best, of those that may be recommended; ``tie_group``, letters, of which
        two rows share one exactly if they are not shown to differ; ``selection_share``, how often a row, with the
        variants that were tried, is chosen; for the best row, ``optimism_corrected``, the value that the model chosen
        in this way has on cases that it was not chosen by.
    """
    judgement = study.judgement
    eligible = [row for row in judgement.compared if row.name not in judgement.excluded]
    parts = [_rank_intervals(study), _chances(study, eligible), _corrected(study, eligible)]
    letters = _tie_groups(study)
    rows: list[TableRow] = []
    for row, rank in zip(judgement.rows, judgement.ranks, strict=True):
        found = {key: value for part in parts for key, value in part.by_row.get(row.name, {}).items()}
        rows.append(
            {
                **dict.fromkeys(RANK_COLUMNS),
                "dataset": study.dataset,
                "metric": study.metric,
                "model": row.name,
                "rank": rank,
                **found,
                "tie_group": letters.get(row.name),
                "note": _note(row.name, study, [part.reason for part in parts]),
            }
        )
    return rows


def add_ranks(leaderboard: Sequence[TableRow], ranks: Sequence[TableRow]) -> list[TableRow]:
    """Add the columns that belong to the leaderboard, after the rank."""
    by_model = {row["model"]: row for row in ranks}
    return [
        {
            "dataset": row["dataset"],
            "rank": row["rank"],
            **{name: by_model.get(row["model"], {}).get(name) for name in ON_LEADERBOARD},
            **row,
        }
        for row in leaderboard
    ]


def bootstrap_ranking(study: Study, rows: Sequence[ScoredRow], *, k: int = TOP) -> Ranking:
    """Rank rows in every resample by the deciding metric, averaged over their seeds, whose spread is in it.

    Raises:
        UndefinedMetric: With fewer than two rows, or if the metric is undefined in too many resamples.
    """
    if len(rows) < 2:
        raise UndefinedMetric("there are no two models to rank")
    return bootstrap_ranks(
        [row.estimate(study.metric) for row in rows],
        draw_rows(study, rows),
        draws=rows[0].by_seed[0][study.metric].draws,
        best=study.task.metrics[study.metric].best,
        k=min(k, len(rows)),
    )


def _rank_intervals(study: Study) -> _Ranked:
    rows = study.judgement.compared
    try:
        found = bootstrap_ranking(study, rows)
    except UndefinedMetric as error:
        return _Ranked(by_row={}, reason=f"no interval of the rank: {error}")
    ranks = {row.name: rank for row, rank in zip(study.rows, study.judgement.ranks, strict=True) if rank is not None}
    tied = Counter(ranks.values())
    # Rows that tie in a resample share the mean of their ranks, such as 1.5; the interval covers all of them.
    by_row: dict[str, TableRow] = {
        row.name: {
            "rank.ci_low": min(ranks[row.name], floor(low)),
            "rank.ci_high": max(ranks[row.name] + tied[ranks[row.name]] - 1, ceil(high)),
        }
        for row, low, high in zip(rows, found.low, found.high, strict=True)
    }
    return _Ranked(by_row=by_row)


def _chances(study: Study, eligible: Sequence[ScoredRow]) -> _Ranked:
    try:
        found = bootstrap_ranking(study, eligible)
    except UndefinedMetric as error:
        return _Ranked(by_row={}, reason=f"no probability of being the best: {error}")
    shares = zip(eligible, found.p_best, found.p_top_k, strict=True)
    return _Ranked(by_row={row.name: {"p_best": float(best), "p_top_3": float(top)} for row, best, top in shares})


def _corrected(study: Study, eligible: Sequence[ScoredRow]) -> _Ranked:
    if not eligible:
        return _Ranked(by_row={}, reason="no correction for optimism: no model can be recommended")
    try:
        found = selection_optimism(study, eligible)
    except UndefinedMetric as error:
        return _Ranked(by_row={}, reason=f"no correction for optimism: {error}")
    columns: dict[str, TableRow] = {
        row.name: {"selection_share": float(share)} for row, share in zip(eligible, found.wins, strict=False)
    }
    best = eligible[0]
    sign = 1 if study.task.metrics[study.metric].best == "high" else -1
    # A variant that was tried may be better by test: the best row cannot gain by having been chosen on validation.
    observed, corrected = sign * best.estimate(study.metric), sign * found.corrected
    corrected = min(observed, corrected) if study.tried else corrected
    columns[best.name] |= {"optimism_corrected": sign * corrected, "optimism": observed - corrected}
    return _Ranked(by_row=columns)


def _tie_groups(study: Study) -> dict[str, str]:
    different = [(pair.pair.a, pair.pair.b) for pair in pair_outcomes(study) if pair.better]
    return letter_display([row.name for row in study.judgement.compared], different)


def _note(name: str, study: Study, reasons: Sequence[str]) -> str:
    judgement = study.judgement
    if name in judgement.controls:
        return "a control takes no rank"
    if name not in {row.name for row in judgement.compared}:
        return f"{study.metric} is undefined"
    if name in judgement.excluded:
        return join_notes("it cannot be recommended, and is not among those that may be the best", reasons[0])
    return join_notes(*reasons, _tried_note(name, study))


def _tried_note(name: str, study: Study) -> str:
    eligible = [row.name for row in study.judgement.compared if row.name not in study.judgement.excluded]
    if not study.tried or name != eligible[0]:
        return ""
    return f"the choice was among {len(eligible) + len(study.tried)} models, {len(study.tried)} of them variants"

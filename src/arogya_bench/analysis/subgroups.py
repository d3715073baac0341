"""The tables of subgroups: every row within the parts of a metadata column, and the gaps between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arogya_bench.analysis.scored_rows import ScoredRow
from arogya_bench.analysis.study import Study
from arogya_bench.analysis.subgroup_intervals import complete_intervals
from arogya_bench.analysis.subset_scores import MIN_GROUPS, subgroup_columns
from arogya_bench.analysis.table_rows import TableRow, bounds
from arogya_bench.metrics.classification import metrics_for
from arogya_bench.metrics.outcomes import Outcomes
from arogya_bench.scoring.classification import check_predictions
from arogya_bench.statistics.intervals import Interval
from arogya_bench.statistics.notes import join_notes
from arogya_bench.statistics.subgroup_columns import SubgroupColumn
from arogya_bench.statistics.subgroup_table import SubgroupGap, SubgroupScore, SubgroupTable
from arogya_bench.statistics.subgroups import subgroups
from arogya_bench.types import Predictions

SUBGROUP_COLUMNS = (
    "dataset", "model", "column", "subgroup", "metric", "cases", "groups", *bounds("estimate"), *bounds("difference"),
    "p_value", "p_adjusted", "tests", "is_worst", "seeds", "note",
)  # fmt: skip
SUBGROUP_GAP_COLUMNS = (
    "dataset", "model", "column", "metric", *bounds("gap"), "p_value", "best", "worst", *bounds("worst_estimate"),
    "worst_groups", "pairs", "seeds", "note",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _RowTable:
    """What one row scored in the parts of one column."""

    row: ScoredRow
    table: SubgroupTable


def subgroup_rows(study: Study) -> list[TableRow]:
    """Score every row in every part of the metadata columns, in the order of the leaderboard.

    ``difference`` is that to all other cases; its p-value is adjusted over the parts and metrics of a column. Macro
    averages run over the classes that the truth of a part holds. Several seeds are averaged; their spread is in the
    interval of the value, not in that of the difference. Empty for detectors, and without a column that divides the
    cases.
    """
    rows = [_score_row(study, found, score) for found in _tables(study) for score in found.table.scores]
    return [*rows, *_absent_rows(study)]


def subgroup_gap_rows(study: Study) -> list[TableRow]:
    """The distance between the best and the worst part of each column, with an interval that allows for the choice."""
    return [_gap_row(study, found, metric) for found in _tables(study) for metric in _metrics(study)]


def _tables(study: Study) -> Sequence[_RowTable]:
    """Of every row and column; computed once for both tables of a study."""
    if "subgroup_tables" not in study.computed:
        study.computed["subgroup_tables"] = list(_compute_tables(study))
    tables: list[_RowTable] = study.computed["subgroup_tables"]
    return tables


def _compute_tables(study: Study) -> Iterator[_RowTable]:
    columns = subgroup_columns(study)
    outcomes = [_outcomes(row) for row in study.rows if columns]
    by_column = []
    for column in columns:
        tables = [_score_parts(study, seeds, column) for seeds in outcomes]
        by_column.append(complete_intervals(tables, [row.row.repeats for row in study.rows], column, study.cases))
    for position, row in enumerate(study.rows):
        yield from (_RowTable(row=row, table=tables[position]) for tables in by_column)


def _score_parts(study: Study, seeds: Sequence[Outcomes], column: SubgroupColumn) -> SubgroupTable:
    return subgroups(
        seeds,
        column,
        draws=study.secondary_resampling.of_all_groups,
        metrics=_metrics(study),
        minimum=MIN_GROUPS,
        true_classes_only=True,
    )


def _outcomes(row: ScoredRow) -> list[Outcomes]:
    return [check_predictions(seed) for seed in row.row.predictions if isinstance(seed, Predictions)]


def _metrics(study: Study) -> list[str]:
    """The deciding metric, or the default of the task if another package brings it; of two classes the sensitivity."""
    classes = study.cases.class_names
    known = metrics_for(len(classes))
    first = study.metric if study.metric in known else study.task.default_metric
    positive = study.options.positive_class in (None, classes[-1])
    return list(dict.fromkeys([first, *(["sensitivity"] if len(classes) == 2 and positive else [])]))


def _describe(study: Study, found: _RowTable) -> TableRow:
    return {"dataset": study.dataset, "model": found.row.name, "column": found.table.column}


def _score_row(study: Study, found: _RowTable, score: SubgroupScore) -> TableRow:
    difference = score.difference
    return {
        **_describe(study, found),
        "subgroup": score.subgroup,
        "metric": score.metric,
        "cases": score.n,
        "groups": score.groups,
        **dict(zip(bounds("estimate"), (score.estimate, score.low, score.high), strict=True)),
        **_ends("difference", difference),
        "p_value": score.p_value,
        "p_adjusted": score.p_adjusted,
        "tests": found.table.family,
        "is_worst": score is _worst(study, found.table, score.metric),
        "seeds": len(found.row.row.predictions),
        "note": join_notes(found.table.note, score.note, _seed_note(found.row, "difference")),
    }


def _worst(study: Study, table: SubgroupTable, metric: str) -> SubgroupScore | None:
    """The part with the worst value; None if fewer than two have one."""
    scores = [(score.estimate, score) for score in table.scores if score.metric == metric]
    defined = [(value, score) for value, score in scores if value is not None]
    if len(defined) < 2:
        return None
    high_is_better = study.task.metrics[metric].best == "high"
    pick = min if high_is_better else max
    return pick(defined, key=lambda pair: pair[0])[1]


def _gap_row(study: Study, found: _RowTable, metric: str) -> TableRow:
    gap = next((gap for gap in found.table.gaps if gap.metric == metric), None)
    worst = _worst(study, found.table, metric)
    return {
        **_describe(study, found),
        "metric": metric,
        **_ends("gap", gap),
        "p_value": gap.p_value if gap else None,
        "best": gap.best if gap else None,
        "worst": worst.subgroup if worst else None,
        **_ends("worst_estimate", worst),
        "worst_groups": worst.groups if worst else None,
        "pairs": gap.pairs if gap else None,
        "seeds": len(found.row.row.predictions),
        "note": join_notes(found.table.note, gap.note if gap else "", _seed_note(found.row, "gap")),
    }


def _ends(name: str, found: Interval | SubgroupScore | SubgroupGap | None) -> TableRow:
    values = (None, None, None) if found is None else (found.estimate, found.low, found.high)
    return dict(zip(bounds(name), values, strict=True))


def _seed_note(row: ScoredRow, narrow: str) -> str:
    seeds = len(row.row.predictions)
    return f"mean over {seeds} seeds, whose spread is not in the interval of the {narrow}" if seeds > 1 else ""


def _absent_rows(study: Study) -> list[TableRow]:
    """Columns that the user named and that the predictions lack."""
    if study.task.name != "classification":
        return []
    metadata = study.cases.predictions.metadata
    return [
        {
            **dict.fromkeys(SUBGROUP_COLUMNS),
            "dataset": study.dataset,
            "model": row.name,
            "column": name,
            "note": f"the predictions have no column {name!r}, but {', '.join(metadata) or 'no metadata'}",
        }
        for row in study.rows
        for name in study.options.subgroups or ()
        if name not in metadata
    ]

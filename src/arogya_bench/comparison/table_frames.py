"""Rows of the tables of a comparison as DataFrames, and back."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from arogya_bench.analysis.across_datasets import ACROSS_DATASETS_COLUMNS
from arogya_bench.analysis.literature import LITERATURE_COLUMNS
from arogya_bench.analysis.table_rows import bounds
from arogya_bench.analysis.tables import ANALYSES
from arogya_bench.comparison.api_outcomes import API_OUTCOME_COLUMNS
from arogya_bench.comparison.api_table import API_COLUMNS
from arogya_bench.comparison.costs import COST_COLUMNS
from arogya_bench.comparison.families import VARIANT_COLUMNS
from arogya_bench.comparison.fold_tables import FOLD_PAIR_COLUMNS
from arogya_bench.comparison.folds import FOLD_COLUMNS
from arogya_bench.comparison.leaderboard import SPEED_AND_COST_COLUMNS
from arogya_bench.comparison.limits import LIMIT_COLUMNS
from arogya_bench.comparison.measurement_tables import MEASUREMENT_COLUMNS, PAIR_COLUMNS, THROUGHPUT_COLUMNS
from arogya_bench.comparison.model_table import MODEL_COLUMNS
from arogya_bench.comparison.not_compared import NOT_COMPARED_COLUMNS
from arogya_bench.comparison.pareto import PARETO_COLUMNS
from arogya_bench.comparison.recommendations import RECOMMENDATION_COLUMNS
from arogya_bench.comparison.run_table import RUN_COLUMNS
from arogya_bench.comparison.split_table import SPLIT_COLUMNS
from arogya_bench.comparison.thumbnails import CASE_PICTURE_COLUMNS

FIRST_TABLES = {
    "verdict": ("dataset", "metric", "verdict", "models", "recommended", "alternatives", "reason", "notes"),
    "leaderboard": ("dataset", "rank", "model", "seeds", "seeded", "cases", "groups", "kind", "run_ids", "note"),
    "pairwise": (
        "dataset", "metric", "a", "b", *bounds("difference"), "difference.simultaneous_low",
        "difference.simultaneous_high", "p_value", "p_adjusted", "family", "groups", "discordant_groups", "method",
        "correction", "conclusion", "note",
    ),
    "robustness": (
        "dataset", "model", "condition", "augmentation", "severity", "level", "scale", "metric",
        *bounds("value"), *bounds("change"), "score", "note",
    ),
}  # fmt: skip # columns that they always have, also without rows
MISSING_COLUMNS = ("dataset", "model", "condition", "seed", "status", "cause", "message")
MEASURED_TABLES = {
    "measurements": MEASUREMENT_COLUMNS,
    "throughput": THROUGHPUT_COLUMNS,
    "latency_pairs": PAIR_COLUMNS,
    "cost": COST_COLUMNS,
    "pareto": PARETO_COLUMNS,
    "recommendations": RECOMMENDATION_COLUMNS,
    "api": API_COLUMNS,
    "api_outcomes": API_OUTCOME_COLUMNS,
}  # tables that earlier versions did not have, with the columns that they always have
READING_TABLES = {
    "folds": FOLD_COLUMNS,
    "fold_pairs": FOLD_PAIR_COLUMNS,
    "variants": VARIANT_COLUMNS,
    "not_compared": NOT_COMPARED_COLUMNS,
    "models": MODEL_COLUMNS,
    "runs": RUN_COLUMNS,
    "splits": SPLIT_COLUMNS,
}  # of what was read: models, runs, splits, folds, variants, and what stands apart
ANALYSIS_TABLES = {name: analysis.columns for name, analysis in ANALYSES.items()}
COMPARISON_TABLES = {
    "across_datasets": ACROSS_DATASETS_COLUMNS,
    "literature": LITERATURE_COLUMNS,
    "thumbnails": CASE_PICTURE_COLUMNS,
}  # tables that do not follow from one dataset alone
ADDED_TABLES = {**MEASURED_TABLES, **READING_TABLES, **ANALYSIS_TABLES, **COMPARISON_TABLES, "limits": LIMIT_COLUMNS}
TABLES = ("verdict", "leaderboard", "pairwise", "robustness", "missing", *ADDED_TABLES)
EMPTY_TABLES = {**FIRST_TABLES, "missing": MISSING_COLUMNS, **ADDED_TABLES}
INTEGER_COLUMNS = (
    "rank",
    "rank.ci_low",
    "rank.ci_high",
    "leader_rank_low",
    "leader_rank_high",
    "discordant_groups",
    "groups_needed",
    "further_groups",
    "year",
    "parameters",
)  # None for some rows, which must not turn the others into floats
ANY_SEED = "any"  # what earlier versions wrote in place of the seeds of a model that no seed changes


def to_table(name: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Build the table of the given name: numbers, truth values, texts and lists, and NaN where there is no value."""
    if not rows:
        return pd.DataFrame([], columns=list(EMPTY_TABLES.get(name, ())))
    table = pd.DataFrame([_with_lists(row) for row in rows] if name == "leaderboard" else rows)
    if name == "leaderboard":
        table = _with_numbers(table)
    types = {str(column): dtype for column in table if (dtype := _dtype_of(table[column]))}
    return table.astype(types | {column: "Int64" for column in INTEGER_COLUMNS if column in table})


def to_flat_table(table: pd.DataFrame) -> pd.DataFrame:
    """The table with texts in place of lists, as CSV needs it: the items with spaces between them."""
    lists = [str(column) for column in table if table[column].map(lambda value: isinstance(value, list)).any()]
    return table.assign(**{column: table[column].map(join_items) for column in lists})


def join_items(values: Sequence[object]) -> str:
    """The items of a list with spaces between them, numbers that are not whole with four digits."""
    return " ".join(f"{value:.4f}" if isinstance(value, float) else str(value) for value in values)


def _dtype_of(column: "pd.Series[Any]") -> str | None:
    """``float64`` for a column without any value, ``boolean`` for truth values of which some may be absent."""
    known = column.dropna()
    if known.empty:
        return "float64"
    flags = column.dtype == object and known.map(lambda value: isinstance(value, bool | np.bool_)).all()
    return "boolean" if flags and len(known) < len(column) else None


def _with_lists(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the leaderboard whose seeds are lists, also where an earlier version stored texts."""
    seeds, values = row.get("seeds", []), row.get("seed_values")
    if not isinstance(seeds, str):
        return dict(row)
    listed = [] if seeds == ANY_SEED else [int(seed) if seed.isdecimal() else seed for seed in seeds.split()]
    numbers = [float(value) for value in str(values or "").split()]
    return {**row, "seeds": listed, "seeded": seeds != ANY_SEED, "seed_values": numbers}


def to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Convert a table to rows of JSON values; undefined numbers are None."""
    rows = table.astype(object).to_dict(orient="records")
    return [{str(key): _to_json_value(value) for key, value in row.items()} for row in rows]


def _with_numbers(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Latency and cost as numbers, also where an earlier version stored words."""
    columns = [name for name in SPEED_AND_COST_COLUMNS if name in leaderboard and not name.endswith("grade")]
    return leaderboard.assign(**{name: pd.to_numeric(leaderboard[name], errors="coerce") for name in columns})


def _to_json_value(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value

"""The JSON Schema of a written comparison, generated from the columns of its tables."""

import json
import re
from inspect import getdoc
from pathlib import Path
from typing import Any

from arogya_bench.comparison.about import COMPARISON_VERSION
from arogya_bench.comparison.comparison import ComparisonTables
from arogya_bench.comparison.limit_outcomes import ELIGIBLE, EXCLUDED
from arogya_bench.comparison.table_frames import EMPTY_TABLES
from arogya_bench.comparison.verdict import AHEAD, RECOMMENDED, UNDECIDED

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NUMBER: Schema = {"type": ["number", "null"]}
TEXT: Schema = {"type": ["string", "null"]}
NAME: Schema = {"type": "string"}
FLAG: Schema = {"type": ["boolean", "null"]}
LIST: Schema = {"type": "array", "items": {"type": ["string", "number"]}}
_TEXTS = """
    a absent adapter alternatives api architecture assumption augmentation b best best_member calibration caption
    card case_id cause caveat chosen_model class column conclusion condition control correction
    cost_dominated_by criterion dataset description device digest dominated_by effect_size_kind ensemble equivalent
    evidence experiment_id finished first first_asked fit_run_id fits grade grade_reasons group_id hyperparameters
    image image_size
    instead_of kind last_asked latency_grade leader licence limit machine message method metric model model_version
    models name non_inferior not_separated_from note notes other_dataset outcome p_rests_on part positive_class
    predicted prevalence_of priced_machine prompt protocol protocol_digest quantity reason recommendation recommended
    rule run_id scale seed session severity_scale source split status subgroup target terms test threads thresholds
    tie_group tier trained_on trained_with true verdict worst worst_condition
    adapter_version api_model api_model_version chance commercial_use hardware imported_digest imported_from label_rule
    settings start_weights stop_rule training training_augmentation
"""
TEXT_COLUMNS = frozenset(_TEXTS.split())  # columns of every table that hold texts; the others hold numbers
FLAG_COLUMNS = frozenset({"above_chance", "chosen", "is_worst", "monotone", "on_cost_front", "on_front", "seeded"})
LIST_COLUMNS = frozenset({"best_epochs", "fit_run_ids", "run_ids", "seed_values"})
EXCEPTIONS: dict[tuple[str, str], Schema] = {
    ("leaderboard", "seeds"): LIST,
    ("models", "seeds"): LIST,
    ("api", "batch"): FLAG,
    ("per_class", "predicted"): NUMBER,
    **{(table, "models"): NUMBER for table in ("missed_by_all", "overall_tests")},
    ("robustness", "worst"): NUMBER,
    ("froc", "false_positives_per_image"): TEXT,  # a rate, or "mean" of all
    ("verdict", "verdict"): {"enum": [AHEAD, RECOMMENDED, UNDECIDED]},
    ("limits", "verdict"): {"enum": [ELIGIBLE, EXCLUDED, UNDECIDED]},
}  # columns whose name has another meaning in another table
NAMES = ("dataset", "model", "run_id")  # what a row is about: never absent, but for
WITHOUT_NAME = frozenset({("thumbnails", "model"), ("recommendations", "model"), ("measurements", "run_id")})
LEADERBOARD_COLUMNS = (
    "rank.ci_low", "rank.ci_high", "p_best", "tie_group", "optimism_corrected", "seed_sd", "seed_values",
    "above_chance", "robustness_score", "worst_condition", "latency_grade", "positive_class",
)  # fmt: skip
PAIRWISE_COLUMNS = (
    "seed_share", "effect_size", "effect_size_kind", "margin", "worst_loss", "non_inferior", "equivalent",
    "groups_needed", "mcnemar_p", "only_a_correct", "only_b_correct",
)  # fmt: skip
FURTHER_COLUMNS = {"leaderboard": LEADERBOARD_COLUMNS, "pairwise": PAIRWISE_COLUMNS}
# Tables with columns that are named after a metric or a batch size.
NAMED_NUMBERS = ("leaderboard", "measurements")
ABOUT: Schema = {
    "type": "object",
    "description": "What was compared and how: experiments, metric, options, datasets, prices, versions.",
    "required": ["experiment", "metric", "direction", "confidence", "evaluations", "datasets", "key"],
    "properties": {
        "experiment": {"type": "string"},
        "experiments": {"type": "array", "items": {"type": "string"}},
        "where": {"type": "string"},
        "metric": {"type": "string"},
        "direction": {"type": "string"},
        "confidence": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "alpha": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "resamples": {"type": "integer", "minimum": 1},
        "evaluations": {"type": "integer", "minimum": 0},
        "datasets": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["dataset", "metric", "direction"],
                "properties": {
                    "dataset": {"type": "string"},
                    "metric": {"type": "string"},
                    "direction": {"enum": ["high", "low"]},
                },
            },
        },
        "request": {"type": "object", "description": "What was asked for and which runs were read, for `verify`."},
        "key": {"type": "string", "description": "Digest of everything that the numbers rest on."},
    },
}


def comparison_schema() -> Schema:
    """The schema of what ``ComparisonTables.to_json`` writes in this version."""
    about_tables = _describe_tables()
    tables = {name: _table_schema(name, about_tables.get(name, "")) for name in EMPTY_TABLES}
    return {
        "$schema": DIALECT,
        "$id": f"urn:arogya-bench:comparison:{COMPARISON_VERSION}",
        "title": "Comparison of arogya-bench",
        "description": "One array of rows per table. Undefined numbers are null. A comparison of an earlier version "
        "that is written again may lack columns.",
        "type": "object",
        "required": ["about", *tables],
        "additionalProperties": False,
        "properties": {"about": ABOUT, **tables},
    }


def write_schema(path: Path | str) -> None:
    """Write the schema as JSON."""
    Path(path).write_text(json.dumps(comparison_schema(), indent=1) + "\n", encoding="utf-8")


def _table_schema(name: str, description: str) -> Schema:
    columns = dict.fromkeys((*EMPTY_TABLES[name], *FURTHER_COLUMNS.get(name, ())))
    row = {
        "type": "object",
        "required": [column for column in NAMES if column in columns and (name, column) not in WITHOUT_NAME],
        "properties": {column: _column_schema(name, column) for column in columns},
        "additionalProperties": NUMBER if name in NAMED_NUMBERS else False,
    }
    return {"description": description, "type": "array", "items": row}


def _column_schema(table: str, column: str) -> Schema:
    if (table, column) in EXCEPTIONS:
        return EXCEPTIONS[table, column]
    if column in NAMES and (table, column) not in WITHOUT_NAME:
        return NAME
    if column in LIST_COLUMNS:
        return LIST
    if column in FLAG_COLUMNS:
        return FLAG
    return TEXT if column in TEXT_COLUMNS else NUMBER


def _describe_tables() -> dict[str, str]:
    """What the class says of each table."""
    attributes = (getdoc(ComparisonTables) or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}

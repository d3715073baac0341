"""The sections of a report on degraded images: models against conditions, and changes from clean images."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from arogya_bench.report import findings
from arogya_bench.report.api_outcome_sections import condition_footnotes
from arogya_bench.report.columns import Column, Row, any_value
from arogya_bench.report.robustness_chart import plot_robustness
from arogya_bench.report.section import Section, group_notes, row_footnotes
from arogya_bench.report.wording import UNDEFINED, format_number, format_percent, format_with_interval, is_undefined

MAX_MODELS_WITH_SHARE = 4  # beyond it, the overview shows only values
MISSING = "missing"
NO_SCALE = "no augmentation says what its severity is, or the evaluations are of an earlier version"
Record = Mapping[str, Any]


def robustness_section(
    rows: Sequence[Row],
    leaderboard: Sequence[Row],
    metric: str,
    outcomes: Sequence[Row] = (),
    *,
    low_is_better: bool = False,
) -> Section:
    """Tabulate models against conditions; the chart starts at the clean values.

    Args:
        rows: Of the table ``robustness``.
        leaderboard: With the clean values, and which models are shown to be better than guessing.
        metric: The primary metric.
        outcomes: Of the table ``api_outcomes``: what a change may come from.
        low_is_better: Of the metric.
    """
    guessing = {str(row["model"]) for row in leaderboard if row.get("above_chance") is False}
    varying, constant = split_constant(rows)
    with_share = len({row["model"] for row in varying}) <= MAX_MODELS_WITH_SHARE and any_value(varying, "score")

    def format_cell(row: Row) -> str:
        has_share = with_share and row["model"] not in guessing and not is_undefined(row["score"])
        return format_number(row["value"]) + (f" ({format_percent(row['score'])})" if has_share else "")

    kept = ""
    if with_share and not {str(row["model"]) for row in varying} <= guessing:
        kept = (
            " In brackets the share of the clean value that is kept, of models that are shown to be better than "
            "guessing: others have nothing to lose."
        )
    return Section(
        name="robustness",
        title="Robustness to image degradation",
        note=f"{metric} under each condition.{kept}",
        columns=_columns(varying, format_cell),
        records=_by_condition(varying, "value"),
        plot=partial(plot_robustness, rows, leaderboard, metric),
        finding=partial(findings.describe_robustness, rows, leaderboard, metric, low_is_better=low_is_better),
        footnotes=(
            *condition_footnotes(outcomes),
            *constant_footnotes([(str(row["model"]), row["value"]) for row in constant]),
        ),
    )


def robustness_detail_section(rows: Sequence[Row], metric: str) -> Section:
    """Tabulate the change of each model under each condition, with its interval."""
    varying, constant = split_constant(rows)
    return Section(
        name="robustness-detail",
        title="Change from clean images",
        note=f"Change of {metric} under each condition, on the same cases and seeds. A mean over conditions can hide a "
        "single one in which a model fails.",
        columns=_columns(varying, lambda row: format_with_interval(row, "change", signed=True)),
        records=_by_condition(varying, "change"),
        detail=True,
        footnotes=(
            *constant_footnotes([(str(row["model"]), row["value"]) for row in constant]),
            *row_footnotes(varying, lambda row: f"{row['model']} under {row['condition']}"),
        ),
    )


def split_constant(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of models that some condition changes, and of those that none does; all are of the first if none is."""
    by_model: dict[str, list[Row]] = {}
    for row in rows:
        by_model.setdefault(str(row["model"]), []).append(row)
    constant = {model for model, own in by_model.items() if len(own) > 1 and all(row["change"] == 0 for row in own)}
    if len(constant) == len(by_model):
        constant = set()
    varying = [row for row in rows if row["model"] not in constant]
    return varying, [row for row in rows if row["model"] in constant]


def constant_footnotes(values: Sequence[tuple[str, Any]]) -> tuple[str, ...]:
    """Each model that no condition changes, once, with its value."""
    constant = "{} under every condition, as on clean images"
    notes = [(model, constant.format(format_number(value))) for model, value in values]
    return group_notes(notes, of=0)


def _columns(rows: Sequence[Row], format_cell: Callable[[Row], str]) -> tuple[Column, ...]:
    models = dict.fromkeys(str(row["model"]) for row in rows)
    return (
        Column(header="condition", format_cell=lambda record: str(record["condition"])),
        Column(
            header="severity", format_cell=lambda record: str(record["severity"]), detail=True, empty_reason=NO_SCALE
        ),
        *(_model_column(model, format_cell) for model in models),
    )


def _model_column(model: str, format_cell: Callable[[Row], str]) -> Column:
    def format_record(record: Record) -> str:
        row = record["rows"].get(model)
        return MISSING if row is None else format_cell(row)

    return Column(header=model, format_cell=format_record, numeric=True, key=_key(model), verbatim=True)


def _key(model: str) -> str:
    return f"value of {model}"


def _by_condition(rows: Sequence[Row], value: str) -> list[Record]:
    """One record a condition, with the rows of the models and, for sorting, their values."""
    records: dict[str, dict[str, Any]] = {}
    for row in rows:
        start = {"condition": row["condition"], "severity": format_severity(row), "rows": {}}
        record = records.setdefault(str(row["condition"]), start)
        record["rows"][str(row["model"])] = row
        record[_key(str(row["model"]))] = row[value]
    return list(records.values())


def format_severity(row: Row) -> str:
    """What the severity is and how large, such as ``rotation (degrees): 15``; earlier versions do not say."""
    if is_undefined(row.get("severity")):
        return UNDEFINED
    scale, severity = row.get("scale"), f"{float(row['severity']):g}"
    return f"{scale}: {severity}" if scale and not is_undefined(scale) else UNDEFINED

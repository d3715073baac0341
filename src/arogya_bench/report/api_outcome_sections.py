"""The sections of a report on how the answers of APIs ended: on clean images, and under each condition."""

from collections.abc import Sequence
from dataclasses import replace

from arogya_bench.analysis.conditions import CLEAN
from arogya_bench.api_models.calls import Status
from arogya_bench.comparison.api_answers import FAILURES
from arogya_bench.report.columns import Column, Row, any_value, model_name, percent, text
from arogya_bench.report.section import Section, group_notes
from arogya_bench.report.wording import UNDEFINED, format_count, format_share, is_undefined

OUTCOME_NOTE = (
    "On clean images. A case without an answer counts as wrong, in accuracy as in every metric of predicted classes; "
    "accuracy if answered leaves such cases out. Wilson's intervals [95 %], with as many independent cases as the "
    "variance between patients allows."
)
TIES_NOTE = " Ties: cases in which two classes share the largest probability."
CONDITIONS_NOTE = (
    "A model loses accuracy under a condition since it misreads the images, or since more of its answers fail: such a "
    "case counts as wrong. Accuracy if answered leaves these cases out, so it is not of the same cases under each "
    "condition. Controls stand in api_outcomes.csv."
)


def api_outcomes_section(rows: Sequence[Row]) -> Section:
    """List how many answers failed and how, and what holds on the others."""
    columns = (
        text("model"),
        *_outcome_columns(),
        Column(header="ties", format_cell=lambda row: format_count(row["ties"]), detail=True),
        Column(
            header="distinct probabilities",
            format_cell=lambda row: format_count(row["distinct_probabilities"]),
            detail=True,
        ),
        *((_agreement(),) if any_value(rows, "repeat_agreement") else ()),
    )
    return Section(
        name="api-outcomes",
        title="How the answers of APIs ended",
        note=OUTCOME_NOTE + TIES_NOTE,
        brief_note=OUTCOME_NOTE,
        columns=columns,
        records=rows,
    )


def _outcome_columns() -> tuple[Column, ...]:
    """How many cases were answered, how the others ended, and what follows for accuracy."""
    return (
        _share("coverage", "answered"),
        Column(header="without an answer", format_cell=_failures, wraps=True),
        _share("accuracy", "accuracy"),
        _share("accuracy_answered", "accuracy if answered"),
    )


def _share(key: str, header: str) -> Column:
    return Column(header=header, format_cell=lambda row: format_share(row, key))


def api_conditions_section(rows: Sequence[Row]) -> Section:
    """List how answers ended under each condition, of the models of which some failed; nothing without a condition."""
    failing = [rows for rows in _by_model(rows).values() if _degraded(rows) and any(map(_unanswered, rows))]
    return Section(
        name="api-conditions",
        title="How the answers of APIs ended under each condition",
        note=CONDITIONS_NOTE,
        columns=(text("model"), text("condition"), *_outcome_columns()),
        records=[row for rows in failing for row in rows],
        detail=True,
    )


def condition_footnotes(rows: Sequence[Row]) -> tuple[str, ...]:
    """How much of a change from clean images may come from answers that failed, for each model behind an API."""
    notes = [(name, _condition_note(rows)) for name, rows in _by_model(rows).items() if _degraded(rows)]
    return group_notes(notes, of=0)  # the table has local models too: never "All"


def _condition_note(rows: Sequence[Row]) -> str:
    if not any(map(_unanswered, rows)):
        return "every case was answered, on clean images and under every condition"
    clean = sum(_unanswered(row) for row in rows if row["condition"] == CLEAN)
    worst = max(_degraded(rows), key=_unanswered)
    failures = _failures(worst)
    which = str(worst["condition"]) if failures == UNDEFINED else f"{worst['condition']}: {failures}"
    under = f"at most {_percent(_unanswered(worst))} under a condition ({which})"
    return (
        f"without an answer, which counts as wrong: {_percent(clean)} of the clean cases, "
        f"{under if _unanswered(worst) else 'none under any other condition'}"
    )


def _by_model(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each model; controls left out, whose robustness nobody asks for."""
    models: dict[str, list[Row]] = {}
    for row in rows:
        if not row["control"]:
            models.setdefault(model_name(row), []).append(row)
    return models


def _degraded(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["condition"] != CLEAN]


def _unanswered(row: Row) -> float:
    """The share of the cases without an answer."""
    return 1.0 - float(row["coverage"])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"


def _agreement() -> Column:
    column = percent("repeat_agreement", "repeats agree")
    return replace(column, detail=True)


def _failures(row: Row) -> str:
    """Each way in which answers failed; what they have in common if none did."""
    if is_undefined(row[f"{Status.BLOCKED}_rate"]):
        return UNDEFINED
    failed = [status for status in FAILURES if row[f"{status}_rate"]]
    listed = (f"{status.replace('_', ' ')} {format_share(row, f'{status}_rate')}" for status in failed)
    return ", ".join(listed) or "none"

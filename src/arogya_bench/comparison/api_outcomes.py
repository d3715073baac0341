"""How the answers of APIs ended, and what holds on the others: on clean images and under each condition."""

from collections.abc import Mapping

from arogya_bench.analysis.conditions import CLEAN, StoredCondition
from arogya_bench.analysis.table_rows import TableRow, bounds, interval_columns
from arogya_bench.comparison.api_answers import FAILURES, ApiAnswers, load_api_answers
from arogya_bench.comparison.blocks import ComparableRuns
from arogya_bench.comparison.grouped_rates import grouped_share
from arogya_bench.statistics.intervals import Interval

RATES = tuple(f"{status}_rate" for status in FAILURES)
OUTCOME_COLUMNS = tuple(
    column for name in ("coverage", *RATES, "accuracy", "accuracy_answered") for column in bounds(name)
)
API_OUTCOME_COLUMNS = (
    "dataset", "model", "control", "condition", "augmentation", "severity", "level", "cases", "groups",
    *OUTCOME_COLUMNS,
)  # fmt: skip


def api_outcome_rows(
    block: ComparableRuns, apis: Mapping[str, ApiAnswers], digests: Mapping[str, str]
) -> list[TableRow]:
    """One row per model behind an API and condition, clean images included.

    A loss of accuracy under a condition can thus be told from more answers that failed.

    Args:
        block: The evaluations.
        apis: The answers to the clean cases, by display name.
        digests: Display name to row digest.
    """
    return [
        _outcome_row(block, condition, answers)
        for name, clean in apis.items()
        for condition in block.conditions
        for answers in _answers_under(block, condition, clean, digests[name])
    ]


def _answers_under(
    block: ComparableRuns, condition: StoredCondition, clean: ApiAnswers, digest: str
) -> list[ApiAnswers]:
    """The answers of a row under a condition; none if it has no finished run."""
    if condition.name == CLEAN:
        return [clean]
    row = block.evaluated_row(digest, condition.name)
    return [] if row is None else list(load_api_answers(block, {digest: row}, condition.name).values())


def _outcome_row(block: ComparableRuns, condition: StoredCondition, answers: ApiAnswers) -> TableRow:
    return {
        **dict.fromkeys(API_OUTCOME_COLUMNS),  # their order
        "dataset": block.dataset,
        "model": answers.name,
        "control": answers.control,
        "condition": condition.name,
        "augmentation": condition.augmentation,
        "severity": condition.severity,
        "level": condition.level,
        "cases": answers.cases,
        "groups": answers.groups,
        **outcome_columns(answers),
    }


def coverage(answers: ApiAnswers) -> Interval:
    """The share of the cases that have an answer."""
    return grouped_share(answers.answered, answers.group_of)


def failure_rates(answers: ApiAnswers) -> dict[str, Interval]:
    """The share of the cases that ended in each way without an answer; empty in a store without these columns."""
    if not answers.column("answer_status"):
        return {}
    return {str(status): grouped_share(answers.has_status(status), answers.group_of) for status in FAILURES}


def accuracy_of_answered(answers: ApiAnswers) -> Interval | None:
    """The accuracy on the cases that have an answer; None if no case has one."""
    if not answers.answered.any():
        return None
    return grouped_share(answers.correct[answers.answered], answers.group_of[answers.answered])


def outcome_columns(answers: ApiAnswers) -> TableRow:
    """The columns of ``OUTCOME_COLUMNS``; rates are absent in a store that does not say how answers failed."""
    rates = failure_rates(answers)
    return {
        **interval_columns("coverage", coverage(answers)),
        **{key: value for name, rate in rates.items() for key, value in interval_columns(f"{name}_rate", rate).items()},
        **interval_columns("accuracy", grouped_share(answers.correct, answers.group_of)),
        **interval_columns("accuracy_answered", accuracy_of_answered(answers)),
    }

"""Checks that the rows of a sweep can be told apart by their names."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any, cast

from arogya_bench.errors import ConfigError
from arogya_bench.evaluation.job import Job


def check_row_names(jobs: Sequence[Job]) -> None:
    """Refuse two rows of a sweep with one name, unless nobody named them and they are of one option.

    Those are variants of one model, which tables tell apart by what differs. Two models that happen to have one name,
    such as two of the registry, are no variants.

    Raises:
        ConfigError: If a name stands for two rows, or a row has two names.
    """
    _check_one_name(jobs)
    named: dict[str, dict[str, Job]] = {}
    for job in jobs:
        named.setdefault(job.row_name, {}).setdefault(_describe_row(job), job)
    for name, rows in named.items():
        for one, other in pairwise(rows.values()):
            if not _are_variants(one, other):
                raise ConfigError(
                    f"Two rows of this sweep have the name {name!r}: {_differences(one, other)}.",
                    fix=_advice(one, other),
                )


def _check_one_name(jobs: Sequence[Job]) -> None:
    names: dict[str, str] = {}
    for job in jobs:
        first = names.setdefault(_describe_row(job), job.row_name)
        if first != job.row_name:
            raise ConfigError(
                f"One row of this sweep has two names: {first!r} and {job.row_name!r}.",
                fix="give it one model.name; the same settings are evaluated once.",
            )


def _are_variants(one: Job, other: Job) -> bool:
    """Whether two rows of one name are variants of one model that was not given a name."""
    if one.key_name != other.key_name or one.name or other.name:
        return False
    return one.row_name == one.key_name or one.model == other.model


def _describe_row(job: Job) -> str:
    return repr((job.key_name, type(job.model), job.model, job.training))


def _differences(one: Job, other: Job) -> str:
    if one.key_name != other.key_name:
        return f"model={one.key_name} and model={other.key_name}"
    key = _differing_key(one, other)
    return f"{key}={_fields(one)[key]} and {key}={_fields(other)[key]}"


def _advice(one: Job, other: Job) -> str:
    if one.key_name != other.key_name:
        return "give each a command of its own with another model.name, or leave model.name out."
    name = one.display_name
    return f"name them by what differs: 'model.name=\"{name} ${{{_differing_key(one, other)}}}\"'."


def _differing_key(one: Job, other: Job) -> str:
    fields, others = _fields(one), _fields(other)
    return next(key for key in fields if fields[key] != others[key])


def _fields(job: Job) -> dict[str, object]:
    """What tells rows of one option apart, by config key."""
    model = {f"model.{key}": value for key, value in asdict(cast("Any", job.model)).items()}
    return model | {f"training.{key}": value for key, value in asdict(job.training).items()}

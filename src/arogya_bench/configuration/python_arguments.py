"""Checks of arguments that a user gives in Python: the wrong type is named before it fails somewhere deep."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from os import PathLike

from arogya_bench.errors import ConfigError

EXAMPLES = {
    "tracking_uri": "'sqlite:///mlflow.db'",
    "where": "'tags.`arogya.seed` = \"42\"'",
    "sweep": "the run id of a sweep",
    "metric": "'f1_macro'",
    "test": "'group_t'",
    "correction": "'holm'",
    "variants": "'all'",
    "experiment": "'demo'",
    "run_id": "one of leaderboard['run_ids'][0]",
    "run_ids": "leaderboard['run_ids'][0]",
    "margin": "0.02",
    "prices": "'mine.yaml'",
    "limits": "{'limits': {'f1_macro': {'at_least': 0.7}}}",
    "literature": "'published.yaml'",
}


def check_texts(**arguments: object) -> None:
    """Raise ConfigError for the first argument that is neither a text nor None."""
    for name, value in arguments.items():
        if value is not None and not isinstance(value, str):
            raise _wrong_type(name, value, "a text")


def check_run_ids(run_ids: object) -> tuple[str, ...]:
    """The run ids that were given as a list, or as one text; ConfigError for anything else."""
    if isinstance(run_ids, str):
        return (run_ids,)
    if not isinstance(run_ids, Sequence) or not all(isinstance(one, str) for one in run_ids):
        raise _wrong_type("run_ids", run_ids, "a list of texts")
    return tuple(run_ids)


def check_experiments(experiment: object) -> tuple[str, ...]:
    """The names of one or several experiments; ConfigError for anything else, and for none."""
    given = list(experiment) if isinstance(experiment, Sequence) and not isinstance(experiment, str) else [experiment]
    names = tuple(name for name in given if isinstance(name, str))
    if len(names) < len(given):
        raise ConfigError(
            f"experiment is of the type {type(experiment).__name__}, which is no name.",
            fix="give the name of an MLflow experiment, such as compare('demo'), or a list of names.",
        )
    if not names:
        raise ConfigError("No experiment is named.", fix="name at least one.")
    return names


def check_margin(margin: object) -> None:
    """Raise ConfigError for a margin that is neither a number from 0 nor None."""
    if margin is None:
        return
    if isinstance(margin, bool) or not isinstance(margin, Real):
        raise _wrong_type("margin", margin, "a number")
    if not (math.isfinite(margin) and float(margin) >= 0):
        raise ConfigError(f"The margin {margin} is not a number from 0.", fix="give one such as 0.02.")


def check_content(name: str, value: object, *kinds: type) -> None:
    """Raise ConfigError for what is no file, has none of the given types, and is not None."""
    if value is not None and not isinstance(value, (str, PathLike, *kinds)):
        words: dict[type, str] = {Mapping: "a mapping", Sequence: "a list"}
        raise _wrong_type(name, value, " or ".join(["a file", *(words.get(kind, kind.__name__) for kind in kinds)]))


def _wrong_type(name: str, value: object, expected: str) -> ConfigError:
    return ConfigError(
        f"{name} is of the type {type(value).__name__}, and not {expected}.",
        fix=f"give {name} {expected}, such as {EXAMPLES[name]}.",
    )

"""Errors that a user can fix: each states the problem and the fix.

Functions raise them for bad input without listing them in their docstrings, unless the caller handles them.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from importlib.util import find_spec

USER_ERROR_EXIT = 2  # exit code of a command that met a problem which the user can fix


class UserError(Exception):
    """An error with advice; the command line prints both without a traceback and exits with 2.

    Args:
        problem: What is wrong, with the offending value.
        fix: What the user can do, as an instruction.
    """

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(f"{problem}\nFix: {fix}")
        self.problem = problem
        self.fix = fix

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickling, so that a worker process can return the error."""
        return partial(type(self), self.problem, fix=self.fix), ()


class ConfigError(UserError):
    """A configuration with an unknown name or an invalid value."""


class DatasetError(UserError):
    """Data that is missing, damaged or unsuitable for an evaluation."""


class ModelError(UserError):
    """A model that cannot be built or loaded, or that returns invalid output."""


class UnevenBatchError(ModelError):
    """Images whose sizes differ, for a model that takes one size per batch."""


class MetricError(UserError):
    """A metric of another package that violates its declared interface."""


class TrackingError(UserError):
    """A tracking store that cannot be reached, read or written."""


class ArtifactMissing(TrackingError):
    """A file that a run refers to and the store no longer has."""


class JobKilled(UserError):
    """A job whose process was killed or crashed."""


class PriceError(UserError):
    """A price that is missing, invalid or unknown."""


class BudgetExceeded(UserError):
    """A job that would have cost more than the budget of its sweep leaves."""


class RequirementMissing(UserError):
    """A key, a consent or a service that a row needs and does not have: a sweep skips its cells."""


class ApiError(UserError):
    """An API that cannot be used any further: a wrong key, a model that is gone, a quota that is spent."""


class JobTimeout(UserError):
    """A job that exceeded its time limit."""


class SweepGone(UserError):
    """A job that was stopped because its sweep had ended."""


class WorkerLost(UserError):
    """A run whose process, or the launcher of its sweep, was killed."""


class MissingExtra(UserError):
    """An optional library that is not installed."""


class UndefinedMetric(ValueError):
    """A metric that is undefined for these cases; the message is the reason."""


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn the failed import of an optional library into MissingExtra, which names its extra."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise _missing_extra(extra, str(missing.name)) from missing


def check_extra(extra: str, *modules: str) -> None:
    """Raise MissingExtra if a library of an extra is not installed, without importing any."""
    for module in modules:
        if not is_installed(module):
            raise _missing_extra(extra, module)


def is_installed(module: str) -> bool:
    """Whether a module is installed, without importing it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package above it is missing
        return False


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the closest known name, for the end of an error message.

    Returns:
        `` Did you mean 'x'?``, or an empty string if no name is similar.
    """
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def _missing_extra(extra: str, module: str) -> MissingExtra:
    return MissingExtra(f"The Python package {module!r} is not installed.", fix=f"pip install 'arogya-bench[{extra}]'")

"""Problems that a user can fix: what is wrong, and how to mend it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec


class UserError(Exception):
    """A problem with its remedy; the command line prints both and exits with 2.

    Args:
        problem: What is wrong, with the offending value.
        fix: What the user can do about it.
    """

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(f"{problem}\nFix: {fix}")
        self.problem = problem
        self.fix = fix

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling, so that a worker process can hand the error back."""
        return _rebuild_error, (type(self), self.problem, self.fix)


class ConfigError(UserError):
    """A configuration that names something that does not exist, or a value out of range."""


class DatasetError(UserError):
    """Data that is missing, damaged, or cannot carry an evaluation."""


class ModelError(UserError):
    """A model that cannot be built, loaded or trusted."""


class MetricError(UserError):
    """A metric of another package that breaks its word."""


class TrackingError(UserError):
    """A tracking store that cannot be reached, read or written."""


class ArtifactMissing(TrackingError):
    """A file that a store no longer has, although a run names it."""


class JobKilled(UserError):
    """A job whose process was ended from outside, or by a fault of its machine code."""


class JobTimeout(UserError):
    """A job that took longer than it was given."""


class SweepGone(UserError):
    """A job whose sweep ended before it."""


class WorkerLost(UserError):
    """A run whose process, or the launcher of its sweep, ended from outside."""


class MissingExtra(UserError):
    """An optional library that is not installed."""


class UndefinedMetric(ValueError):
    """A number that does not exist for these cases; its message is the reason."""


def _rebuild_error(error_class: type[UserError], problem: str, fix: str) -> UserError:
    return error_class(problem, fix=fix)


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn the failed import of an optional library into advice.

    Raises:
        MissingExtra: With the command that installs ``extra``.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise _missing_extra(extra, str(missing.name)) from missing


def check_extra(extra: str, *modules: str) -> None:
    """Check that the libraries of an extra are there, without importing them.

    Raises:
        MissingExtra: If one of ``modules`` is not installed.
    """
    for module in modules:
        if not is_installed(module):
            raise _missing_extra(extra, module)


def is_installed(module: str) -> bool:
    """Whether a module could be imported; looks without importing it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package above it is missing
        return False


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say what a mistyped name may have meant, as the end of an error message.

    Returns:
        `` Did you mean 'x'?`` with the nearest known name, or nothing if none is near.
    """
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def _missing_extra(extra: str, module: str) -> MissingExtra:
    return MissingExtra(
        f"The Python package {module!r} is not installed.",
        fix=f"pip install 'arogya-bench[{extra}]'",
    )

"""Problems that a user can fix: what is wrong, and how to mend it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec

# The tags of a run that failed: the class of the error, what it says, and where it was raised.
ERROR, MESSAGE, TRACEBACK = "arogya.error", "arogya.error_message", "arogya.traceback"


class Fixable(Exception):
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
        return _rebuilt, (type(self), self.problem, self.fix)


class ConfigError(Fixable):
    """A configuration that names something that does not exist, or a value out of range."""


class DatasetError(Fixable):
    """Data that is missing, damaged, or cannot carry an evaluation."""


class ModelError(Fixable):
    """A model that cannot be built, loaded or trusted."""


class MetricError(Fixable):
    """A metric of another package that breaks its word."""


class TrackingError(Fixable):
    """A tracking store that cannot be reached, read or written."""


class ArtifactGone(TrackingError):
    """A file that a store no longer has, although a run names it."""


class JobKilled(Fixable):
    """A job whose process was ended from outside, or by a fault of its machine code."""


class JobTimeout(Fixable):
    """A job that took longer than it was given."""


class OwnerGone(Fixable):
    """A job whose sweep ended before it."""


class WorkerLost(Fixable):
    """A run whose process, or the launcher of its sweep, ended from outside."""


class MissingExtra(Fixable):
    """An optional library that is not installed."""


class UndefinedMetric(ValueError):
    """A number that does not exist for these cases; its message is the reason."""


def _rebuilt(kind: type[Fixable], problem: str, fix: str) -> Fixable:
    return kind(problem, fix=fix)


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn the failed import of an optional library into advice.

    Raises:
        MissingExtra: With the command that installs ``extra``.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise _missing(extra, str(missing.name)) from missing


def require_extra(extra: str, *modules: str) -> None:
    """Check that the libraries of an extra are there, without importing them.

    Raises:
        MissingExtra: If one of ``modules`` is not installed.
    """
    for module in modules:
        if not installed(module):
            raise _missing(extra, module)


def installed(module: str) -> bool:
    """Whether a module could be imported; looks without importing it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package above it is missing
        return False


def nearest(name: str, known: Iterable[str]) -> str:
    """Say what a mistyped name may have meant, as the end of an error message.

    Returns:
        `` Did you mean 'x'?`` with the nearest known name, or nothing if none is near.
    """
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def _missing(extra: str, module: str) -> MissingExtra:
    return MissingExtra(
        f"The Python package {module!r} is not installed.",
        fix=f"pip install 'arogya-bench[{extra}]'",
    )

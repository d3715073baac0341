"""Errors that a user can fix: each states the problem and the fix.

Functions raise them for bad input without listing them in their docstrings, unless the caller handles them.
"""

import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

DISTRIBUTION = "arogya-bench"
MIN_PART = 3  # letters of a name that are enough to suggest those that contain them
MAX_SUGGESTIONS = 3
CONTROLS = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
USER_ERROR_EXIT = 2  # exit code of a command that met a problem which the user can fix


class UserError(Exception):
    """An error with advice; the command line prints both without a traceback and exits with 2.

    Args:
        problem: What is wrong, with the offending value.
        fix: What the user can do, as an instruction.
    """

    def __init__(self, problem: str, *, fix: str) -> None:
        problem, fix = _without_controls(problem), _without_controls(fix)
        super().__init__(f"{problem}\nFix: {fix}")
        self.problem = problem
        self.fix = fix

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickling, so that a worker process can return the error."""
        return partial(type(self), self.problem, fix=self.fix), ()


def _without_controls(text: str) -> str:
    """Leave out colours and other signs by which quoted text, such as another error's, would steer a terminal."""
    return CONTROLS.sub("", text)


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


class TooManyFailures(UserError):
    """A job that was not started, because as many jobs of its sweep failed as the user allows."""


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
    """An optional library that is not installed.

    Attributes:
        extras: The extras of this package that provide it; empty for a library that another package needs.
        modules: What cannot be imported.
    """

    def __init__(self, problem: str, *, fix: str, extras: tuple[str, ...] = (), modules: tuple[str, ...] = ()) -> None:
        super().__init__(problem, fix=fix)
        self.extras = extras
        self.modules = modules

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickling, so that a worker process can return the error."""
        return partial(type(self), self.problem, fix=self.fix, extras=self.extras, modules=self.modules), ()


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
    """Suggest the closest known name, or else those that contain it, for the end of an error message.

    Returns:
        `` Did you mean 'x'?``, or an empty string if no name is similar.
    """
    names = [str(each) for each in known]
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if not close and len(name) >= MIN_PART:
        close = [each for each in names if name.lower() in each.lower()][:MAX_SUGGESTIONS]
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def _missing_extra(extra: str, module: str) -> MissingExtra:
    return missing_extras([extra], [module])


def missing_extras(extras: Iterable[str], modules: Iterable[str]) -> MissingExtra:
    """One error for optional libraries that are missing, with one command that installs them."""
    extras, modules = tuple(dict.fromkeys(extras)), tuple(dict.fromkeys(modules))
    names = ", ".join(map(repr, modules))
    problem = f"The Python packages {names} are" if len(modules) > 1 else f"The Python package {names} is"
    return MissingExtra(f"{problem} not installed.", fix=install_command(*extras), extras=extras, modules=modules)


def merge_missing(errors: Sequence[MissingExtra]) -> MissingExtra:
    """One error for what several miss; those of other packages keep their own words."""
    ours = [error for error in errors if error.extras]
    merged = {error.problem: error for error in errors if not error.extras}
    if ours:
        extras = (extra for error in ours for extra in error.extras)
        own = missing_extras(extras, (module for error in ours for module in error.modules))
        merged = {own.problem: own, **merged}
    if len(merged) == 1:
        return next(iter(merged.values()))
    return MissingExtra(" ".join(merged), fix="; ".join(error.fix for error in merged.values()))


def installed_version() -> str:
    """The version of this package; ``unknown`` for a folder on the path of Python that nobody installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def install_command(*extras: str) -> str:
    """The command that adds extras to this installation, be it a checkout, a wheel or a release."""
    return f"{_installer()} {_requirement(extras)}"


def _installer() -> str:
    """``pip install`` of the environment that runs this process, which need not be activated."""
    scripts = Path(sys.executable).parent
    if Path(shutil.which("pip") or "").parent == scripts:
        return "pip install"
    if is_installed("pip"):
        return f"{_short(sys.executable)} -m pip install"
    return f"uv pip install --python {_short(sys.executable)}"


def _requirement(extras: Sequence[str]) -> str:
    """This package with extras, from where it came: pip's record of that tells a folder and a file from a release."""
    from importlib.metadata import PackageNotFoundError, distribution

    wanted = f"[{','.join(extras)}]"
    try:
        record = json.loads(distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:  # a checkout on the path of Python
        record = {"url": Path(__file__).parents[2].as_uri(), "dir_info": {"editable": True}}
    url = record.get("url", "")
    if "dir_info" in record:
        editable = "--editable " if record["dir_info"].get("editable") else ""
        return editable + shlex.quote(_short(url2pathname(urlparse(url).path)) + wanted)
    return shlex.quote(f"{DISTRIBUTION}{wanted}{f' @ {url}' if url else ''}")


def _short(path: str) -> str:
    """A path relative to the working folder where it is below it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path

"""Locating, downloading and loading an MLflow model."""

import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from arogya_bench.errors import ModelError, did_you_mean
from arogya_bench.models.mlmodel import URI_FORMS, check_model_folder
from arogya_bench.runtime.home_folder import expand_home
from arogya_bench.runtime.store_urls import (
    short_timeouts,
    sqlite_path,
    sqlite_uri,
    strip_credentials,
    without_credentials,
)

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of an object
URI_SCHEME_PATTERN = r"[a-z][\w+.-]+:/"  # not C:/, a folder


def check_uri(uri: str) -> None:
    """Check that a URI can refer to a model; does not access the store."""
    scheme, _, location = uri.partition(":")
    if scheme == "models" and re.fullmatch(r"/(m-[^/@]+|[^/@]+/(\d+|latest)|[^/@]+@[^/@]+)", location):
        return
    if scheme == "runs" and re.fullmatch(r"/[^/]+/.+", location):
        return
    if scheme in ("models", "runs"):
        raise ModelError(f"{uri!r} is not a URI of an MLflow model.", fix=f"set model.uri to {URI_FORMS}.")
    if re.match(URI_SCHEME_PATTERN, uri):
        known = ("models", "runs", "file", "mlflow-artifacts")
        if did_you_mean(scheme, known) and scheme not in known:
            raise ModelError(
                f"{uri!r} is not a URI of an MLflow model.{did_you_mean(scheme, known)}",
                fix=f"set model.uri to {URI_FORMS}.",
            )
        return
    check_model_folder(expand_home(uri), uri)


def short_name(uri: str) -> str:
    """What tells a model from others: name and version or alias in the registry, else the last part of the path."""
    scheme, _, location = uri.partition(":")
    if scheme == "models":
        return location.strip("/")
    return uri.rstrip("/").replace("\\", "/").rpartition("/")[2] or uri


def locate_model(uri: str) -> Path:
    """Find the files of a model; aliases are resolved each time, remote files downloaded once."""
    check_uri(uri)
    if not re.match(URI_SCHEME_PATTERN, uri):
        return expand_home(uri)
    location = _resolve_location(uri)
    parts = urlparse(location)
    if parts.scheme in ("", "file"):
        return check_model_folder(Path(url2pathname(parts.path) if parts.scheme else location), uri)
    return check_model_folder(_download(_tracking_uri(), location)[0], uri)


def load_predict(folder: Path) -> Callable[[Any], Any]:
    """Load a model and return its ``predict``; this runs the code that the model contains."""
    pyfunc = _import_mlflow().pyfunc
    try:
        with _suppress_type_hint_advice():
            predict: Callable[[Any], Any] = pyfunc.load_model(str(folder), suppress_warnings=True).predict
    except (Exception, SystemExit) as error:  # code of a model may raise anything
        raise ModelError(
            f"The MLflow model cannot be loaded: {error_summary(error)}",
            fix=f"install its requirements (pip install -r {folder / 'requirements.txt'}), "
            "or log it again with the versions installed here.",
        ) from error
    return predict


def error_summary(error: BaseException) -> str:
    """Class and first line of an error, at most 300 characters of the message."""
    first = ADDRESS.sub("", str(error).strip().partition("\n")[0][:300])
    return f"{type(error).__name__}: {first}"


@contextmanager
def _suppress_type_hint_advice() -> Iterator[None]:
    """Hide MLflow's advice for authors of models when a model is only loaded.

    MLflow 3.17 puts its own filter before any of ours, so the warning is recorded, not filtered.
    """
    with warnings.catch_warnings(record=True) as recorded:
        yield
    for warning in recorded:
        if "Add type hints to the `predict` method" not in str(warning.message):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _import_mlflow() -> Any:
    # Nothing about medical users may leave their machine. MLflow reads this at import.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    return mlflow


def _tracking_uri() -> str:
    """URI of the tracking store that MLflow uses, independent of the working directory."""
    store = str(_import_mlflow().get_tracking_uri())
    file = sqlite_path(store)
    return store if file is None else sqlite_uri(file.absolute())


def _resolve_location(uri: str) -> str:
    """Location of the files of the version, alias or run that a URI refers to."""
    scheme, _, location = uri.partition(":/")
    if scheme not in ("models", "runs"):
        return uri
    store = _tracking_uri()
    _check_database_exists(store, uri)
    with _translate_errors(uri, store), short_timeouts():
        client = _import_mlflow().MlflowClient(tracking_uri=store)
        if scheme == "runs":
            return _resolve_location_in_run(client, *location.split("/", 1))
        name, _, version = location.partition("/")
        if "@" in name:
            name, _, alias = name.partition("@")
            version = client.get_model_version_by_alias(name, alias).version
        elif not version:
            return str(client.get_logged_model(name).artifact_location)
        elif version == "latest":
            versions = client.search_model_versions(f"name = '{name}'")
            version = str(max((int(found.version) for found in versions), default=1))
        return str(client.get_model_version_download_uri(name, version))


def _resolve_location_in_run(client: Any, run_id: str, path: str) -> str:
    run = client.get_run(run_id)
    for output in reversed(run.outputs.model_outputs if run.outputs else []):
        model = client.get_logged_model(output.model_id)
        if model.name == path:
            return str(model.artifact_location)
    return f"{run.info.artifact_uri}/{path}"  # as MLflow 2 stored them


def _check_database_exists(store: str, uri: str) -> None:
    """Raise ModelError for a missing database, which MLflow would create and find empty."""
    file = sqlite_path(store)
    if file and not file.is_file():
        raise ModelError(
            f"{uri} cannot be looked up: there is no MLflow store at {file}.",
            fix="run in the folder of your mlflow.db, or set MLFLOW_TRACKING_URI to the store of "
            "the model; or set model.uri to a folder.",
        )


@lru_cache(maxsize=8)
def _download(store: str, location: str) -> "tuple[Path, TemporaryDirectory[str]]":
    """Download a model once into a folder that is deleted with the cache, when the process ends."""
    copy = TemporaryDirectory(prefix="arogya-model-", ignore_cleanup_errors=True)
    with _translate_errors(location, store):
        folder = _import_mlflow().artifacts.download_artifacts(
            artifact_uri=location, dst_path=copy.name, tracking_uri=store
        )
    return Path(folder), copy


@contextmanager
def _translate_errors(uri: str, store: str) -> Iterator[None]:
    """Convert errors of MLflow to ModelError."""
    mlflow = _import_mlflow()
    try:
        yield
    except (mlflow.exceptions.MlflowException, OSError, ModuleNotFoundError, ValueError) as error:
        reason = strip_credentials(error_summary(error), store)
        if "Max retries exceeded" in reason:  # followed by internals of an HTTP library
            reason = "the server does not respond"
        if isinstance(error, ValueError):  # of the parts of an address
            reason = "this is no address of a model"
        raise ModelError(
            f"{uri} cannot be read from {without_credentials(store)}: {reason}",
            fix=f"set model.uri to {URI_FORMS}, and MLFLOW_TRACKING_URI to the store that has it.",
        ) from error

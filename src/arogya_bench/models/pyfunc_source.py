"""Where an MLflow model lies, what its files are, and how it is loaded."""

import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from arogya_bench.errors import ModelError, did_you_mean
from arogya_bench.models.mlmodel import URI_FORMS, check_model_folder
from arogya_bench.runtime.store_urls import (
    short_timeouts,
    sqlite_path,
    sqlite_uri,
    strip_credentials,
    without_credentials,
)

URI_SCHEME_PATTERN = r"[a-z][\w+.-]+:/"  # not C:/, a folder


@dataclass(frozen=True, kw_only=True)
class DownloadedModel:
    """A copy of a model that lies elsewhere; it goes with the process."""

    folder: Path
    temporary_folder: "TemporaryDirectory[str]"


def check_uri(uri: str) -> None:
    """Refuse an address that cannot name a model; looks at folders alone, not at a store.

    Raises:
        ModelError: If ``uri`` is malformed, or a folder without a model.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "models" and re.fullmatch(r"/(m-[^/@]+|[^/@]+/(\d+|latest)|[^/@]+@[^/@]+)", rest):
        return
    if scheme == "runs" and re.fullmatch(r"/[^/]+/.+", rest):
        return
    if scheme in ("models", "runs"):
        raise ModelError(f"{uri!r} names no MLflow model.", fix=f"set model.uri to {URI_FORMS}.")
    if re.match(URI_SCHEME_PATTERN, uri):
        known = ("models", "runs", "file", "mlflow-artifacts")
        if did_you_mean(scheme, known) and scheme not in known:
            raise ModelError(
                f"{uri!r} names no MLflow model.{did_you_mean(scheme, known)}",
                fix=f"set model.uri to {URI_FORMS}.",
            )
        return
    check_model_folder(Path(uri).expanduser(), uri)


def locate_model(uri: str) -> Path:
    """Find the files of a model now; aliases are resolved anew, far files fetched only once.

    Raises:
        ModelError: If there is no such model, or its store does not answer.
    """
    check_uri(uri)
    if not re.match(URI_SCHEME_PATTERN, uri):
        return Path(uri).expanduser()
    location = _resolve_location(uri)
    parts = urlparse(location)
    if parts.scheme in ("", "file"):
        path = url2pathname(parts.path) if parts.scheme else location
        return check_model_folder(Path(path), uri)
    return check_model_folder(_download(_tracking_uri(), location).folder, uri)


def load_predict(folder: Path) -> Callable[[Any], Any]:
    """Load a model and give its ``predict``; this runs the code that the model brings.

    Raises:
        ModelError: If it cannot be loaded, for whatever reason.
    """
    pyfunc = _import_mlflow().pyfunc
    try:
        with _suppress_type_hint_advice():
            predict: Callable[[Any], Any] = pyfunc.load_model(
                str(folder), suppress_warnings=True
            ).predict
    except Exception as error:  # the code of a stranger raises what it likes
        raise ModelError(
            f"The MLflow model cannot be loaded: {error_summary(error)}",
            fix=f"install what it needs (pip install -r {folder / 'requirements.txt'}), "
            "or log it again with the versions that are installed here.",
        ) from error
    return predict


def error_summary(error: Exception) -> str:
    """The kind and the first line of an error, short enough for one line."""
    first = str(error).strip().partition("\n")[0][:300]
    return f"{type(error).__name__}: {first}"


@contextmanager
def _suppress_type_hint_advice() -> Iterator[None]:
    """Keep MLflow's advice on logging models from whoever only loads one; pass on the rest.

    MLflow 3.17 puts its own filter before any of ours, so it must be caught, not filtered.
    """
    with warnings.catch_warnings(record=True) as heard:
        yield
    for each in heard:
        if "Add type hints to the `predict` method" not in str(each.message):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def _import_mlflow() -> Any:
    # Medical users: nothing about them leaves their machine. MLflow reads this at import.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    return mlflow


def _tracking_uri() -> str:
    """The tracking store that MLflow asks, independent of the working folder."""
    store = str(_import_mlflow().get_tracking_uri())
    file = sqlite_path(store)
    return store if file is None else sqlite_uri(file.absolute())


def _resolve_location(uri: str) -> str:
    """The place of the files of the version, alias or run that a URI names."""
    scheme, _, rest = uri.partition(":/")
    if scheme not in ("models", "runs"):
        return uri
    store = _tracking_uri()
    _check_database_exists(store, uri)
    with _translate_errors(uri, store), short_timeouts():
        client = _import_mlflow().MlflowClient(tracking_uri=store)
        if scheme == "runs":
            return _resolve_location_in_run(client, *rest.split("/", 1))
        name, _, version = rest.partition("/")
        if "@" in name:
            name, _, alias = name.partition("@")
            version = client.get_model_version_by_alias(name, alias).version
        elif not version:
            return str(client.get_logged_model(name).artifact_location)
        elif version == "latest":
            versions = client.search_model_versions(f"name = '{name}'")
            version = str(max((int(each.version) for each in versions), default=1))
        return str(client.get_model_version_download_uri(name, version))


def _resolve_location_in_run(client: Any, run_id: str, path: str) -> str:
    run = client.get_run(run_id)
    for output in reversed(run.outputs.model_outputs if run.outputs else []):
        model = client.get_logged_model(output.model_id)
        if model.name == path:
            return str(model.artifact_location)
    return f"{run.info.artifact_uri}/{path}"  # as MLflow 2 stored them


def _check_database_exists(store: str, uri: str) -> None:
    """MLflow would make a new database, within seconds, only to find nothing in it."""
    file = sqlite_path(store)
    if file and not file.is_file():
        raise ModelError(
            f"{uri} cannot be looked up: there is no MLflow store at {file}.",
            fix="run in the folder of your mlflow.db, or set MLFLOW_TRACKING_URI to the store "
            "that holds the model; or set model.uri to a folder.",
        )


@lru_cache(maxsize=8)
def _download(store: str, location: str) -> DownloadedModel:
    """Copy far files here once; what lies at a location never changes."""
    kept = TemporaryDirectory(prefix="arogya-model-", ignore_cleanup_errors=True)
    with _translate_errors(location, store):
        folder = _import_mlflow().artifacts.download_artifacts(
            artifact_uri=location, dst_path=kept.name, tracking_uri=store
        )
    return DownloadedModel(folder=Path(folder), temporary_folder=kept)


@contextmanager
def _translate_errors(uri: str, store: str) -> Iterator[None]:
    """Turn what MLflow raises about a model into a problem with its remedy."""
    mlflow = _import_mlflow()
    try:
        yield
    except (mlflow.exceptions.MlflowException, OSError, ModuleNotFoundError) as error:
        reason = strip_credentials(error_summary(error), store)
        if "Max retries exceeded" in reason:  # what follows is the inside of an HTTP library
            reason = "nothing answers there"
        raise ModelError(
            f"{uri} is not to be had from {without_credentials(store)}: {reason}",
            fix=f"set model.uri to {URI_FORMS}; MLFLOW_TRACKING_URI names the store that is asked.",
        ) from error

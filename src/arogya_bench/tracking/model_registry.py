"""The model registry of MLflow: versions of registered models, their aliases, tags and descriptions."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking._tracking_service.utils import _use_tracking_uri

from arogya_bench.errors import ConfigError
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.store_errors import translate_errors
from arogya_bench.tracking.tag_values import shorten_value

TRACKING_URI = "MLFLOW_TRACKING_URI"
MAX_TAG_LENGTH = 5000  # of a version
REGISTERED_VERSION = re.compile(r"models:/(?P<name>[^/@]+)/(?P<version>\d+)")
ALIAS = re.compile(r"[\w-]{1,255}")  # of a version
LOGGED_MODEL = re.compile(r"models:/(?P<model_id>m-[^/@]+)")


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """A version of a registered model.

    Attributes:
        is_new: Whether it was created now.
        previous: The version that had the alias before; empty if none had it, or this one.
    """

    name: str
    version: str
    is_new: bool
    previous: str = ""


def check_names(*, alias: str, name: str | None) -> None:
    """Check what MLflow would refuse only after the version is made; ``name`` is of the registered model."""
    if not ALIAS.fullmatch(alias) or alias.lower() == "latest" or re.fullmatch(r"[vV]\d+", alias):
        raise ConfigError(
            f"{alias!r} cannot be an alias in MLflow's registry.",
            fix="use letters, digits, _ and -, and neither 'latest' nor a version such as 'v2': --alias champion.",
        )
    if name is not None and (not name.strip() or "/" in name or ":" in name or name.startswith(".")):
        raise ConfigError(
            f"{name!r} cannot be the name of a registered model.",
            fix="use a name without '/' and ':', such as --name skin.",
        )


def find_version(uri: str) -> RegisteredVersion | None:
    """The version that a URI such as ``models:/name/3`` names; None if it names none."""
    match = REGISTERED_VERSION.fullmatch(uri)
    return RegisteredVersion(name=match["name"], version=match["version"], is_new=False) if match else None


def register_model(store: Store, name: str, *, model_id: str, run_id: str) -> RegisteredVersion:
    """Register a logged model, or find the version that was registered from it."""
    source, client = f"models:/{model_id}", store.client
    with translate_errors(store.uri), _as_default_store(store.uri):
        _create_registered_model(store, name)
        known = [found for found in client.search_model_versions(f"name = '{name}'") if _is_from(found, model_id)]
        if known:
            newest = max(known, key=lambda found: int(found.version))
            return RegisteredVersion(name=name, version=str(newest.version), is_new=False)
        made = client.create_model_version(name, source, run_id=run_id, model_id=model_id)
    return RegisteredVersion(name=name, version=str(made.version), is_new=True)


def promote_version(
    store: Store, found: RegisteredVersion, *, alias: str, tags: Mapping[str, str], description: str
) -> RegisteredVersion:
    """Describe a version, and then give it an alias: whoever reads the alias finds the reasons."""
    client = store.client
    with translate_errors(store.uri, fix="check the name of the registered model, and that its version exists."):
        version = client.get_model_version(found.name, found.version)
        for name, value in tags.items():
            client.set_model_version_tag(found.name, found.version, name, shorten_value(value, MAX_TAG_LENGTH))
        for name in set(version.tags) - set(tags):
            if name.startswith("arogya."):  # of an earlier promotion
                client.delete_model_version_tag(found.name, found.version, name)
        client.update_model_version(found.name, found.version, description=description)
        previous = _holder_of(store, found.name, alias)
        client.set_registered_model_alias(found.name, alias, found.version)
    return RegisteredVersion(
        name=found.name,
        version=found.version,
        is_new=found.is_new,
        previous="" if previous == found.version else previous,
    )


@contextmanager
def _as_default_store(uri: str) -> Iterator[None]:
    """Make a store MLflow's default for a while: its registry looks logged models up there, not in its own store."""
    variable = os.environ.get(TRACKING_URI)
    try:
        # The public function cannot restore that none was set.
        with _use_tracking_uri(uri):
            yield
    finally:
        os.environ.pop(TRACKING_URI, None)
        if variable is not None:
            os.environ[TRACKING_URI] = variable


def _create_registered_model(store: Store, name: str) -> None:
    try:
        store.client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        store.client.create_registered_model(name)


def _is_from(version: ModelVersion, model_id: str) -> bool:
    return bool(version.model_id == model_id or version.source == f"models:/{model_id}")


def _holder_of(store: Store, name: str, alias: str) -> str:
    try:
        return str(store.client.get_model_version_by_alias(name, alias).version)
    except MlflowException:
        return ""

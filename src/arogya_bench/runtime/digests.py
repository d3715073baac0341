"""Digests that identify work: the same key means the same numbers."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from arogya_bench.errors import ModelError
from arogya_bench.runtime.home_folder import expand_home
from arogya_bench.runtime.redaction import is_secret

KEY_LENGTH = 32  # hexadecimal characters; MLflow refuses dataset digests over 36


def digest_of(facts: Mapping[str, object]) -> str:
    """The first 32 hexadecimal characters of the SHA-256 of the facts as sorted JSON."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def model_identity(model: object) -> dict[str, object]:
    """Identify a model by its adapter's declared name and version, and its fields.

    No module path is part of it, so that an adapter can be moved and renamed.

    A path in the field ``weights`` is replaced by the digest of the file, so that editing the
    file changes the key and moving it does not. Fields with ``metadata={"identity": False}``,
    which affect no number, are omitted, as are fields named as a password or an API key. Fields
    with ``metadata={"identity": "unless default"}`` are omitted while they have their default: an
    adapter that gets a field keeps its keys. An adapter whose numbers depend on files that no field
    names, such as weights in a package, has a method ``fingerprint`` that returns their digest.

    Raises:
        ModelError: If the model is not a dataclass or declares no name or version.
    """
    if not is_dataclass(model) or isinstance(model, type):
        raise ModelError(
            f"{type(model).__qualname__} is not a dataclass.",
            fix="make the adapter a frozen dataclass whose fields are its hyperparameters.",
        )
    identifying = {field.name for field in fields(model) if _identifies(field, getattr(model, field.name))}
    values = {name: value for name, value in asdict(model).items() if name in identifying}
    weights = values.get("weights")
    if isinstance(weights, str) and expand_home(weights).is_file():
        values["weights"] = file_digest(expand_home(weights))
    fingerprint = getattr(model, "fingerprint", None)
    if fingerprint is not None:
        values["fingerprint"] = fingerprint()
    return {**adapter_identity(model), **values}


def _identifies(field: Field[Any], value: object) -> bool:
    identity = field.metadata.get("identity", True)
    if is_secret(field.name) or identity is False:
        return False
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return identity != "unless default" or bool(value != default)


def adapter_identity(model: object) -> dict[str, object]:
    """The name and the version that an adapter declares; a ModelError if it declares none."""
    declared = vars(type(model))  # what a parent class declares identifies another adapter
    name, version = declared.get("adapter_name"), declared.get("adapter_version")
    if not isinstance(name, str) or not name or not isinstance(version, int):
        raise ModelError(
            f"{type(model).__qualname__} does not itself declare adapter_name and adapter_version.",
            fix='add `adapter_name: ClassVar[str] = "yourpackage_model"` and '
            "`adapter_version: ClassVar[int] = 1` to the class.",
        )
    return {"adapter": name, "adapter_version": version}


def file_digest(path: Path) -> str:
    """Hash the content of a file, to 32 hexadecimal characters."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:KEY_LENGTH]

"""Reading the ``MLmodel`` file of an MLflow model and the files beside it, without MLflow."""

import json
import platform
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from arogya_bench.errors import ModelError
from arogya_bench.runtime.digests import digest_of, file_digest
from arogya_bench.serving import CARD_FILE, CARD_KEY

MLMODEL = "MLmodel"
URI_FORMS = "models:/name/1, models:/name@alias, models:/m-..., runs:/run_id/name, or a folder"
# Keys that differ each time the same model is logged, and files that loading a model adds.
VOLATILE_KEYS = (
    "artifact_path",
    "mlflow_version",
    "model_id",
    "model_size_bytes",
    "model_uuid",
    "run_id",
    "utc_time_created",
)
ADDED_ON_LOAD = ("registered_model_meta", "__pycache__")


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """Contents of ``MLmodel``.

    Attributes:
        inputs: One mapping per column or tensor of the signature; None without a signature.
        outputs: Likewise; empty if the signature does not specify them.
        from_type_hints: Whether the signature was inferred from code, which then takes a list.
        classes: ``metadata["classes"]``; empty if not logged.
        python: Version that the model was logged with; empty if not stated.
    """

    inputs: tuple[dict[str, Any], ...] | None
    outputs: tuple[dict[str, Any], ...]
    from_type_hints: bool
    classes: tuple[str, ...]
    python: str


def read_description(folder: Path) -> ModelDescription:
    """Read ``MLmodel``, which must have a Python function; runs no code of the model."""
    content = _read_mlmodel(folder)
    try:
        flavour = (content.get("flavors") or {}).get("python_function")
        signature = content.get("signature") or {}
        inputs, outputs = (_parse_columns(signature.get(name)) for name in ("inputs", "outputs"))
        classes = tuple(map(str, (content.get("metadata") or {}).get("classes") or ()))
    except (AttributeError, TypeError, ValueError) as error:
        raise _damaged_error(folder, error) from error
    if flavour is None:
        raise ModelError(
            f"The model in {folder} has no Python function to call.",
            fix="log it with a flavor of MLflow that has one, such as mlflow.pyfunc.",
        )
    return ModelDescription(
        inputs=inputs,
        outputs=outputs or (),
        from_type_hints=bool(content.get("is_signature_from_type_hint")),
        classes=classes,
        python=str(flavour.get("python_version") or ""),
    )


def model_digest(folder: Path) -> str:
    """Digest of all files of a model, without the keys on when and where it was logged, and without our card."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not set(ADDED_ON_LOAD) & set(path.relative_to(folder).parts)
    )
    stats = ((path, path.stat()) for path in files)
    return _cached_digest(folder, tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats))


def version_mismatches(description: ModelDescription, folder: Path) -> str:
    """List, in one line, the packages whose installed version differs from the logged one."""
    file = folder / "requirements.txt"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    requirements = (line.partition("==") for line in lines)
    pinned = [(name.partition("[")[0].strip(), logged.strip()) for name, _, logged in requirements]  # without extras
    python = (description.python.rpartition(".")[0], platform.python_version().rpartition(".")[0])
    differing = [("Python", *python)] if python[0] and python[0] != python[1] else []
    differing += [
        (name, logged, here) for name, logged in pinned if logged and (here := _installed_version(name)) != logged
    ]
    return ", ".join(f"{name} {logged} (here {here})" for name, logged, here in differing)


def check_model_folder(folder: Path, uri: str) -> Path:
    """Return a folder that holds a model."""
    if not (folder / MLMODEL).is_file():
        raise ModelError(
            f"{uri!r} holds no MLflow model: there is no file {folder / MLMODEL}.",
            fix=f"set model.uri to {URI_FORMS} with a file {MLMODEL} in it.",
        )
    return folder


def _read_mlmodel(folder: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load((folder / MLMODEL).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _damaged_error(folder, error) from error
    if not isinstance(content, dict):
        raise _damaged_error(folder, "it is not a mapping")
    return content


def _parse_columns(text: str | None) -> tuple[dict[str, Any], ...] | None:
    return None if text is None else tuple(json.loads(text))


def _damaged_error(folder: Path, reason: object) -> ModelError:
    first = str(reason).partition("\n")[0]
    return ModelError(f"{folder / MLMODEL} is damaged: {first}.", fix="log the model again, or copy it again.")


@lru_cache(maxsize=8)
def _cached_digest(folder: Path, files: tuple[tuple[Path, int, int], ...]) -> str:
    """Hash files; the cache is keyed by name, size and time, so that none is read twice."""
    paths = {path.relative_to(folder).as_posix(): path for path, _, _ in files}
    stable = {k: v for k, v in _read_mlmodel(folder).items() if k not in VOLATILE_KEYS}
    described = {MLMODEL}
    metadata = stable.get("metadata")
    if isinstance(metadata, dict) and CARD_KEY in metadata:  # a card describes the model and changes no prediction
        stable["metadata"] = {k: v for k, v in metadata.items() if k != CARD_KEY}
        described.add(CARD_FILE)
    return digest_of(
        {
            **{name: file_digest(path) for name, path in paths.items() if name not in described},
            MLMODEL: json.loads(json.dumps(stable, default=str)),
        }
    )


def _installed_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"

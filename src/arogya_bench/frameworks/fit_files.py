"""The files of a fit: class order and preprocessing, which are checked at load, and checkpoints."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arogya_bench.errors import ModelError
from arogya_bench.runtime.console import echo

CLASSES_FILE = "classes.json"
REFIT_ADVICE = "delete this folder and run again, so that the model is refitted."


def save_classes(out: Path, classes: Sequence[str], settings: Mapping[str, object]) -> None:
    """Write the class order and the settings that must be equal at load, such as the image size."""
    content = {"classes": list(classes), "settings": dict(settings)}
    (out / CLASSES_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def check_classes(weights: Path, classes: Sequence[str], settings: Mapping[str, object]) -> None:
    """Check that weights were fitted for these classes with these settings."""
    saved = read_json(weights / CLASSES_FILE, "classes", "settings")
    if saved["classes"] != list(classes):
        raise ModelError(
            f"{weights} was fitted for the classes {saved['classes']}, in this order; the dataset has {list(classes)}.",
            fix="evaluate on a dataset with the same classes in the same order, or fit again.",
        )
    for name, expected in json.loads(json.dumps(dict(settings))).items():
        if (fitted := saved["settings"].get(name)) != expected:
            raise ModelError(
                f"{weights} was fitted with {name}={fitted}; the model is configured with {name}={expected}.",
                fix=f"set {name} back to {fitted}, or fit again.",
            )


def read_json(file: Path, *keys: str) -> dict[str, Any]:
    """Read a JSON object that holds ``keys``."""
    try:
        content = json.loads(check_file_exists(file).read_text(encoding="utf-8"))
    except ValueError as error:
        raise damaged_file_error(file, error) from error
    if not isinstance(content, dict) or not all(key in content for key in keys):
        raise damaged_file_error(file, f"it does not hold {' and '.join(keys)}")
    return content


def check_file_exists(file: Path) -> Path:
    """Return the path of a file of the fit."""
    if not file.is_file():
        raise ModelError(f"{file} does not exist; the fit did not finish or was moved.", fix=REFIT_ADVICE)
    return file


def damaged_file_error(file: Path, reason: object) -> ModelError:
    """Build the error for a file of the fit that cannot be read."""
    return ModelError(f"{file} is damaged: {reason}.", fix=REFIT_ADVICE)


def warn_checkpoint_ignored(file: Path, reason: str) -> None:
    """Print that training starts again because a checkpoint cannot be used."""
    echo(f"[yellow]{file.name} {reason}; training starts again.[/]")


def drop_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a finished training."""
    for file in folder.glob("checkpoint.*"):
        file.unlink()

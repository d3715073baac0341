"""The folder that a fit leaves behind: its class order and its preprocessing, checked at load."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arogya_bench.errors import ModelError

CLASSES_FILE = "classes.json"
REFIT_ADVICE = "delete this folder and run again, so that the model is fitted anew."


def save_classes(out: Path, classes: Sequence[str], settings: Mapping[str, object]) -> None:
    """Write the class order and what else must be equal at load.

    Args:
        out: The folder of the fit.
        classes: In the order of the probability columns.
        settings: What the weights depend on, such as the image size.
    """
    content = {"classes": list(classes), "settings": dict(settings)}
    (out / CLASSES_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def check_classes(weights: Path, classes: Sequence[str], settings: Mapping[str, object]) -> None:
    """Refuse weights that were fitted for other classes or with other settings.

    Raises:
        ModelError: If the folder is damaged, or the order of the classes or a setting differs.
    """
    saved = read_json(weights / CLASSES_FILE, "classes", "settings")
    if saved["classes"] != list(classes):
        raise ModelError(
            f"{weights} was fitted for the classes {saved['classes']}, in this order; "
            f"the dataset has {list(classes)}.",
            fix="evaluate on a dataset with the same classes in the same order, or fit again.",
        )
    for name, wanted in json.loads(json.dumps(settings)).items():
        if (found := saved["settings"].get(name)) != wanted:
            raise ModelError(
                f"{weights} was fitted with {name}={found}; the model asks for {wanted}.",
                fix=f"set {name} back to {found}, or fit again.",
            )


def read_json(file: Path, *keys: str) -> dict[str, Any]:
    """Read a JSON object that holds ``keys``.

    Raises:
        ModelError: If the file is missing or damaged.
    """
    try:
        content = json.loads(check_file_exists(file).read_text(encoding="utf-8"))
    except ValueError as error:
        raise damaged_file_error(file, error) from error
    if not isinstance(content, dict) or not all(key in content for key in keys):
        raise damaged_file_error(file, f"it does not hold {' and '.join(keys)}")
    return content


def check_file_exists(file: Path) -> Path:
    """Give back the path of a file of the fit, once it is known to exist.

    Raises:
        ModelError: If there is no such file.
    """
    if not file.is_file():
        raise ModelError(
            f"{file} does not exist; the fit did not finish or was moved.", fix=REFIT_ADVICE
        )
    return file


def damaged_file_error(file: Path, reason: object) -> ModelError:
    """Say that a file of the fit cannot be read."""
    return ModelError(f"{file} is damaged: {reason}.", fix=REFIT_ADVICE)

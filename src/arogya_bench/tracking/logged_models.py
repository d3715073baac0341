"""Fitted models as MLflow models, with signature and class order, without pickle."""

import re
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mlflow.entities import LoggedModelOutput

from arogya_bench import serving
from arogya_bench.tracking.artifacts import WEIGHTS_FOLDER
from arogya_bench.tracking.items import FittedModel, ModelCard
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tag_values import shorten_value
from arogya_bench.tracking.tags import MODEL_ID

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

FOLDER = "model"  # while it is written
REFUSED_CHARACTERS = r"""[/:.%"']"""  # in the name of a logged model
MAX_NAME_LENGTH = 500
MAX_PARAM_LENGTH = 6000
MAX_TAG_LENGTH = 8000


def log_model(store: Store, run_id: str, fitted: FittedModel) -> str:
    """Log the files of a fit as an MLflow model of the run, with its card; its loader is named, not pickled.

    ``runs:/<run id>/<name of the row>`` finds it too.

    Returns:
        The model id, for ``models:/<model id>``.
    """
    client = store.client
    model = client.create_logged_model(
        store.experiment_id,
        logged_name(fitted.name),
        source_run_id=run_id,
        params={name: shorten_value(value, MAX_PARAM_LENGTH) for name, value in fitted.card.params.items()},
        tags={name: shorten_value(value, MAX_TAG_LENGTH) for name, value in fitted.card.tags.items()},
        model_type=fitted.task,
    )
    with tempfile.TemporaryDirectory() as temporary:
        _save_model(fitted, Path(temporary), run_id=run_id, model_id=str(model.model_id))
        client.log_model_artifacts(model.model_id, f"{temporary}/{FOLDER}")
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model_id=model.model_id, step=0)])
    client.set_tag(run_id, MODEL_ID, model.model_id)
    return str(model.model_id)


def logged_name(row: str) -> str:
    """Replace what MLflow refuses in the name of a model."""
    return re.sub(REFUSED_CHARACTERS, "_", row)[:MAX_NAME_LENGTH] or FOLDER


def warm_up() -> None:
    """Save an empty model, because MLflow inspects all installed packages the first time.

    Processes forked afterwards do not repeat that.
    """
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights"
        weights.mkdir()
        empty_model = FittedModel(
            name="empty",
            path=weights,
            classes=("a", "b"),
            task="classification",
            requirement=f"arogya-bench=={version('arogya-bench')}",
            card=ModelCard(params={}, tags={}, text=""),
        )
        _save_model(empty_model, Path(folder), run_id="none", model_id="none")


def _save_model(fitted: FittedModel, temporary: Path, *, run_id: str, model_id: str) -> None:
    folder = temporary / WEIGHTS_FOLDER
    folder.symlink_to(fitted.path)
    with warnings.catch_warnings():
        # MLflow 3.17 warns about one of its own type hints at this import.
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType")
        import mlflow.pyfunc
    from mlflow.models import Model

    mlflow.pyfunc.save_model(
        str(temporary / FOLDER),
        loader_module=serving.__name__,
        data_path=str(folder),
        pip_requirements=[fitted.requirement],
        mlflow_model=Model(
            run_id=run_id,
            model_id=model_id,
            signature=_signature(fitted),
            metadata={
                "classes": list(fitted.classes),
                "task": fitted.task,
                serving.CARD_KEY: {**fitted.card.params, **fitted.card.tags},
            },
        ),
    )
    (temporary / FOLDER / serving.CARD_FILE).write_text(fitted.card.text, encoding="utf-8")


def _signature(fitted: FittedModel) -> "ModelSignature":
    """Images in; out comes a column per class, in class order, or the boxes of each image as JSON."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    images = Schema([TensorSpec(np.dtype("uint8"), (-1, -1, -1, 3))])
    if fitted.task == "detection":
        return ModelSignature(inputs=images, outputs=Schema([ColSpec("string", serving.DETECTIONS_COLUMN)]))
    return ModelSignature(inputs=images, outputs=Schema([ColSpec("double", name) for name in fitted.classes]))

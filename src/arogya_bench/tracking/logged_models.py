"""Fitted models as MLflow models, with signature and class order, without pickle."""

import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mlflow.entities import LoggedModelOutput

from arogya_bench import serving
from arogya_bench.tracking.artifacts import WEIGHTS_FOLDER
from arogya_bench.tracking.items import FittedModel
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.tags import MODEL_ID

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

MODEL_NAME = "model"  # so that runs:/<run id>/model finds it


def log_model(store: Store, run_id: str, fitted: FittedModel) -> str:
    """Log the files of a fit as an MLflow model of the run; its loader is named, not pickled.

    Returns:
        The model id, for ``models:/<model id>``.
    """
    client = store.client
    model = client.create_logged_model(store.experiment_id, MODEL_NAME, source_run_id=run_id, model_type=fitted.task)
    with tempfile.TemporaryDirectory() as temporary:
        _save_model(fitted, Path(temporary), run_id=run_id, model_id=str(model.model_id))
        client.log_model_artifacts(model.model_id, f"{temporary}/{MODEL_NAME}")
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model_id=model.model_id, step=0)])
    client.set_tag(run_id, MODEL_ID, model.model_id)
    return str(model.model_id)


def warm_up() -> None:
    """Save an empty model, because MLflow inspects all installed packages the first time.

    Processes forked afterwards do not repeat that.
    """
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights"
        weights.mkdir()
        empty_model = FittedModel(
            path=weights,
            classes=("a", "b"),
            task="classification",
            requirement=f"arogya-bench=={version('arogya-bench')}",
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
        str(temporary / MODEL_NAME),
        loader_module=serving.__name__,
        data_path=str(folder),
        pip_requirements=[fitted.requirement],
        mlflow_model=Model(
            run_id=run_id,
            model_id=model_id,
            signature=_signature(fitted),
            metadata={"classes": list(fitted.classes), "task": fitted.task},
        ),
    )


def _signature(fitted: FittedModel) -> "ModelSignature":
    """Images in; out comes a column per class, in class order, or the boxes of each image as JSON."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    images = Schema([TensorSpec(np.dtype("uint8"), (-1, -1, -1, 3))])
    if fitted.task == "detection":
        return ModelSignature(inputs=images, outputs=Schema([ColSpec("string", serving.DETECTIONS_COLUMN)]))
    return ModelSignature(inputs=images, outputs=Schema([ColSpec("double", name) for name in fitted.classes]))

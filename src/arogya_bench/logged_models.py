"""Fitted models as MLflow's own: with signature and class order, found again by their run."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from arogya_bench.errors import ArtifactGone
from arogya_bench.items import FittedModel
from arogya_bench.stores import Store
from arogya_bench.tracking import RunRecord, is_absent, unreachable

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

NAME = "model"  # so that runs:/<run id>/model finds it
MODEL_TAG = "arogya.model_id"
LOADER = "arogya_bench.serving"
DATA = "fit"  # folder of the weights inside the model
DETECTIONS = "detections"


def log_model(store: Store, run_id: str, fitted: FittedModel) -> str:
    """Log what a fit left as an MLflow model of the run.

    The model names the module that loads it; nothing is pickled.

    Returns:
        The model id, for ``models:/<model id>``.
    """
    client = store.client
    model = client.create_logged_model(
        store.experiment_id, NAME, source_run_id=run_id, model_type=fitted.task
    )
    with tempfile.TemporaryDirectory() as temporary:
        _save(fitted, Path(temporary), run_id=run_id, model_id=str(model.model_id))
        client.log_model_artifacts(model.model_id, f"{temporary}/{NAME}")
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model_id=model.model_id, step=0)])
    client.set_tag(run_id, MODEL_TAG, model.model_id)
    return str(model.model_id)


@contextmanager
def model_files(store: Store, run: RunRecord) -> Iterator[Path]:
    """Give the files of the model of a fit run: in place if they are local, else fetched.

    Raises:
        TrackingError: If the run has no model, or its files are gone.
    """
    try:
        model = store.client.get_logged_model(run.tags[MODEL_TAG])
        place = str(model.artifact_location)
    except (KeyError, MlflowException) as error:
        if isinstance(error, KeyError) or is_absent(error):
            raise _gone(run, "MLflow") from error
        raise unreachable(run, error) from error
    if is_local_uri(place):
        folder = Path(local_file_uri_to_path(place)) / "data" / DATA
        if not folder.is_dir():
            raise _gone(run, place)
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        try:
            uri = f"models:/{model.model_id}"
            fetched = download_artifacts(uri, dst_path=temporary, tracking_uri=store.uri)
        except (MlflowException, OSError) as error:
            if is_absent(error):
                raise _gone(run, place) from error
            raise unreachable(run, error) from error
        yield Path(fetched) / "data" / DATA


def _gone(run: RunRecord, place: str) -> ArtifactGone:
    return ArtifactGone(
        f"The model of fit {run.run_id} ({run.name}) is not at {place}.",
        fix="artifacts are kept by absolute path: put the folder back where it was, or delete "
        "the run and run the sweep again.",
    )


def _save(fitted: FittedModel, place: Path, *, run_id: str, model_id: str) -> None:
    folder = place / DATA
    folder.symlink_to(fitted.path)
    with warnings.catch_warnings():
        # MLflow 3.17 warns of a type hint of its own when this part of it is imported.
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType")
        import mlflow.pyfunc
    from mlflow.models import Model

    mlflow.pyfunc.save_model(
        str(place / NAME),
        loader_module=LOADER,
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
    """Images in; a column per class out, in class order, or the boxes of each image as JSON."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    images = Schema([TensorSpec(np.dtype("uint8"), (-1, -1, -1, 3))])
    if fitted.task == "detection":
        return ModelSignature(inputs=images, outputs=Schema([ColSpec("string", DETECTIONS)]))
    return ModelSignature(
        inputs=images, outputs=Schema([ColSpec("double", name) for name in fitted.classes])
    )

"""The files of runs and models: in place where they are local, fetched where they are not."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from arogya_bench.errors import ArtifactMissing, TrackingError
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.store import Store, s3_errors
from arogya_bench.tracking.tags import KIND, MODEL_ID

WEIGHTS_FOLDER = "fit"  # folder of the weights inside a model


@contextmanager
def fetch_artifact(run: RunRecord, file: str, *, uri: str) -> Iterator[Path]:
    """Give an artifact as a path on this machine.

    Raises:
        ArtifactGone: If the run has no such file.
        TrackingError: If its store does not answer.
    """
    local = _local_path(run.artifact_uri)
    gone = _missing_error(
        f"Run {run.run_id} ({run.name}) has no artifact {file!r} at {run.artifact_uri}."
    )
    if local is not None:
        path = local / file
        if not path.exists():
            raise gone
        yield path
        return
    with tempfile.TemporaryDirectory() as temporary:
        with _translate_fetch_errors(run, gone):
            fetched = _download(f"{run.artifact_uri}/{file}", Path(temporary), uri)
        yield fetched


def local_folders(run: RunRecord, *, store: Store) -> list[Path]:
    """The folders of a run and of its model, as far as they lie on this machine."""
    places = [run.artifact_uri]
    if run.tags.get(KIND) == "fit" and MODEL_ID in run.tags:
        with _translate_fetch_errors(run, _missing_error(f"The model of {run.run_id} is gone.")):
            found = store.client.get_logged_model(run.tags[MODEL_ID])
        places.append(str(found.artifact_location))
    return [folder for place in places if (folder := _local_path(place)) and folder.is_dir()]


@contextmanager
def fetch_model_files(run: RunRecord, *, store: Store) -> Iterator[Path]:
    """Give the files of the model of a fit run as a folder on this machine.

    Raises:
        ArtifactGone: If the run has no model, or its files are gone.
        TrackingError: If its store does not answer.
    """
    gone = _missing_error(f"The files of the model of fit {run.run_id} ({run.name}) are gone.")
    if MODEL_ID not in run.tags:
        raise gone
    with _translate_fetch_errors(run, gone):
        place = str(store.client.get_logged_model(run.tags[MODEL_ID]).artifact_location)
    local = _local_path(place)
    if local is not None:
        folder = local / "data" / WEIGHTS_FOLDER
        if not folder.is_dir():
            raise gone
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        with _translate_fetch_errors(run, gone):
            fetched = _download(f"{place}/data/{WEIGHTS_FOLDER}", Path(temporary), store.uri)
        yield fetched


def _download(address: str, folder: Path, uri: str) -> Path:
    """Fetch by the address of the files: by that of a run, MLflow calls all that fails absent."""
    return Path(download_artifacts(address, dst_path=str(folder), tracking_uri=uri))


@contextmanager
def _translate_fetch_errors(run: RunRecord, missing: ArtifactMissing) -> Iterator[None]:
    """Tell a store that has no such file from one that does not answer."""
    try:
        yield
    except (MlflowException, OSError, *s3_errors()) as error:
        absent = getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST"
        if absent or re.search(r"\b404\b|does not exist|No such", str(error)):
            raise missing from error
        raise TrackingError(
            f"The artifacts of run {run.run_id} ({run.name}) could not be fetched: {error}",
            fix="see to the artifact store or its network; the same command goes on from here.",
        ) from error


def _missing_error(problem: str) -> ArtifactMissing:
    return ArtifactMissing(
        problem,
        fix="artifacts are kept by absolute path: put the folder back where it was, or delete "
        "the run and run the sweep again.",
    )


def _local_path(artifact_uri: str) -> Path | None:
    if not is_local_uri(artifact_uri):
        return None
    return Path(local_file_uri_to_path(artifact_uri))

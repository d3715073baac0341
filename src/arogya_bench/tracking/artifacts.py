"""The files of runs and models: used in place if they are local, downloaded otherwise."""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from arogya_bench.errors import ArtifactMissing, TrackingError
from arogya_bench.tracking.runs import RunRecord
from arogya_bench.tracking.store import Store
from arogya_bench.tracking.store_errors import s3_errors
from arogya_bench.tracking.tags import KIND, MODEL_ID

Content = TypeVar("Content")

PARALLEL_DOWNLOADS = 16  # a server answers so many requests at once; waiting for the network needs no processor
WEIGHTS_FOLDER = "fit"  # folder of the weights inside a model


@contextmanager
def fetch_artifact(run: RunRecord, file: str, *, uri: str) -> Iterator[Path]:
    """Yield the path of an artifact on this machine; ArtifactMissing if the run has no such file."""
    missing = _missing_error(f"Run {run.run_id} ({run.name}) has no artifact {file!r} at {run.artifact_uri}.")
    with _fetch(run, run.artifact_uri, file, uri, missing) as path:
        yield path


def read_artifacts(runs: Sequence[RunRecord], file: str, read: Callable[[Path], Content], *, uri: str) -> list[Content]:
    """Read the same file of several runs, in their order; downloads run side by side.

    Raises:
        ArtifactMissing: If a run has no such file.
    """

    def read_one(run: RunRecord) -> Content:
        with fetch_artifact(run, file, uri=uri) as path:
            return read(path)

    if all(is_local_uri(run.artifact_uri) for run in runs):
        return [read_one(run) for run in runs]
    with ThreadPoolExecutor(max_workers=PARALLEL_DOWNLOADS) as pool:
        return list(pool.map(read_one, runs))


def find_artifacts(
    runs: Sequence[RunRecord], file: str, read: Callable[[Path], Content], *, uri: str
) -> list[Content | None]:
    """Read the same file of several runs, in their order; None where a run has no such file."""

    def read_one(run: RunRecord) -> Content | None:
        try:
            return read_artifacts([run], file, read, uri=uri)[0]
        except ArtifactMissing:
            return None

    with ThreadPoolExecutor(max_workers=PARALLEL_DOWNLOADS) as pool:
        return list(pool.map(read_one, runs))


def local_folders(run: RunRecord, *, store: Store) -> list[Path]:
    """The folders of a run and of its model that are on this machine."""
    locations = [run.artifact_uri]
    if run.tags.get(KIND) == "fit" and MODEL_ID in run.tags:
        with _translate_fetch_errors(run, _missing_error(f"The model of {run.run_id} is missing.")):
            model = store.client.get_logged_model(run.tags[MODEL_ID])
        locations.append(str(model.artifact_location))
    folders = map(_local_path, locations)
    return [folder for folder in folders if folder is not None and folder.is_dir()]


@contextmanager
def fetch_model_files(run: RunRecord, *, store: Store) -> Iterator[Path]:
    """Yield the folder of the model files of a fit on this machine; ArtifactMissing if there are none."""
    missing = _missing_error(f"The model files of fit {run.run_id} ({run.name}) are missing.")
    if MODEL_ID not in run.tags:
        raise missing
    with _translate_fetch_errors(run, missing):
        location = str(store.client.get_logged_model(run.tags[MODEL_ID]).artifact_location)
    with _fetch(run, location, "", store.uri, missing) as folder:
        weights = folder / "data" / WEIGHTS_FOLDER
        if not weights.is_dir():
            raise missing
        yield weights


def mlflow_model_folder(weights: Path) -> Path:
    """The folder of the MLflow model that ``fetch_model_files`` found the weights in."""
    return weights.parent.parent


@contextmanager
def _fetch(run: RunRecord, location: str, name: str, uri: str, missing: ArtifactMissing) -> Iterator[Path]:
    """Yield a file or folder below a location in place if it is local, else as a temporary download."""
    local = _local_path(location)
    if local is not None:
        if not (local / name).exists():
            raise missing
        yield local / name
        return
    with tempfile.TemporaryDirectory() as temporary:
        with _translate_fetch_errors(run, missing):
            # By URL: given a run, MLflow reports every failure as missing.
            fetched = download_artifacts(f"{location}/{name}".rstrip("/"), dst_path=temporary, tracking_uri=uri)
        yield Path(fetched)


@contextmanager
def _translate_fetch_errors(run: RunRecord, missing: ArtifactMissing) -> Iterator[None]:
    """Distinguish a store without the file from one that does not answer."""
    try:
        yield
    except (MlflowException, OSError, *s3_errors()) as error:
        absent = getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST"
        if absent or re.search(r"\b404\b|does not exist|No such", str(error)):
            raise missing from error
        raise TrackingError(
            f"The artifacts of run {run.run_id} ({run.name}) could not be fetched: {error}",
            fix="check the artifact store and the network; the same command resumes from here.",
        ) from error


def _missing_error(problem: str) -> ArtifactMissing:
    return ArtifactMissing(
        problem,
        fix="artifacts are stored by absolute path: move the folder back, or delete the run and run the sweep again.",
    )


def _local_path(artifact_uri: str) -> Path | None:
    return Path(local_file_uri_to_path(artifact_uri)) if is_local_uri(artifact_uri) else None

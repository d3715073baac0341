"""Tables of predictions that other programs logged, such as ``mlflow.models.evaluate``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

import pandas as pd
from mlflow.entities import FileInfo
from mlflow.tracking import MlflowClient

from arogya_bench.errors import TrackingError
from arogya_bench.tracking.artifacts import fetch_artifact
from arogya_bench.tracking.runs import RunRecord, get_run
from arogya_bench.tracking.store_errors import translate_errors

EVALUATION_TABLE = "eval_results_table.json"  # of mlflow.models.evaluate; a prefix of the user may stand before it
TABLE_SUFFIXES = (".json", ".csv", ".parquet")


@dataclass(frozen=True, kw_only=True)
class LoggedTable:
    """A table of a run.

    Attributes:
        artifact: Its path in the run.
        dataset: Name of the dataset that the run logged as its input; empty without one.
    """

    run: RunRecord
    artifact: str
    rows: pd.DataFrame
    dataset: str


def fetch_table(uri: str, run_id: str, artifact: str | None = None) -> LoggedTable:
    """Read a table of a run: the given artifact, else the one that ``mlflow.models.evaluate`` logged.

    Raises:
        TrackingError: If there is no such run, or not exactly one table.
    """
    run = get_run(uri, run_id)
    with translate_errors(uri):
        client = MlflowClient(tracking_uri=uri)
        files: list[FileInfo] = client.list_artifacts(run_id)
        inputs = client.get_run(run_id).inputs.dataset_inputs
    chosen = artifact or _choose(run, [file.path for file in files])
    with fetch_artifact(run, chosen, uri=uri) as path:
        text = path.read_bytes()
    return LoggedTable(run=run, artifact=chosen, rows=_parse(run, chosen, text), dataset=_dataset_name(inputs))


def _choose(run: RunRecord, paths: list[str]) -> str:
    tables = [path for path in paths if path.endswith(EVALUATION_TABLE)]
    others = [path for path in paths if path.endswith(TABLE_SUFFIXES) and path not in tables]
    if len(tables) == 1:
        return tables[0]
    listed = ", ".join(tables or others) or "none"
    raise TrackingError(
        f"Run {run.run_id} ({run.name}) has {len(tables) or 'no'} tables of mlflow.models.evaluate; its tables: "
        f"{listed}.",
        fix="name one with --artifact. mlflow.models.evaluate logs a table only if a metric gives a score for every "
        "row: add one with extra_metrics, or log your predictions with mlflow.log_table.",
    )


def _parse(run: RunRecord, artifact: str, content: bytes) -> pd.DataFrame:
    """The rows of a file: MLflow's JSON, a CSV or a Parquet file."""
    try:
        if artifact.endswith(".parquet"):
            return pd.read_parquet(BytesIO(content))
        text = content.decode("utf-8-sig")
        if artifact.endswith(".csv"):
            return pd.read_csv(StringIO(text), dtype=object, na_filter=False)
        split = json.loads(text)
        return pd.DataFrame(split["data"], columns=split["columns"])
    except (ValueError, KeyError, TypeError) as error:
        raise TrackingError(
            f"The artifact {artifact!r} of run {run.run_id} is not a table: {error}.",
            fix="name a table that mlflow.log_table or mlflow.models.evaluate wrote, with --artifact.",
        ) from error


def _dataset_name(inputs: Sequence[Any]) -> str:
    names = [str(item.dataset.name) for item in inputs]
    return names[0] if names else ""

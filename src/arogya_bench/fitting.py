"""One fit per model, training, data, split and seed: found again in MLflow, or made."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arogya_bench import stores, tracking
from arogya_bench.errors import TrackingError
from arogya_bench.items import Curves, Folder, Item, Params, Scalars, Table, Tags, Text
from arogya_bench.jobs import Prepared, config_file, dataset_input, params_of, tags_of
from arogya_bench.predicting import predictions_of
from arogya_bench.progress import say, working
from arogya_bench.provenance import environment
from arogya_bench.scoring import point_scores
from arogya_bench.tables import predictions_table
from arogya_bench.types import FitReport, Predictions

WEIGHTS = "weights"  # folder of the fit run's artifacts


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A finished fit and where its files lie while it is in use."""

    run_id: str
    weights: Path


@contextmanager
def find_or_fit(prepared: Prepared, store: stores.Store, parent: str | None) -> Iterator[Fit]:
    """Give the newest finished fit with the key of the job, or make it.

    A fit whose files are gone is named and made again.
    """
    with ExitStack() as stack:
        for run in reversed(_finished(prepared, store)):
            try:
                weights = stack.enter_context(tracking.artifact(run, WEIGHTS, uri=store.uri))
            except TrackingError as gone:
                say(f"[yellow]{gone.problem} It is fitted again.[/]")
                continue
            yield Fit(run_id=run.run_id, weights=weights)
            return
        run_id = _fit(prepared, store, parent)
        run = tracking.get(store.uri, run_id)
        weights = stack.enter_context(tracking.artifact(run, WEIGHTS, uri=store.uri))
        yield Fit(run_id=run_id, weights=weights)


def _finished(prepared: Prepared, store: stores.Store) -> list[tracking.RunRecord]:
    return tracking.search(
        store,
        f"tags.`arogya.kind` = 'fit' and tags.`arogya.fit` = '{prepared.fit_key}' "
        "and attributes.status = 'FINISHED'",
    )


def _fit(prepared: Prepared, store: stores.Store, parent: str | None) -> str:
    job = prepared.job
    tags = {**tags_of(prepared), "arogya.kind": "fit"}
    run_id = tracking.start(store, f"{job.model_name} · fit", tags, parent=parent)
    with tracking.closed_on_error(store, run_id), tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with working(f"fitting {job.model_name}"):
            report = job.model.fit(
                prepared.split.train,
                prepared.split.validation,
                training=job.training,
                seed=job.seed,
                device=job.device,
                out=Path(folder),
            )
        seconds = time.perf_counter() - began
        validation = _validation(prepared, Path(folder))
        tracking.write(store, run_id, _items(prepared, report, validation, seconds, Path(folder)))
    tracking.finish(store, run_id)
    return run_id


def _validation(prepared: Prepared, weights: Path) -> Predictions:
    """Predict the validation split, from which thresholds and calibration come."""
    job = prepared.job
    classes = prepared.dataset.classes
    predictor = job.model.load(weights, classes=classes, device=job.device)
    return predictions_of(predictor, prepared.split.validation, batch_size=job.batch_size)


def _items(
    prepared: Prepared, report: FitReport, validation: Predictions, seconds: float, out: Path
) -> Iterator[Item]:
    yield Params(values=params_of(prepared))
    yield Curves(epochs=report.curves)
    yield Scalars(values=_scalars(report, validation, seconds))
    if report.notes:
        yield Tags(values={"arogya.notes": " ".join(report.notes)})
    yield dataset_input(prepared, "train")  # MLflow keeps one context per dataset and run
    yield Table(file="predictions_validation.parquet", rows=predictions_table(validation))
    yield config_file(prepared.job)
    yield Text(file="environment.json", text=environment())
    yield Folder(name=WEIGHTS, path=out)


def _scalars(report: FitReport, validation: Predictions, seconds: float) -> dict[str, float]:
    found = {f"validation_{name}": value for name, value in point_scores(validation).items()}
    best = {} if report.best_epoch is None else {"best_epoch": float(report.best_epoch)}
    finite = {name: value for name, value in found.items() if np.isfinite(value)}
    return {"fit_seconds": seconds, **best, **finite}

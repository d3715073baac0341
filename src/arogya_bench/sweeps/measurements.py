"""The measurements of a sweep: which are due, and taking them after everything else, alone on the machine."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from rich.markup import escape

from arogya_bench.api_models.model import ApiModel
from arogya_bench.configuration.compose import ComposedSweep
from arogya_bench.errors import ConfigError, TrackingError, UserError
from arogya_bench.evaluation.fitting import Fit, fetch_fit
from arogya_bench.evaluation.job import PlannedJob
from arogya_bench.evaluation.outputs import row_postprocess
from arogya_bench.evaluation.run_items import dataset_input, job_params, job_tags, provenance_files
from arogya_bench.measurement.protocol import MEASUREMENT_VERSION, MeasurementProtocol
from arogya_bench.measurement.results import ModelMeasurement
from arogya_bench.measurement.run_items import machine_tags, measurement_items
from arogya_bench.measurement.session import Outcome, SessionControl, SessionModel, measure_models
from arogya_bench.measurement.summary import describe_measurement
from arogya_bench.measurement.worker import WorkerModel
from arogya_bench.prices.spending import JobCost
from arogya_bench.runtime.console import echo, format_duration, plural
from arogya_bench.runtime.digests import digest_of
from arogya_bench.runtime.hardware import read_hardware
from arogya_bench.runtime.locks import machine_lock
from arogya_bench.runtime.progress import report_progress, show_activity
from arogya_bench.runtime.threads import available_threads
from arogya_bench.sweeps.launcher_settings import launcher_spec
from arogya_bench.sweeps.ledger import Ledger
from arogya_bench.tracking import tags
from arogya_bench.tracking.items import ModelInput, Params, Tags
from arogya_bench.tracking.runs import (
    FINISHED_FITS,
    FINISHED_MEASUREMENTS,
    error_tags,
    fail_run,
    finish_run,
    search_runs,
    start_run,
    write_items,
)
from arogya_bench.tracking.store import Store

PRECISION = "float32"  # of every network here
MAX_CASES = 512  # test images that are sent in turn
ORDER_SEED = 20_260  # of models, images and arrivals


@dataclass(frozen=True, kw_only=True)
class PlannedMeasurement:
    """One leaderboard row to measure: the job of its first seed, and the key of the measurement."""

    planned: PlannedJob
    protocol: MeasurementProtocol
    cell_key: str

    @property
    def name(self) -> str:
        """Row and dataset."""
        return f"{self.planned.job.row_name} on {self.planned.dataset.name}"


def plan_measurements(jobs: Sequence[PlannedJob]) -> list[PlannedMeasurement]:
    """Plan a measurement of every row and dataset; of several seeds, the first stands for the row."""
    rows: dict[tuple[object, ...], PlannedMeasurement] = {}
    for planned in jobs:
        job = planned.job
        if job.measure is None or isinstance(job.model, ApiModel):  # that runs on a machine that nobody here sees
            continue
        _check_images_alone(planned)
        row = (
            *(planned.model_config_digest, planned.dataset.digest, planned.split.digest),
            *(job.threads, job.device, repr(job.measure)),
        )
        rows.setdefault(
            row,
            PlannedMeasurement(planned=planned, protocol=job.measure, cell_key=measurement_key(planned, job.measure)),
        )
    return list(rows.values())


def _check_images_alone(planned: PlannedJob) -> None:
    """Refuse a model that takes more than images, which are all that a measurement sends."""
    columns_of = getattr(planned.job.model, "metadata_columns", None)
    columns = columns_of(planned.dataset) if columns_of else ()
    if columns:
        raise ConfigError(
            f"measure={planned.job.measure_name} sends images alone, and {planned.job.row_name} also takes "
            f"{', '.join(columns)} of each case.",
            fix="set measure=none for it, in a sweep of its own.",
        )


def measurement_key(planned: PlannedJob, protocol: MeasurementProtocol) -> str:
    """Digest of everything that decides the numbers of a measurement: the machine too, but no name and no price."""
    job = planned.job
    return digest_of(
        {
            "measurement": MEASUREMENT_VERSION,
            "row": planned.model_config_digest,
            "weights": planned.fit_key,
            "dataset": planned.dataset.digest,
            "split": planned.split.digest,
            "threads": job.threads or available_threads(),
            "device": job.device,
            "precision": PRECISION,
            "protocol": protocol.identity(),
            "hardware": read_hardware().facts(),
        }
    )


def pending_measurements(measurements: Sequence[PlannedMeasurement], store: Store | None) -> list[PlannedMeasurement]:
    """Select the measurements that MLflow does not hold yet, or all of those that are not to be resumed."""
    if store is None or not measurements:
        return list(measurements)
    finished = {run.tags.get(tags.CELL_KEY) for run in search_runs(store, FINISHED_MEASUREMENTS)}
    return [
        measurement
        for measurement in measurements
        if not measurement.planned.job.resume or measurement.cell_key not in finished
    ]


def check_measurable(composed: ComposedSweep) -> None:
    """Raise ConfigError if jobs run on other machines than the one that would be measured."""
    spec = launcher_spec(composed.config)
    if spec.remote and any(job.measure is not None for job in composed.jobs):
        raise ConfigError(
            f"The launcher {spec.name} runs jobs on other machines, but measure measures the machine of this command.",
            fix="set measure=none, and run `arogya-bench measure` with the same settings on the machine to measure.",
        )


def check_fitted(measurements: Sequence[PlannedMeasurement], store: Store, *, unmeasured: str = "") -> None:
    """Raise TrackingError if a row that is to be measured has no finished fit, or ConfigError if there is no such row.

    ``unmeasured`` says which rows cannot be measured.
    """
    if not measurements and unmeasured:
        raise ConfigError(f"There is nothing to measure: {unmeasured}", fix="name a model that runs on this machine.")
    if not measurements:
        raise ConfigError("measure=none measures nothing.", fix="set measure=quick, standard or strict.")
    fitted = {run.tags.get(tags.FIT_KEY) for run in search_runs(store, FINISHED_FITS)}
    missing = [measurement.name for measurement in measurements if measurement.planned.fit_key not in fitted]
    if missing:
        raise TrackingError(
            f"The experiment {store.experiment!r} has no finished fit with these settings of: {', '.join(missing)}.",
            fix="run the same settings with `arogya-bench run` first; every setting of model, training, data, split "
            "and seed counts.",
        )


def measurement_summary(measurements: Sequence[PlannedMeasurement], store: Store | None) -> str:
    """Say how many measurements are to be taken, as a sentence after a space; empty if none was asked for."""
    if not measurements:
        return ""
    pending = pending_measurements(measurements, store)
    before = len(measurements) - len(pending)
    seconds = sum(measurement.protocol.least_seconds for measurement in pending)
    duration = f" in at least {format_duration(seconds)}, alone" if pending else ""
    return f" {plural(len(pending), 'model')} to measure{duration}; {before} measured before."


def measurement_costs(measurements: Sequence[PlannedMeasurement]) -> dict[str, JobCost]:
    """What measurements are expected to take, by key, for the budget of a sweep."""
    return {
        measurement.cell_key: JobCost(
            is_job=False,
            row=f"{measurement.name} (measurement)",
            seconds=measurement.protocol.least_seconds,
            api_usd=0.0,
        )
        for measurement in measurements
    }


def take_measurements(store: Store, parent: str, measurements: Sequence[PlannedMeasurement], *, ledger: Ledger) -> None:
    """Measure rows that have a fit, alone on this machine; each becomes a finished or a failed run.

    Waits until no job runs on this machine, and keeps others waiting. Rows that do not fit in the budget become failed
    runs.
    """
    pending = pending_measurements(measurements, store)
    if not pending:
        return
    with machine_lock(exclusive=True):
        for protocol, group in _group_by_protocol(pending):
            models = plural(len(group), "model")
            echo(f"Measuring {models} alone on this machine ({escape(read_hardware().describe())}).")
            _take_group(_Destination(store, parent), protocol, group, ledger)


class _Destination(NamedTuple):
    """Where the runs of measurements go: the store, and the run of the sweep."""

    store: Store
    parent: str


class _ReadyModel(NamedTuple):
    """A row whose fit was found, with the run that its measurement goes to."""

    measurement: PlannedMeasurement
    run_id: str
    fit: Fit


def _group_by_protocol(
    measurements: Sequence[PlannedMeasurement],
) -> Iterator[tuple[MeasurementProtocol, list[PlannedMeasurement]]]:
    """Group rows that are measured in turns: the same protocol, data and threads."""
    groups: dict[str, list[PlannedMeasurement]] = {}
    for measurement in measurements:
        planned = measurement.planned
        key = repr((measurement.protocol, planned.dataset.digest, planned.split.digest, planned.job.threads))
        groups.setdefault(key, []).append(measurement)
    for group in groups.values():
        yield group[0].protocol, group


def _take_group(
    destination: _Destination, protocol: MeasurementProtocol, group: Sequence[PlannedMeasurement], ledger: Ledger
) -> None:
    """Measure rows in turns, and log each as soon as it is complete."""
    with ExitStack() as stack, show_activity(""):
        ready = list(_find_fits(destination, group, ledger, stack))
        models = [
            SessionModel(
                name=ready_model.measurement.planned.job.row_name,
                worker=_worker_model(ready_model.measurement, ready_model.fit),
            )
            for ready_model in ready
        ]
        outcomes = measure_models(
            models,
            protocol,
            rng=np.random.default_rng(ORDER_SEED),
            control=SessionControl(progress=report_progress, stop=ledger.stop_reason),
        )
        for model, outcome in zip(ready, outcomes, strict=True):
            ledger.end(model.measurement.cell_key, protocol.least_seconds)
            _log(destination.store, model, outcome)


def _find_fits(
    destination: _Destination, group: Sequence[PlannedMeasurement], ledger: Ledger, stack: ExitStack
) -> Iterator[_ReadyModel]:
    """Start a run for each row, and yield those that have a fit and fit in the budget; the others fail."""
    for measurement in group:
        run_id = _start(destination, measurement)
        try:
            if (refusal := ledger.begin(measurement.cell_key)) is not None:
                raise refusal
            yield _ReadyModel(
                measurement, run_id, stack.enter_context(fetch_fit(measurement.planned, destination.store))
            )
        except UserError as error:
            _fail(destination.store, run_id, measurement, error)


def _start(destination: _Destination, measurement: PlannedMeasurement) -> str:
    job = measurement.planned.job
    return start_run(
        destination.store,
        f"{job.row_name} · measurement",
        {
            **job_tags(measurement.planned),
            tags.KIND: "measurement",
            tags.CELL_KEY: measurement.cell_key,
            tags.MEASURE: job.measure_name,
            **machine_tags(),
        },
        parent=destination.parent,
    )


def _worker_model(measurement: PlannedMeasurement, fit: Fit) -> WorkerModel:
    job, test = measurement.planned.job, measurement.planned.split.test
    # The same images for every model, also where a measurement is resumed.
    chosen = np.random.default_rng(ORDER_SEED).permutation(len(test.cases))[:MAX_CASES]
    return WorkerModel(
        model=job.model,
        weights=fit.weights,
        model_folder=fit.model_folder,
        classes=test.classes,
        device=job.device,
        threads=job.threads or available_threads(),
        cases=tuple(test.cases[index] for index in sorted(chosen)),
        read=measurement.planned.dataset.read,
        postprocess=row_postprocess(job, fit.validation),
    )


def _log(store: Store, model: _ReadyModel, outcome: Outcome) -> None:
    """Log a measurement, or the error that it ended with."""
    measurement, planned, run_id = model.measurement, model.measurement.planned, model.run_id
    if not isinstance(outcome, ModelMeasurement):
        _fail(store, run_id, measurement, outcome)
        return
    items = [
        ModelInput(model_id=model.fit.model_id),
        Tags(values={tags.FIT_RUN_ID: model.fit.run_id}),
        Params(values={**job_params(planned), "measure": planned.job.measure_name}),
        dataset_input(planned, "test"),
        *provenance_files(planned),
        *measurement_items(outcome, measurement.protocol, rng=np.random.default_rng(ORDER_SEED)),
    ]
    write_items(store, run_id, items)
    finish_run(store, run_id)
    echo(f"[green]✓ {escape(planned.job.row_name)}[/] · {escape(describe_measurement(outcome))}")


def _fail(store: Store, run_id: str, measurement: PlannedMeasurement, error: Exception) -> None:
    cause = error_tags(error, store.uri, trace=getattr(error, "remote_traceback", None))
    fail_run(store, run_id, "FAILED", cause)
    first_line = cause[tags.ERROR_MESSAGE].partition("\n")[0]
    echo(f"[red]✗ {escape(measurement.planned.job.row_name)}[/] · not measured · {escape(first_line)}")

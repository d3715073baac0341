"""Checks before the first cell that remote workers can reach the store and the data."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from omegaconf import DictConfig, OmegaConf

from arogya_bench.configuration.compose import ComposedSweep
from arogya_bench.errors import ConfigError, TrackingError, UserError
from arogya_bench.evaluation.job import Job, PlannedJob, prepare
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.redaction import redact
from arogya_bench.runtime.store_urls import sqlite_path
from arogya_bench.sweeps import ray
from arogya_bench.sweeps.launcher_settings import launcher_spec
from arogya_bench.sweeps.launchers import ray_resource_requests, run_launcher
from arogya_bench.sweeps.worker import RunJob
from arogya_bench.tracking.store import open_store


class PreflightError(TrackingError):
    """A worker cannot reach what its jobs need."""


class WorkerProbeResult(NamedTuple):
    """The name of the machine of a worker, and pairs of a problem that it has and the fix."""

    host: str
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class WorkerProbe:
    """A task function that a launcher calls before any job, with the config of any job.

    Attributes:
        jobs: One job for each model and dataset, with its fit key in the process of the sweep.
    """

    run_job: RunJob
    jobs: tuple[tuple[Job, str], ...]

    def __call__(self, config: DictConfig) -> WorkerProbeResult:  # noqa: ARG002  (Hydra passes one)
        """Check the store, the data and the models."""
        self.run_job.enter_sweep_environment()
        errors = [self._check_store(), *(self._check_job(job, key) for job, key in self.jobs)]
        problems = dict.fromkeys((error.problem, error.fix) for error in errors if error)
        return WorkerProbeResult(socket.gethostname(), tuple(problems))

    def _check_store(self) -> UserError | None:
        uri = self.run_job.store_uri
        if sqlite_path(uri) and not self.run_job.owner.is_local:
            return TrackingError(
                f"{uri} is a SQLite file, which several machines cannot share safely.",
                fix="start a server (make serve ARGS='--host 0.0.0.0 --auth', or mlflow server) "
                "and name it with tracking=server tracking.uri=http://HOST:5000.",
            )
        try:
            open_store(uri, self.jobs[0][0].experiment, create=False)
        except UserError as error:
            return error
        return None

    def _check_job(self, job: Job, fit_key: str) -> UserError | None:
        try:
            planned = prepare(job)
        except UserError as error:
            return error
        if planned.fit_key != fit_key:
            return ConfigError(
                f"{planned.dataset.name} or {job.model_name} differs on this machine.",
                fix="make sure that every machine has the same data, weights and packages.",
            )
        return None


def check_worker_access(sweep: ComposedSweep, run_job: RunJob, jobs: Sequence[PlannedJob]) -> None:
    """Probe the workers that jobs will run on; local workers need no probe.

    Raises:
        PreflightError: If a worker cannot reach the store or the data.
    """
    if not launcher_spec(sweep.config).remote or not jobs:
        return
    echo("Checking that the workers can reach the store and the data.")
    selected = {(planned.job.model_name, planned.dataset.digest): (planned.job, planned.fit_key) for planned in jobs}
    probe = WorkerProbe(run_job=run_job, jobs=tuple(selected.values()))
    for result in _run_probe(sweep, probe, jobs):
        for problem, fix in result.problems:
            raise PreflightError(f"A worker on {result.host} reports: {problem}", fix=fix)


def _run_probe(sweep: ComposedSweep, probe: WorkerProbe, jobs: Sequence[PlannedJob]) -> list[WorkerProbeResult]:
    """Probe every node of a Ray cluster, or one worker of another launcher."""
    launcher = sweep.config.hydra.launcher
    try:
        if launcher_spec(sweep.config).name != "ray":
            return run_launcher(sweep, probe, [jobs[0].job.overrides])
        ray.connect(cast("dict[str, object]", OmegaConf.to_object(launcher.ray.init)))
        for remote in ray_resource_requests(sweep, jobs):
            ray.check_resources(remote)
        return ray.call_on_each_node(probe)
    except UserError as error:
        raise PreflightError(error.problem, fix=error.fix) from error
    except Exception as error:
        last_line = redact(str(error)).strip().rpartition("\n")[2][:300]
        raise PreflightError(
            f"The launcher cannot reach a worker: {type(error).__name__}: {last_line}",
            fix="check its cluster; your own packages must be installed on every machine, or "
            "be sent with hydra.launcher.ray.init.runtime_env.py_modules=[FOLDER].",
        ) from error

"""Before the first cell: whether the workers reach the store and the data."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from omegaconf import DictConfig, OmegaConf

from arogya_bench.configuration.compose import Study
from arogya_bench.errors import ConfigError, TrackingError, UserError
from arogya_bench.evaluation.job import Job, prepare
from arogya_bench.runtime.console import echo
from arogya_bench.runtime.redaction import redact
from arogya_bench.runtime.store_urls import sqlite_path
from arogya_bench.sweeps import launchers as launching
from arogya_bench.sweeps import ray as ray_nodes
from arogya_bench.sweeps.plan import Wish
from arogya_bench.sweeps.worker import Task
from arogya_bench.tracking.store import open_store


class PreflightError(TrackingError):
    """A worker that does not reach what its jobs need."""


@dataclass(frozen=True, kw_only=True)
class ProbeFailure:
    """What a worker does not reach.

    Attributes:
        host: The machine that it is on.
        problems: Each with its remedy.
    """

    host: str
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class WorkerProbe:
    """What a launcher calls before any job, with whatever config.

    Attributes:
        task: What will be called then.
        jobs: One for each model and dataset, with the key that its fit has in the sweep.
    """

    task: Task
    jobs: tuple[tuple[Job, str], ...]

    def __call__(self, config: DictConfig) -> ProbeFailure:  # noqa: ARG002  (Hydra gives one)
        """Look for everything that the jobs need."""
        self.task.enter_sweep_environment()
        problems = [self._check_store(), *(self._check_job(job, key) for job, key in self.jobs)]
        found = dict.fromkeys((each.problem, each.fix) for each in problems if each)
        return ProbeFailure(host=socket.gethostname(), problems=tuple(found))

    def _check_store(self) -> UserError | None:
        if sqlite_path(self.task.store_uri) and not self.task.owner.is_local:
            return TrackingError(
                f"{self.task.store_uri} is a file, and several machines would spoil it.",
                fix="start a server (make serve ARGS='--host 0.0.0.0 --auth', or mlflow server) "
                "and name it with tracking=server tracking.uri=http://HOST:5000.",
            )
        try:
            open_store(self.task.store_uri, self.jobs[0][0].experiment, create=False)
        except UserError as error:
            return error
        return None

    def _check_job(self, job: Job, key: str) -> UserError | None:
        try:
            planned = prepare(job)
        except UserError as error:
            return error
        if planned.fit_key != key:
            return ConfigError(
                f"{planned.dataset.name} or {job.model_name} is another one there.",
                fix="see to it that every machine has the same data, weights and packages.",
            )
        return None


def check_worker_access(study: Study, task: Task, wishes: Sequence[Wish]) -> None:
    """Send a probe where the jobs will go; those of this machine need none.

    Raises:
        Unreached: If a worker does not reach the store or the data, saying which.
    """
    if not launching.launcher_spec(study.config).remote or not wishes:
        return
    echo("Asking the workers whether they reach the store and the data.")
    probe = WorkerProbe(task=task, jobs=_select_probe_jobs(wishes))
    for finding in _run_probe(study, probe, wishes):
        if finding.problems:
            problem, fix = finding.problems[0]
            raise PreflightError(f"A worker on {finding.host} says: {problem}", fix=fix)


def _select_probe_jobs(wishes: Sequence[Wish]) -> tuple[tuple[Job, str], ...]:
    found = {(wish.planned.job.model_name, wish.planned.dataset.digest): wish for wish in wishes}
    return tuple((wish.planned.job, wish.planned.fit_key) for wish in found.values())


def _run_probe(study: Study, probe: WorkerProbe, wishes: Sequence[Wish]) -> list[ProbeFailure]:
    """Ask every node of a Ray cluster, or whatever worker another launcher gives."""
    launcher = study.config.hydra.launcher
    try:
        if launching.launcher_spec(study.config).name != "ray":
            return launching.run_launcher(study, probe, [wishes[0].composition.overrides])
        ray_nodes.connect(cast("dict[str, object]", OmegaConf.to_object(launcher.ray.init)))
        for remote in launching.ray_resource_requests(study, wishes):
            ray_nodes.check_resources(remote)
        return ray_nodes.call_on_each_node(probe)
    except UserError as error:
        raise PreflightError(error.problem, fix=error.fix) from error
    except Exception as error:
        first = redact(str(error)).strip().rpartition("\n")[2][:300]
        raise PreflightError(
            f"The launcher does not reach a worker: {type(error).__name__}: {first}",
            fix="see to its cluster; packages of your own must be installed on every machine, or "
            "travel with hydra.launcher.ray.init.runtime_env.py_modules=[FOLDER].",
        ) from error

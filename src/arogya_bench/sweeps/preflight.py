"""Before the first cell: whether the workers reach the store and the data."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from omegaconf import DictConfig, OmegaConf

from arogya_bench.configuration.compose import Study
from arogya_bench.errors import ConfigError, Fixable, TrackingError
from arogya_bench.evaluation.job import Job, prepare
from arogya_bench.runtime.console import say
from arogya_bench.runtime.redaction import disguised
from arogya_bench.runtime.store_urls import sqlite_path
from arogya_bench.sweeps import launchers as launching
from arogya_bench.sweeps import ray as ray_nodes
from arogya_bench.sweeps.plan import Wish
from arogya_bench.sweeps.worker import Task
from arogya_bench.tracking import store as stores


class Unreached(TrackingError):
    """A worker that does not reach what its jobs need."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a worker does not reach.

    Attributes:
        host: The machine that it is on.
        problems: Each with its remedy.
    """

    host: str
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a launcher calls before any job, with whatever config.

    Attributes:
        task: What will be called then.
        jobs: One for each model and dataset, with the key that its fit has in the sweep.
    """

    task: Task
    jobs: tuple[tuple[Job, str], ...]

    def __call__(self, config: DictConfig) -> Finding:  # noqa: ARG002  (Hydra gives one)
        """Look for everything that the jobs need."""
        self.task.move_in()
        problems = [self._store(), *(self._job(job, key) for job, key in self.jobs)]
        found = dict.fromkeys((each.problem, each.fix) for each in problems if each)
        return Finding(host=socket.gethostname(), problems=tuple(found))

    def _store(self) -> Fixable | None:
        if sqlite_path(self.task.store) and not self.task.owner.here:
            return TrackingError(
                f"{self.task.store} is a file, and several machines would spoil it.",
                fix="start a server (make serve ARGS='--host 0.0.0.0 --auth', or mlflow server) "
                "and name it with tracking=server tracking.uri=http://HOST:5000.",
            )
        try:
            stores.open_store(self.task.store, self.jobs[0][0].experiment, create=False)
        except Fixable as error:
            return error
        return None

    def _job(self, job: Job, key: str) -> Fixable | None:
        try:
            prepared = prepare(job)
        except Fixable as error:
            return error
        if prepared.fit_key != key:
            return ConfigError(
                f"{prepared.dataset.name} or {job.model_name} is another one there.",
                fix="see to it that every machine has the same data, weights and packages.",
            )
        return None


def require_reach(study: Study, task: Task, wishes: Sequence[Wish]) -> None:
    """Send a probe where the jobs will go; those of this machine need none.

    Raises:
        Unreached: If a worker does not reach the store or the data, saying which.
    """
    if not launching.engine_of(study.config).remote or not wishes:
        return
    say("Asking the workers whether they reach the store and the data.")
    probe = Probe(task=task, jobs=_jobs(wishes))
    for finding in _asked(study, probe, wishes):
        if finding.problems:
            problem, fix = finding.problems[0]
            raise Unreached(f"A worker on {finding.host} says: {problem}", fix=fix)


def _jobs(wishes: Sequence[Wish]) -> tuple[tuple[Job, str], ...]:
    found = {(wish.prepared.job.model_name, wish.prepared.dataset.digest): wish for wish in wishes}
    return tuple((wish.prepared.job, wish.prepared.fit_key) for wish in found.values())


def _asked(study: Study, probe: Probe, wishes: Sequence[Wish]) -> list[Finding]:
    """Ask every node of a Ray cluster, or whatever worker another launcher gives."""
    launcher = study.config.hydra.launcher
    try:
        if launching.engine_of(study.config).name != "ray":
            return launching.run_each(study, probe, [wishes[0].composition.words])
        ray_nodes.connect(cast("dict[str, object]", OmegaConf.to_object(launcher.ray.init)))
        for remote in launching.requests(study, wishes):
            ray_nodes.require_room(remote)
        return ray_nodes.ask_each(probe)
    except Fixable as error:
        raise Unreached(error.problem, fix=error.fix) from error
    except Exception as error:
        first = disguised(str(error)).strip().rpartition("\n")[2][:300]
        raise Unreached(
            f"The launcher does not reach a worker: {type(error).__name__}: {first}",
            fix="see to its cluster; packages of your own must be installed on every machine, or "
            "travel with hydra.launcher.ray.init.runtime_env.py_modules=[FOLDER].",
        ) from error

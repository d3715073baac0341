"""One job where a launcher put it: done, or recorded as failed, whatever happens to it."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.markup import escape

from arogya_bench import evaluation, schema, stores, tracking
from arogya_bench.disguise import protect, secrets_of
from arogya_bench.errors import JobKilled, TrackingError
from arogya_bench.isolation import isolated
from arogya_bench.jobs import Job
from arogya_bench.liveness import PROCESS, Process
from arogya_bench.progress import counted, say
from arogya_bench.turns import machine

STRIKES = 2  # a job that ends its own process so often stays KILLED


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a job came to, as its process tells the sweep.

    Attributes:
        name: Of the leaderboard row.
        made: Cells that were made now.
        seconds: That it took.
        cause: What went wrong, as the tags of a run say it; empty if nothing did.
        killed: Whether it was ended from outside.
    """

    name: str
    seed: int
    made: int
    seconds: float
    cause: Mapping[str, str] = field(default_factory=dict)
    killed: bool = False


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a launcher calls with the config of each job, in whatever process: it never raises.

    A job that raises would end other jobs with some launchers and hide its cause with all.

    Attributes:
        store: Address of the store.
        parent: Run id of the sweep.
        owner: The process of the sweep.
        isolated: Whether each job gets a process of its own, so that its death is not ours.
        timeout: Seconds for a job; None for as long as it takes.
        folder: Where the sweep was started; relative paths of data start there.
        environment: Variables of the sweep that this launcher does not hand on itself.
    """

    store: str
    parent: str
    owner: Process
    isolated: bool
    timeout: float | None
    folder: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __call__(self, config: DictConfig) -> Report:
        """Do one job."""
        self.move_in()
        job = schema.job_of(config, HydraConfig.get().runtime.choices)
        with machine(alone=job.quiet):
            report = self._apart(job) if self.isolated else perform(job, self.store, self.parent)
        tell(report)
        return report

    def move_in(self) -> None:
        """Take over the folder and the variables of the sweep, as far as they are lacking here."""
        os.environ.update(self.environment)
        os.environ.pop("MLFLOW_RUN_ID", None)  # every new run would resume that one
        if Path(self.folder).is_dir():
            os.chdir(self.folder)

    def _apart(self, job: Job) -> Report:
        owner = self.owner if self.owner.here else None
        began, strikes = time.perf_counter(), 0
        while True:
            ending = isolated(
                perform, job, self.store, self.parent, timeout=self.timeout, owner=owner
            )
            if ending.error is None:
                done: Report = ending.result
                return done
            strikes += 1
            last = strikes == STRIKES or not isinstance(ending.error, JobKilled)
            cause = tracking.error_tags(ending.error, self.store, trace=ending.trace)
            with suppress(TrackingError):  # the end of the sweep closes what is open
                self._close(job, ending.worker, cause)
            if last:
                return Report(
                    name=job.row_name,
                    seed=job.seed,
                    made=0,
                    seconds=time.perf_counter() - began,
                    cause=cause,
                    killed=True,
                )

    def _close(self, job: Job, worker: Process, cause: Mapping[str, str]) -> None:
        """Close what a process left open."""
        store = stores.open_store(self.store, job.experiment, create=False, patient=True)
        left = f"attributes.status = 'RUNNING' and tags.`{PROCESS}` = '{worker}'"
        for run in tracking.search(store, left):
            tracking.end(store, run.run_id, "KILLED", cause)


def perform(job: Job, store_uri: str, parent: str) -> Report:
    """Do a job in this process; its failure becomes a part of the report."""
    began, made, cause = time.perf_counter(), 0, {}
    protect(secrets_of(job.config))
    try:
        store = stores.open_store(store_uri, job.experiment, create=False, patient=True)
        made = len(evaluation.run_job(job, store, parent))
    except (Exception, SystemExit) as error:  # noqa: BLE001  (the one place where a failure becomes a record)
        cause = tracking.error_tags(error, store_uri)
    seconds = time.perf_counter() - began
    return Report(name=job.row_name, seed=job.seed, made=made, seconds=seconds, cause=cause)


def tell(report: Report) -> None:
    """Say what a job came to."""
    name = escape(report.name)
    if report.cause:
        message = escape(report.cause[tracking.MESSAGE])
        say(f"[red]✗ {name}[/] · seed {report.seed} · {message}")
        return
    cells = counted(report.made, "cell")
    done = f"{cells} in {report.seconds:.1f} s" if report.made else "already in MLflow"
    say(f"[green]✓ {name}[/] · seed {report.seed} · {done}")

"""One job where a launcher put it: done, or recorded as failed, whatever happens to it.

A worker of a pool does not need what its jobs need, so nothing here imports MLflow or the models.
"""

import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.markup import escape

from arogya_bench.errors import MESSAGE, JobKilled
from arogya_bench.runtime.child_process import isolated
from arogya_bench.runtime.console import counted, say
from arogya_bench.runtime.locks import machine
from arogya_bench.runtime.process import Process
from arogya_bench.sweeps.messages import Order, Report

OUTPUTS = "arogya-"  # starts the name of the folder that a sweep has for what its launcher writes
STRIKES = 2  # a job that ends its own process so often stays KILLED


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
        order = Order(
            config=config,
            choices=dict(HydraConfig.get().runtime.choices),
            store=self.store,
            parent=self.parent,
        )
        with machine(alone=config.sweep.quiet):
            report = self._apart(order) if self.isolated else perform(order)
        tell(report)
        if not self.owner.here:  # who tidies up there does not see this machine
            remove_outputs(Path(HydraConfig.get().runtime.output_dir))
        return report

    def move_in(self) -> None:
        """Take over the folder and the variables of the sweep, as far as they are lacking here."""
        os.environ.update(self.environment)
        os.environ.pop("MLFLOW_RUN_ID", None)  # every new run would resume that one
        if Path(self.folder).is_dir():
            os.chdir(self.folder)

    def _apart(self, order: Order) -> Report:
        owner = self.owner if self.owner.here else None
        began, strikes = time.perf_counter(), 0
        while True:
            ending = isolated(perform, order, timeout=self.timeout, owner=owner)
            if ending.error is None:
                done: Report = ending.result
                return done
            from arogya_bench.sweeps import job as performing  # heavy, and rarely needed here

            report = performing.lost(order, ending, time.perf_counter() - began)
            strikes += 1
            if strikes == STRIKES or not isinstance(ending.error, JobKilled):
                return report


def perform(order: Order) -> Report:
    """Do a job in this process; all that is heavy is imported where a job really runs."""
    from arogya_bench.sweeps import job as performing

    return performing.perform(order)


def remove_outputs(folder: Path) -> None:
    """Remove what Hydra wrote for one job, if it lies in the folder of a sweep."""
    if folder.parent.name.startswith(OUTPUTS):
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another job of the sweep is still here
            folder.parent.rmdir()


def tell(report: Report) -> None:
    """Say what a job came to."""
    name = escape(report.name)
    if report.cause:
        message = escape(report.cause[MESSAGE])
        say(f"[red]✗ {name}[/] · seed {report.seed} · {message}")
        return
    cells = counted(report.made, "cell")
    done = f"{cells} in {report.seconds:.1f} s" if report.made else "already in MLflow"
    say(f"[green]✓ {name}[/] · seed {report.seed} · {done}")
